"""`lockstep login`: sign this account in to a gateway elsewhere, by a token."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.admin import Stdin, secret_line
from gateway.cli.asking import NoInput
from gateway.cli.everywhere import CaFile, Url
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import Json
from gateway.cli.output import data, document, say
from gateway.cli.wishes import Wishes, wishes

ANSWER_S = 15.0


def login(
    url: Url = "",
    ca_file: CaFile = None,
    stdin: Stdin = False,
    forget: Annotated[
        bool, typer.Option("--forget", envvar="LOCKSTEP_FORGET", help="Forget the token that is kept for it.")
    ] = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Keep a token for a gateway elsewhere, after trying it. It is typed unseen, or comes with --stdin."""
    from gateway.cli import logins

    url = url or wishes().url
    if not url:
        raise Ending(Code.WRONG_USE, "which gateway? Name it with --url https://...")
    site = logins.site_of(url)
    if forget:
        there = logins.kept()
        found = there.pop(site, None)
        logins.keep(there)
        say(f"nothing is kept for {site} any more" if found else f"nothing was kept for {site}")
        return
    token = secret_line("token", stdin=stdin, no_input=no_input).strip()
    who = who_at(site, token, Wishes(url=site, ca_file=ca_file or wishes().ca_file))
    logins.keep({**logins.kept(), site: token})
    if as_json:
        document({"url": site, **who})
    else:
        data(f"signed in to {site} as {who['name']} ({', '.join(who['roles'])})")
    say(f"kept in {logins.place()}, which only this account can read")


def who_at(site: str, token: str, typed: Wishes) -> dict[str, Any]:
    """Who a gateway takes the token for. Ends with code 6 if it is not accepted, 8 if the gateway cannot be asked."""
    import httpx

    from gateway.cli.wire import trusted, why

    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    try:
        answer = httpx.get(
            f"{site}/session", headers=headers, timeout=ANSWER_S, verify=trusted(typed), follow_redirects=False
        )
    except (httpx.HTTPError, UnicodeError) as error:
        raise Ending(Code.NOT_REACHABLE, f"{site} cannot be asked: {why(error)}") from error
    if answer.status_code in (401, 403):
        raise Ending(Code.NOT_ALLOWED, f"{site} does not accept this token; make one there: lockstep token create")
    try:
        told = answer.json() if answer.status_code == 200 else None
    except ValueError:
        told = None
    if not isinstance(told, dict) or "name" not in told or "roles" not in told:
        raise Ending(Code.NOT_REACHABLE, f"{site} answers {answer.status_code}, but not as a gateway does")
    shown = ("id", "name", "roles", "rights", "connections", "types")
    return {name: told.get(name) for name in shown}
