"""Questions before what cannot be taken back. A script is never left waiting for an answer."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gateway.cli.exits import Code, Ending

Yes = Annotated[bool, typer.Option("--yes", "-y", envvar="LOCKSTEP_YES", help="Do it without asking.")]
NoInput = Annotated[
    bool,
    typer.Option(
        "--no-input", envvar="LOCKSTEP_NO_INPUT", help="Never ask: end with exit code 2, naming the flag that answers."
    ),
]


def make_sure(question: str, *, yes: bool, no_input: bool) -> None:
    """Returns if the answer is yes. Without a terminal to ask at, `--yes` is the only way to say so (exit code 2)."""
    if yes:
        return
    if no_input or not sys.stdin.isatty():
        raise Ending(Code.WRONG_USE, f"{question} Say so with --yes; nothing was done.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
        raise Ending(Code.FAILED, "nothing was done")
