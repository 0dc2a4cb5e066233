"""`lockstep connection list|pause|resume`: how connections stand, and what people hold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.admin import asked
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.moments import time_of
from gateway.cli.output import age, data, document, moment, say, table

if TYPE_CHECKING:
    from gateway.access.rights import Principal
    from gateway.work.connections import ConnectionView
    from gateway.work.workplace import Workplace

COLUMNS = ("connection", "gate", "paused", "under way", "proving", "parked", "oldest", "polled")
BOTH = "both"

Name = Annotated[str, typer.Argument(metavar="CONNECTION", help="As the configuration names it (snow, jira).")]
Direction = Annotated[
    str,
    typer.Option("--direction", envvar="LOCKSTEP_DIRECTION", help="in: changes from it, out: changes to it, or both."),
]


def list_(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show every connection: its gate, what waits for it, and what is paused."""
    from gateway.cli.store import configuration
    from gateway.work.connections import list_connections

    found = asked(configuration(config), list_connections)
    if as_json:
        document([_facts(each) for each in found])
    else:
        table([_row(each) for each in found], COLUMNS)


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
    from gateway.work import pausing

    wanted, end = _directions(direction), _end(until, span)
    if not reason.strip():
        raise Ending(Code.WRONG_USE, "give a --reason: whoever finds the connection held wants to know")

    async def hold(place: Workplace, who: Principal) -> bool:
        return await pausing.pause(place, who, connection, wanted, until=end, reason=reason.strip())

    _show(_done(config, connection, hold), as_json)
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
    from gateway.work import pausing

    wanted = _directions(direction)

    async def go_on(place: Workplace, who: Principal) -> bool:
        return await pausing.resume(place, who, connection, wanted, reason=reason.strip())

    _show(_done(config, connection, go_on), as_json)


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


def _done(config: Config, connection: str, act: Any) -> ConnectionView:
    """The connection after the verb. Ends with code 7 if there is none of that name."""
    from gateway.cli.store import configuration
    from gateway.work.connections import get_connection

    loaded = configuration(config)

    async def question(place: Workplace, who: Principal) -> ConnectionView | None:
        return await get_connection(place, who, connection) if await act(place, who) else None

    found = asked(loaded, question)
    if found is None:
        known = ", ".join(sorted(loaded.connections))
        raise Ending(Code.NOT_FOUND, f"there is no connection {connection}; the configuration has {known}")
    return found


def _show(found: ConnectionView, as_json: bool) -> None:
    if as_json:
        document(_facts(found))
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
        "paused": ", ".join(f"{each.direction} until {moment(each.until)}" for each in found.paused) or None,
        "under way": found.working,
        "proving": found.unknown,
        "parked": found.parked,
        "oldest": age(found.oldest_s) if found.oldest_s else None,
        "polled": moment(found.polled_at or None),
    }


def _facts(found: ConnectionView) -> dict[str, Any]:
    import msgspec

    facts: dict[str, Any] = msgspec.to_builtins(found)
    return facts
