"""`lockstep connection list|show|pause|resume`: how connections stand, and what people hold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.moments import time_of
from gateway.cli.output import age, data, document, moment, say, table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from gateway.cli.port import Gateway
    from gateway.work.connections import ConnectionView

COLUMNS = ("connection", "gate", "paused", "under way", "proving", "parked", "oldest", "polled", "credential")
BOTH = "both"

Name = Annotated[str, typer.Argument(metavar="CONNECTION", help="As the configuration names it (snow, jira).")]
Direction = Annotated[
    str,
    typer.Option("--direction", envvar="LOCKSTEP_DIRECTION", help="in: changes from it, out: changes to it, or both."),
]


def list_(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show every connection: its gate, what waits for it, and what is paused."""
    found = asked(config, lambda gateway: gateway.connections.list_connections())
    if as_json:
        document([facts(each) for each in found])
    else:
        table([_row(each) for each in found], COLUMNS)


def show(connection: Name, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show one connection: what it is, how its gate stands and since when, what waits for it, what is paused."""
    from gateway.work.credentials import in_words

    found = asked(config, lambda gateway: _known(gateway, connection))
    if as_json:
        document(facts(found))
        return
    heard = (("by pushes", bool(found.pushed_to)), ("by polling", found.polls), ("by webhooks", found.webhooks))
    ways = [way for way, is_so in heard if is_so]
    data(f"{found.name}  {found.label}  {found.connector}, heard {' and '.join(ways) or 'not at all'}")
    data(f"flows: {', '.join(found.flows) or 'none'}")
    if found.pushed_to:
        data(f"pushed to at {found.pushed_to}")
    since = f" since {moment(found.since)}" if found.since else ""
    data(f"gate: {found.state or 'not used yet'}{since}{f', {found.reason}' if found.reason else ''}")
    if found.state not in ("", "closed") and found.until:
        data(f"tried again at {moment(found.until)}")
    data(f"to be written: {found.working} records, {found.unknown} proving, {found.parked} parked")
    if found.oldest_s:
        data(f"oldest {age(found.oldest_s)}")
    data(f"to be decided: {found.noticed} changes; polled {moment(found.polled_at or None)}")
    if found.credential is not None:
        data(f"signs in by {found.credential.kind}")
        for name, value in in_words(found.credential, moment):
            data(f"{name}: {value}")
    if found.disabled is not None:
        off = found.disabled
        data(f"disabled since {moment(off.since)} by {off.actor}: {off.reason}")
    for name, value in _limits(found):
        data(f"{name}: {value}")
    for each in found.paused:
        data(f"paused {_WAYS[each.direction]} until {moment(each.until)} by {each.actor}: {each.reason}")


def _limits(found: ConnectionView) -> list[tuple[str, str]]:
    """What holds it up by rule, and what its system says of its fields."""
    from gateway.work import budgets, drift

    told = budgets.in_words(found.budget, moment)
    if found.next_maintenance is not None:
        told.append(("next maintenance", moment(found.next_maintenance)))
    return told + [each for schema in found.schemas for each in drift.in_words(schema, moment)]


def pause(
    connection: Name,
    direction: Direction = BOTH,
    until: Annotated[
        str, typer.Option("--until", envvar="LOCKSTEP_PAUSE_UNTIL", help="A time: 2026-11-21T18:00Z.")
    ] = "",
    span: Annotated[
        str, typer.Option("--for", envvar="LOCKSTEP_PAUSE_FOR", metavar="TIME", help="So long from now: 2h.")
    ] = "",
    reason: Annotated[
        str, typer.Option(envvar="LOCKSTEP_REASON", help="Why; whoever looks at the connection reads it. Needed.")
    ] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Hold a connection at every worker until a time, at most 30 days ahead. Nothing is lost meanwhile.

    Again with another end or reason: the new ones count.
    """
    wanted, end = _directions(direction), _end(until, span)
    if not reason.strip():
        raise Ending(Code.WRONG_USE, "give a --reason: whoever finds the connection held wants to know")

    async def hold(gateway: Gateway) -> bool:
        return await gateway.pausing.pause(connection, wanted, until=end, reason=reason.strip())

    _show(done(config, connection, hold), as_json)
    if not as_json:
        say(f"every worker knows it within a second; to end it sooner: lockstep connection resume {connection}")


def resume(
    connection: Name,
    direction: Direction = BOTH,
    reason: Annotated[str, typer.Option(envvar="LOCKSTEP_REASON", help="Why; it goes into the audit trail.")] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Let a connection go on; what waited is written and read now. Harmless if it was not paused."""
    wanted = _directions(direction)

    async def go_on(gateway: Gateway) -> bool:
        return await gateway.pausing.resume(connection, wanted, reason=reason.strip())

    _show(done(config, connection, go_on), as_json)


def _directions(direction: str) -> tuple[str, ...]:
    from gateway.work.pausing import DIRECTIONS

    if direction == BOTH:
        return DIRECTIONS
    if direction not in DIRECTIONS:
        raise Ending(Code.WRONG_USE, f"--direction {direction}: there are {', '.join(DIRECTIONS)} and {BOTH}")
    return (direction,)


def _end(until: str, span: str) -> float:
    from gateway.cli.deciding import waiting_time

    if bool(until) == bool(span):
        raise Ending(Code.WRONG_USE, "say when the pause ends: --for 2h, or --until 2026-11-21T18:00Z")
    return time.time() + waiting_time(span, "--for") if span else time_of(until, "--until")


def done(config: Path, connection: str, act: Callable[[Gateway], Awaitable[bool]]) -> ConnectionView:
    """The connection after the verb. Ends with code 7 if there is none of that name."""

    async def question(gateway: Gateway) -> ConnectionView:
        return await _known(gateway, connection, there=await act(gateway))

    return asked(config, question)


async def _known(gateway: Gateway, connection: str, *, there: bool = True) -> ConnectionView:
    found = await gateway.connections.get_connection(connection) if there else None
    if found is None:
        known = ", ".join(each.name for each in await gateway.connections.list_connections())
        raise Ending(Code.NOT_FOUND, f"there is no connection {connection}; the configuration has {known}")
    return found


def _show(found: ConnectionView, as_json: bool) -> None:
    if as_json:
        document(facts(found))
        return
    if not found.paused:
        data(f"{found.name} is not paused")
    for each in found.paused:
        data(
            f"{found.name} is paused {_WAYS[each.direction]} until {moment(each.until)} by {each.actor}: {each.reason}"
        )


_WAYS = {"in": "on the way in", "out": "on the way out"}


def _row(found: ConnectionView) -> dict[str, Any]:
    return {
        "connection": found.name,
        "gate": found.state or "not used yet",
        "paused": "disabled" if found.disabled else _paused(found) or None,
        "under way": found.working,
        "proving": found.unknown,
        "parked": found.parked,
        "oldest": age(found.oldest_s) if found.oldest_s else None,
        "polled": "pushed to" if found.pushed_to else moment(found.polled_at or None),
        "credential": _credential(found),
    }


def _paused(found: ConnectionView) -> str:
    return ", ".join(f"{each.direction} until {moment(each.until)}" for each in found.paused)


def _credential(found: ConnectionView) -> str | None:
    """Its state unless that is the usual one, and when it ends: what people have to replace first, else its token."""
    known = found.credential
    if known is None:
        return None
    state = known.state.replace("_", " ")
    if known.ends_at is not None:
        return f"{state}, ends {moment(known.ends_at)}"
    return (
        f"{state}, token ends in {age(max(0.0, known.token_ends_at - time.time()))}" if known.token_ends_at else state
    )


def facts(found: ConnectionView) -> dict[str, Any]:
    """The document of one connection."""
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(found)
    return told
