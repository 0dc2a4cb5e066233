"""What stands behind `lockstep`: its nouns, and an app of all of them or of the one that was typed.

An app of one noun imports and builds that one alone; making all of them takes longer than most commands do.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Annotated

import typer

from gateway.cli import everywhere
from gateway.cli.wishes import keep, wishes

VERB, NOUN, NOUNS = "a verb by itself", "a noun with verbs", "a noun with verbs, also typed as its plural"
_PLACES = {
    "demo": VERB,
    "run": VERB,
    "apply": VERB,
    "check": VERB,
    "now": VERB,
    "record": NOUNS,
    "case": NOUNS,
    "connection": NOUNS,
    "flow": NOUNS,
    "connector": NOUNS,
    "replay": NOUNS,
    "mapping": NOUNS,
    "leaver": NOUNS,
    "audit": NOUN,
    "report": NOUNS,
    "hold": NOUNS,
    "archive": NOUN,
    "siem": NOUN,
    "reconcile": VERB,
    "sandbox": VERB,
    "user": NOUNS,
    "token": NOUNS,
    "secret": NOUNS,
    "notification": NOUNS,
    "console": VERB,
    "login": VERB,
    "whoami": VERB,
    "version": VERB,
    "help": NOUN,
}
"""In the order of `lockstep --help`. Each is the module of its name, `help` aside."""
_MODULES = {"help": "topics"}
_TAKE_A_VALUE = ("--url", "--ca-file")


def app_of(nouns: Iterable[str] = _PLACES) -> typer.Typer:
    """An app of these nouns, with what every verb has."""
    app = typer.Typer(
        name="lockstep",
        help="Keeps records that live in several systems in step: in order, once in effect, through outages.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Start with `lockstep demo`. Exit codes: `lockstep help exit-codes`.",
    )
    for noun in nouns:
        _add(app, noun)
    app.callback()(_everywhere)
    everywhere.give(app)
    return app


def _add(app: typer.Typer, noun: str) -> None:
    module = import_module(f"gateway.cli.{_MODULES.get(noun, noun)}")
    if _PLACES[noun] is VERB:
        app.command(noun)(getattr(module, noun))
        return
    app.add_typer(module.app, name=noun)
    if _PLACES[noun] is NOUNS:
        app.add_typer(module.app, name=f"{noun}s", hidden=True)


def typed(words: Sequence[str]) -> tuple[str, ...]:
    """The noun among the words of a command line; all nouns where there is none, or the shell asks for completions."""
    rest = iter(words)
    for word in rest:
        if word in _TAKE_A_VALUE:
            next(rest, "")
        elif word in ("-h", "--help") or "_LOCKSTEP_COMPLETE" in os.environ:
            break
        elif not word.startswith("-"):
            one = word.removesuffix("s")
            found = one if _PLACES.get(one) is NOUNS else word
            return (found,) if found in _PLACES else tuple(_PLACES)
    return tuple(_PLACES)


def _everywhere(
    no_color: Annotated[
        bool, typer.Option("--no-color", envvar="LOCKSTEP_NO_COLOR", help="No colour, as with NO_COLOR=1.")
    ] = False,
    url: everywhere.Url = "",
    ca_file: everywhere.CaFile = None,
) -> None:
    if no_color:
        os.environ["NO_COLOR"] = "1"
    keep(replace(wishes(), url=url, ca_file=ca_file))
