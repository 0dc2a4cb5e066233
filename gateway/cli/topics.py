"""`lockstep help TOPIC`: what belongs to no single command."""

from __future__ import annotations

import typer

from gateway.cli.exits import MEANING
from gateway.cli.flags import Json
from gateway.cli.output import document, table

app = typer.Typer(help="Topics that belong to no single command.", no_args_is_help=True)


@app.callback()
def _topics() -> None:
    """Topics that belong to no single command."""


@app.command("exit-codes")
def exit_codes(as_json: Json = False) -> None:
    """List the exit codes of all commands; they never change."""
    rows = [{"code": int(code), "meaning": meaning} for code, meaning in MEANING.items()]
    if as_json:
        document(rows)
    else:
        table(rows, ("code", "meaning"))
