"""`lockstep siem status|test|resend`: how the feeds to receivers stand, and what a person may ask of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.output import age, data, document, moment, say, table

if TYPE_CHECKING:
    from gateway.cli.port import Gateway
    from gateway.work.siem import SinkView

LOOK_S = 0.2
_KB = 1 << 10

Sink = Annotated[str, typer.Argument(help="The sink, as the configuration names it.")]


def status(
    sink: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show the sinks: what each receiver has, what it lacks, since when, and why.

    Exit code 3 if one of them does not work or its spool is full.
    """
    found = [each for each in asked(config, lambda gateway: gateway.siem.list_sinks()) if sink in (None, each.sink)]
    if sink is not None and not found:
        raise Ending(Code.WRONG_USE, f"there is no sink {sink}")
    if as_json:
        document([_facts(each) for each in found])
    else:
        columns = ("sink", "kind", "to", "state", "since", "number", "sent", "waiting", "spool", "lag", "behind", "why")
        table([_row(each) for each in found], columns)
        if not found:
            say("nobody is told of anything: the configuration has no sinks under siem")
    if any(each.state in ("failing", "refused") or each.full_at for each in found):
        raise Ending(Code.SOME_FAILED)


def try_(
    sink: Sink,
    config: Config = DEFAULT_CONFIG,
    wait: Annotated[
        float,
        typer.Option("--wait", envvar="LOCKSTEP_SIEM_WAIT", min=0.0, help="Seconds to wait for it; 0: none."),
    ] = 30.0,
    as_json: Json = False,
) -> None:
    """Have the running gateway send a sign of life, after whatever waits for the receiver.

    Exit code 3 if the receiver is in trouble, 4 if nothing is proved in time.
    """
    number, view = asked(config, lambda gateway: _tested(gateway, sink, wait))
    if as_json:
        document({"number": number, **_facts(view)})
    else:
        data(f"{sink}: {view.state}; it has {view.sent} of {view.number} events" + _why(view))
    if wait and view.sent < number:
        if view.state in ("failing", "refused"):
            raise Ending(Code.SOME_FAILED, f"{sink} does not take it: {view.reason}")
        raise Ending(Code.STILL_UNKNOWN, "not proved yet; is the gateway running? lockstep now")


def resend(
    sink: Sink,
    first: Annotated[
        int, typer.Option("--from", envvar="LOCKSTEP_SIEM_RESEND_FROM", min=1, help="Number of the feed to begin with.")
    ],
    plan: Annotated[bool, typer.Option("--plan", envvar="LOCKSTEP_PLAN", help="Only say which.")] = False,
    config: Config = DEFAULT_CONFIG,
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Send a feed once more from an event on: same numbers, ids and digests, so a receiver knows what it has.

    `lockstep siem verify` names what a receiver lacks.
    """
    found = asked(config, lambda gateway: gateway.siem.resend(sink, first, plan=True))
    count = found.last - found.first + 1
    if not plan:
        make_sure(f"Send {count} events of {sink} once more?", yes=yes, no_input=no_input)
        found = asked(config, lambda gateway: gateway.siem.resend(sink, first))
    if as_json:
        document({**_facts(found), "planned": plan})
        return
    data(f"{count} events of {sink}, {found.first} to {found.last}, {'would be' if plan else 'are'} sent once more")


async def _tested(gateway: Gateway, sink: str, wait_s: float) -> tuple[int, SinkView]:
    import asyncio

    number = await gateway.siem.try_sink(sink)
    until = time.monotonic() + wait_s
    while True:
        (view,) = [each for each in await gateway.siem.list_sinks() if each.sink == sink]
        if view.sent >= number or view.state == "refused" or time.monotonic() >= until:
            return number, view
        await asyncio.sleep(LOOK_S)


def _facts(view: Any) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(view)
    return found


def _row(view: SinkView) -> dict[str, Any]:
    lag = age(view.lag_s) if view.waiting else ""
    why = "the spool is full; new events wait in the audit trail. " if view.full_at else ""
    spool = f"{100 * view.octets // view.spool}%"
    return {**_facts(view), "since": moment(view.since), "spool": spool, "lag": lag, "why": why + view.reason}


def _why(view: SinkView) -> str:
    return f" ({view.reason})" if view.reason else ""
