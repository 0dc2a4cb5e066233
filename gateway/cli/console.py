"""`lockstep console`: the way into the console for whoever can open the database."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gateway.cli.admin import asked
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document, say


def console(
    config: Config = DEFAULT_CONFIG,
    open_: Annotated[bool, typer.Option("--open", envvar="LOCKSTEP_OPEN", help="Open it in the browser.")] = False,
    as_: Annotated[
        str,
        typer.Option("--as", envvar="LOCKSTEP_AS", show_default="your account, as admin", help="Sign this person in."),
    ] = "",
    next_: Annotated[str, typer.Option("--next", envvar="LOCKSTEP_NEXT", help="The page to begin at.")] = "/",
    as_json: Json = False,
) -> None:
    """Print a link that signs in to the console, once, within five minutes. Nobody needs an account for this."""
    from urllib.parse import urlencode

    from gateway.cli.store import configuration, gateway_answers
    from gateway.work.people import sign_in_link

    loaded = configuration(config)
    secret = asked(loaded, lambda place, who: sign_in_link(place, who, name=as_))
    query = {"token": secret} | ({"next": next_} if next_ != "/" else {})
    link = f"{loaded.access.url}/sign-in/link?{urlencode(query)}"
    if as_json:
        document({"url": link, "valid_s": 300})
    else:
        data(link)
    if not gateway_answers(loaded):
        say(f"no gateway answers at {loaded.host}:{loaded.port} yet; start it first: lockstep run")
    if open_:
        _open(link)
    elif sys.stdout.isatty():
        say("it works once, within five minutes; with --open it is opened for you")


def _open(link: str) -> None:
    import webbrowser

    if not webbrowser.open(link):
        say("there is no browser here; open the link where there is one")
