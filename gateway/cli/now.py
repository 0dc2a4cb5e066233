"""`lockstep now`: does anything need me?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.connection import found_lost
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.moments import moment_of
from gateway.cli.output import age, data, document, moment, table

if TYPE_CHECKING:
    from gateway.work.connections import ConnectionView, Speed
    from gateway.work.leavers import LeaverTally
    from gateway.work.needs import Need
    from gateway.work.now import Summary

WORTH_TELLING = 100
"""Writes from which on a queue has a line of its own; fewer are gone before it is read."""
PLAIN = 10.0
"""Writes a second from which on fractions do not matter."""
COLUMNS = ("to", "under way", "proving", "parked", "oldest")


def now(
    config: Config = DEFAULT_CONFIG,
    at: Annotated[
        str | None,
        typer.Option(envvar="LOCKSTEP_AT", metavar="TIME", help="As it was: 2h (so long ago), or a time."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether anything needs you, what, and since when; then what is under way to each system.

    Read from the database: it works while the gateway is stopped, too.
    """
    import msgspec

    from gateway.cli.gateways import asked

    wanted = moment_of(at, "--at", time.time())
    found = asked(config, lambda gateway: gateway.now.summary(at=wanted))
    if as_json:
        document(msgspec.to_builtins(found))
    else:
        _tell(found)


def _tell(found: Summary) -> None:
    data(f"{moment(found.at)}  {found.records} records")
    data(_sentence(found))
    for number, group in enumerate(found.groups, 1):
        data(f"  {number}  {group.title}   {_how_bad(group, found)}")
        data(f"     {group.next_step}")
        data(f"     next: lockstep case show {group.sample}")
    if found.things > len(found.groups):
        data(f"  and {found.things - len(found.groups)} more: lockstep case groups")
    if found.not_known:
        data(f"Not kept of that moment: {', '.join(found.not_known)}.")
        return
    _tell_flow(found)
    if found.leavers is not None and found.leavers.open:
        data(_leavers(found.leavers))
    data("Quiet: nothing waits." if found.quiet else _under_way(found.notices_waiting))


def _leavers(found: LeaverTally) -> str:
    """As in: Leavers 41 open, 0 past due, next due 2026-11-30 06:00:00Z."""
    due = f", next due {moment(found.next_due_at)}" if found.next_due_at is not None else ""
    privileged = f" ({found.privileged} privileged)" if found.privileged else ""
    return f"Leavers {found.open} open, {found.past_due} past due{privileged}{due}"


def _under_way(notices: int) -> str:
    return f"{notices} notices wait to be read." if notices else "Not quiet yet: something is under way."


def _tell_flow(found: Summary) -> None:
    """What is not as it should be on the way, and what is under way."""
    for gate in found.connections:
        if gate.state not in ("", "closed"):
            data(f"{gate.name} is {_STATES.get(gate.state, gate.state)}: {gate.reason}; lanes wait, nothing is lost")
        for each in gate.paused:
            data(f"{gate.name} is paused ({each.direction}) until {moment(each.until)} by {each.actor}: {each.reason}")
    if found.disk:
        data(f"Changes are refused: {found.disk}")
    for worker in found.refusing:
        data(f"{worker.worker} takes nothing in since {age(found.at - worker.since)}: {worker.reason}")
    for sweep in found.sweeps:
        if lost := found_lost(sweep.found):
            data(f"The last sweep of {sweep.connection} ({sweep.kind}) found what nobody told of: {lost}")
    if found.connections:
        table([_lane(each) for each in found.connections], COLUMNS)
    for one in found.connections:
        if one.queue.writes >= WORTH_TELLING:
            data(_queue(one.name, one.queue))


_STATES = {"open": "down", "throttled": "asking us to wait", "credentials": "refusing our credentials"}


def _sentence(found: Summary) -> str:
    """Things are groups of cases with one cause: they are seen to together."""
    past = bool(found.not_known)
    if not found.things:
        return "Nothing needed anybody." if past else "Nothing needs you."
    word = "was open" if past else "needs you"
    words = "were open" if past else "need you"
    things = f"1 thing {word}" if found.things == 1 else f"{found.things} things {words}"
    return f"{things} ({found.needs_people} open case{'' if found.needs_people == 1 else 's'})"


def _how_bad(group: Need, found: Summary) -> str:
    """How many, since when, whether it gets worse, and who is on it."""
    from gateway.work.needs import trend

    since = age(found.at - group.oldest)
    owners = "" if found.not_known else f" · {', '.join(group.owners) or 'nobody has it'}"
    return f"{group.count} cases · oldest {since} · {trend(group.count, group.last_hour)}{owners}"


def _queue(connection: str, queue: Speed) -> str:
    """As in: jira: queue 812,000, 1,150/s, done in about 12 min."""
    line = f"{connection}: queue {queue.writes:,}"
    if queue.per_s is None or queue.done_s is None:
        return f"{line}, not shrinking now"
    speed = f"{queue.per_s:,.0f}" if queue.per_s >= PLAIN else f"{queue.per_s:.1f}"
    return f"{line}, {speed}/s, done in about {age(queue.done_s)}"


def _lane(each: ConnectionView) -> dict[str, Any]:
    return {
        "to": each.name,
        "under way": each.working,
        "proving": each.unknown,
        "parked": each.parked,
        "oldest": age(each.oldest_s) if each.working else None,
    }
