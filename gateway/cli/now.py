"""`lockstep now`: does anything need me?"""

from __future__ import annotations

import time
from typing import Any

from gateway.cli.connection import found_lost
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import age, data, document, moment, table

WORTH_TELLING = 100
"""Writes from which on a queue has a line of its own; fewer are gone before it is read."""
PLAIN = 10.0
"""Writes a second from which on fractions do not matter."""

Facts = dict[str, Any]


def now(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Say whether anything needs you, what, and since when; then what is under way to each system.

    Read from the database: it works while the gateway is stopped, too.
    """
    from gateway.cli.deciding import here
    from gateway.cli.store import ask, configuration
    from gateway.intake.pressure import disk_reason
    from gateway.work.queries import now_summary

    read = configuration(config)
    found = ask(read, lambda database: now_summary(*here(read, database, "")))
    found["disk"] = disk_reason(read.data, read.limits.disk_reserve) or None
    if as_json:
        document(found)
    else:
        _tell(found)


def _tell(found: Facts) -> None:
    groups = found["groups"]
    data(f"{moment(found['at'])}  {found['records']} records")
    data(_sentence(found["needs_people"], len(groups)))
    for number, group in enumerate(groups, 1):
        data(f"  {number}  {group['title']}   {_how_bad(group)}")
        data(f"     {group['next_step']}")
        data(f"     next: lockstep case show {group['sample']}")
    for gate in found["connections"]:
        if gate["state"] != "closed":
            state = _STATES.get(gate["state"], gate["state"])
            data(f"{gate['connection']} is {state}: {gate['reason']}; lanes wait, nothing is lost")
    if found["disk"]:
        data(f"Changes are refused: {found['disk']}")
    for worker in found["refusing"]:
        data(f"{worker['worker']} takes nothing in since {age(found['at'] - worker['since'])}: {worker['reason']}")
    for sweep in found["sweeps"]:
        if lost := found_lost(sweep["found"]):
            data(f"The last sweep of {sweep['connection']} ({sweep['kind']}) found what nobody told of: {lost}")
    if found["lanes"]:
        table([_lane(lane) for lane in found["lanes"]], ("to", "under way", "proving", "parked", "oldest"))
    for lane in found["lanes"]:
        if lane["queue"]["writes"] >= WORTH_TELLING:
            data(_queue(lane["connection"], lane["queue"]))
    data("Quiet: nothing waits." if found["quiet"] else f"{found['notices_waiting']} notices wait to be read.")


_STATES = {"open": "down", "throttled": "asking us to wait", "credentials": "refusing our credentials"}


def _sentence(cases: int, shown: int) -> str:
    """`shown` counts groups of cases with one cause: they are seen to together."""
    if not shown:
        return "Nothing needs you."
    things = "1 thing needs you" if shown == 1 else f"{shown} things need you"
    return f"{things} ({cases} open case{'' if cases == 1 else 's'})"


def _how_bad(group: Facts) -> str:
    """How many, since when, whether it gets worse, and who is on it."""
    from gateway.work.needs import trend

    since = age(time.time() - group["oldest"])
    owners = ", ".join(group["owners"]) or "nobody has it"
    return f"{group['count']} cases · oldest {since} · {trend(group['count'], group['last_hour'])} · {owners}"


def _queue(connection: str, queue: Facts) -> str:
    """As in: jira: queue 812,000, 1,150/s, done in about 12 min."""
    line = f"{connection}: queue {queue['writes']:,}"
    if queue["per_s"] is None:
        return f"{line}, not shrinking now"
    speed = f"{queue['per_s']:,.0f}" if queue["per_s"] >= PLAIN else f"{queue['per_s']:.1f}"
    return f"{line}, {speed}/s, done in about {age(queue['done_s'])}"


def _lane(lane: Facts) -> Facts:
    return {
        "to": lane["connection"],
        "under way": lane["working"],
        "proving": lane["unknown"],
        "parked": lane["parked"],
        "oldest": age(lane["oldest_s"]) if lane["working"] else None,
    }
