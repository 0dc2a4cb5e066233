"""`lockstep token`: what programs show to be let in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.admin import Connections, Roles, Types, facts, roles_of, scope_text
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.output import data, document, moment, say, table
from gateway.cli.wishes import wishes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.access.tokens import Token
    from gateway.cli.port import Gateway
    from gateway.config.access import DeclaredToken

app = typer.Typer(help="Tokens that programs show to be let in.", no_args_is_help=True)
Expires = Annotated[str, typer.Option(envvar="LOCKSTEP_EXPIRES", metavar="TIME", help="So long; at most 366d.")]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: Roles,
    config: Config = DEFAULT_CONFIG,
    connection: Connections = None,
    type: Types = None,
    expires: Expires = "90d",
    as_json: Json = False,
) -> None:
    """Make a token. It is shown now and never again: only its hash is kept."""
    from connectors.contract.written.units import seconds

    roles = roles_of(role)
    try:
        lasts_s = seconds(expires)
    except ValueError as error:
        raise Ending(Code.WRONG_USE, f"--expires {expires}: {error}") from error
    made = asked(
        config,
        lambda gateway: gateway.tokens.create_token(
            name, roles=roles, connections=connection or None, types=type or None, lasts_s=lasts_s
        ),
    )
    if as_json:
        document({**facts(made.token), "secret": made.secret})
    else:
        data(made.secret)
    say(f"{made.token.id} ({name}) is valid until {moment(made.token.expires_at)}; this is the only time it is shown")


@app.command("list")
def list_(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show everybody's tokens, newest first, or one's own for who does not manage people; never what they say.

    Here those of the configuration, too.
    """
    found = asked(config, _listed)
    declared = [] if wishes().url else _of_configuration(config)
    if as_json:
        document([facts(each) for each in found] + declared)
        return
    rows = [_row(each) for each in found] + [_declared_row(each) for each in declared]
    table(rows, ["id", "name", "owner", "roles", "connections", "state", "ends", "last used"])
    if not rows:
        say("no tokens; make one: lockstep token create ci --role viewer")


async def _listed(gateway: Gateway) -> Sequence[Token]:
    me = await gateway.me()
    return await gateway.tokens.list_tokens(everybodys="manage" in me["rights"])


def _of_configuration(config: Path) -> list[dict[str, Any]]:
    from gateway.cli.store import configuration

    loaded = configuration(config)
    return [_declared(each, loaded.file.name) for each in loaded.access.tokens.values()]


@app.command("revoke")
def revoke(
    id: Annotated[str, typer.Argument(help="The token's id, as `lockstep token list` shows it.")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Accept a token no more, from now on. Again is harmless."""
    if id.startswith("declared:"):
        raise Ending(Code.WRONG_USE, f"{id} stands in the configuration; take it out of access.tokens there")
    gone = asked(config, lambda gateway: gateway.tokens.revoke_token(id))
    if as_json:
        document(facts(gone))
    else:
        data(f"{gone.id} ({gone.name}) is not accepted any more, since {moment(gone.revoked_at)}")


def _row(token: Token) -> dict[str, Any]:
    state = "valid" if token.expires_at > time.time() else "over"
    return {
        "id": token.id,
        "name": token.name,
        "owner": token.owner,
        "roles": ", ".join(sorted(token.roles)),
        "connections": scope_text(token.connections),
        "state": "revoked" if token.revoked_at else state,
        "ends": moment(token.expires_at),
        "last used": moment(token.used_at),
    }


def _declared(token: DeclaredToken, file: str) -> dict[str, Any]:
    grant = token.grant
    return {
        "id": f"declared:{token.name}",
        "name": token.name,
        "owner": file,
        "roles": sorted(grant.roles),
        "connections": None if grant.connections is None else sorted(grant.connections),
        "types": None if grant.types is None else sorted(grant.types),
        "expires_at": token.expires_at,
    }


def _declared_row(found: dict[str, Any]) -> dict[str, Any]:
    scope = found["connections"]
    return {
        **found,
        "roles": ", ".join(found["roles"]),
        "connections": scope_text(None if scope is None else frozenset(scope)),
        "state": "declared",
        "ends": moment(found["expires_at"]),
        "last used": "-",
    }
