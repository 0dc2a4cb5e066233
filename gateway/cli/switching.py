"""`lockstep connection disable|enable`: out of service until somebody says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document
from gateway.cli.pausing import Name, done, facts

if TYPE_CHECKING:
    from gateway.cli.port import Gateway
    from gateway.work.connections import ConnectionView

Reason = Annotated[
    str, typer.Option(envvar="LOCKSTEP_REASON", help="Why; whoever looks at the connection reads it. Needed.")
]


def disable(connection: Name, reason: Reason = "", config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Make no request to a connection until it is enabled: no poll, no write, no sweep, at any worker.

    Nothing is lost: what is to be written waits in its lanes, what its webhooks tell is kept. With an end: `pause`.
    """
    why = _said(reason)

    async def off(gateway: Gateway) -> bool:
        return await gateway.switching.disable(connection, reason=why)

    _show(done(config, connection, off), as_json)


def enable(connection: Name, reason: Reason = "", config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Let a disabled connection go on: what waited is written and read now. Harmless if it was not disabled."""
    why = _said(reason)

    async def on(gateway: Gateway) -> bool:
        return await gateway.switching.enable(connection, reason=why)

    _show(done(config, connection, on), as_json)


def _said(reason: str) -> str:
    if not reason.strip():
        raise Ending(Code.WRONG_USE, "give a --reason: whoever finds the connection so wants to know")
    return reason.strip()


def _show(found: ConnectionView, as_json: bool) -> None:
    if as_json:
        document(facts(found))
    elif found.disabled is None:
        data(f"{found.name} is not disabled")
    else:
        data(f"{found.name} is disabled by {found.disabled.actor}: {found.disabled.reason}")
