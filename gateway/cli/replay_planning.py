"""`lockstep replay plan`: what is selected is pinned, and what would happen is shown before anything does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from gateway.cli.deciding import Actor
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.moments import moment_of
from gateway.cli.output import document, say
from gateway.cli.replay_asking import all_items, asked
from gateway.cli.replay_making import Looking
from gateway.cli.replay_showing import show_diff, show_plan

if TYPE_CHECKING:
    from gateway.cli.port import Gateway
    from replay.values import Wish

Facts = dict[str, Any]


def plan(
    numbers: Annotated[list[str] | None, typer.Argument(help="Only these cases: FO-17 FO-18.")] = None,
    cause: Annotated[str, typer.Option(envvar="LOCKSTEP_REPLAY_CAUSE", help="Cases of this cause.")] = "",
    group: Annotated[str, typer.Option(envvar="LOCKSTEP_REPLAY_GROUP", help="Cases of this group.")] = "",
    flow: Annotated[str, typer.Option(envvar="LOCKSTEP_REPLAY_FLOW", help="Of this flow.")] = "",
    connection: Annotated[str, typer.Option(envvar="LOCKSTEP_REPLAY_CONNECTION", help="At this connection.")] = "",
    record: Annotated[str, typer.Option(envvar="LOCKSTEP_REPLAY_RECORD", help="Of this record (its id).")] = "",
    text: Annotated[str, typer.Option(envvar="LOCKSTEP_REPLAY_TEXT", help="Part of title, object key or cause.")] = "",
    person: Annotated[
        str, typer.Option(envvar="LOCKSTEP_REPLAY_PERSON", help="Of records that name this person.")
    ] = "",
    mapping: Annotated[
        str,
        typer.Option(
            envvar="LOCKSTEP_REPLAY_MAPPING",
            help="Of records that this mapping version read: NAME@2. With --journal: understood by it.",
        ),
    ] = "",
    since: Annotated[
        str | None, typer.Option(envvar="LOCKSTEP_REPLAY_SINCE", help="First seen since: 2h, or 2026-11-02T08:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(envvar="LOCKSTEP_REPLAY_UNTIL", help="First seen until.")] = None,
    journal: Annotated[
        bool,
        typer.Option(
            "--journal", envvar="LOCKSTEP_REPLAY_JOURNAL", help="Not cases: the objects of accepted changes, anew."
        ),
    ] = False,
    again: Annotated[
        str, typer.Option(envvar="LOCKSTEP_REPLAY_AGAIN", metavar="PLAN", help="Make this plan anew.")
    ] = "",
    drop: Annotated[
        list[str] | None,
        typer.Option(envvar="LOCKSTEP_REPLAY_DROP", metavar="CASE", help="With --again: leave this one out."),
    ] = None,
    left: Annotated[
        str, typer.Option(envvar="LOCKSTEP_REPLAY_LEFT", metavar="RUN", help="What this run left open.")
    ] = "",
    rate: Annotated[
        float | None, typer.Option(envvar="LOCKSTEP_REPLAY_RATE", min=0.1, help="At most so many items a minute.")
    ] = None,
    ramp: Annotated[
        str | None, typer.Option(envvar="LOCKSTEP_REPLAY_RAMP", help="Sizes of the first steps: 1,5,20.")
    ] = None,
    wait_after: Annotated[
        int | None, typer.Option(envvar="LOCKSTEP_REPLAY_WAIT_AFTER", min=0, help="Wait for you after this step.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(envvar="LOCKSTEP_REPLAY_OUT", help="Also write the plan, item by item, to this file.")
    ] = None,
    exit_changes: Annotated[
        bool, typer.Option("--exit-changes", envvar="LOCKSTEP_EXIT_CHANGES", help="Exit code 10 if it would send.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Pin what is selected and plan its replay. Nothing is sent."""
    from replay.values import Source, Wish

    now = time.time()
    wish = Wish(
        source=Source.JOURNAL if journal else Source.CASES,
        numbers=tuple(numbers or ()),
        cause=cause,
        group=group,
        flow=flow,
        connection=connection,
        record=record,
        text=text,
        person=person,
        mapping="" if journal else mapping,
        through=mapping if journal else "",
        since=moment_of(since, "--since", now),
        until=moment_of(until, "--until", now),
    )
    wanted = {"rate": rate, "ramp": _ramp(ramp), "wait_after": wait_after}
    limits = {name: value for name, value in wanted.items() if value is not None}
    if drop and not again:
        raise Ending(Code.WRONG_USE, "--drop leaves something out of a plan that is made anew: name it with --again")
    origin = Origin(wish, again, tuple(drop or ()), left)
    found, items, name = asked(config, actor, lambda gateway: _planned(gateway, origin, limits, whole=bool(out)))
    if out is not None:
        _written(out, {**found, "items": items})
    if as_json:
        document(found)
    else:
        show_plan(found, name)
    if exit_changes and found["sends"]:
        raise Ending(Code.PLAN_HAS_CHANGES)


class Origin(NamedTuple):
    """What a plan is made of: a wish, a plan that is made anew, or what a run left open."""

    wish: Wish
    again: str
    drop: tuple[str, ...]
    left: str


async def _planned(gateway: Gateway, origin: Origin, limits: Facts, *, whole: bool) -> tuple[Facts, list[Facts], str]:
    """The plan, all its items if it is to be written, and the gateway's name."""
    looking = Looking()
    try:
        found = await _made(gateway, origin, limits, looking)
    finally:
        looking.over()
    if origin.again:
        difference = await gateway.replays.diff(found["plan"])
        if difference is not None:
            show_diff(difference)
    items = await all_items(gateway, found["plan"]) if whole else []
    return found, items, str((await gateway.me())["gateway"])


async def _made(gateway: Gateway, origin: Origin, limits: Facts, looking: Looking) -> Facts:
    replays = gateway.replays
    if origin.again:
        return await replays.plan_again(origin.again, drop=origin.drop, heard=looking.heard)
    selected = await (replays.leftovers(origin.left) if origin.left else replays.select(origin.wish))
    return await replays.plan_within(selected["selection"], selected["count"], limits, heard=looking.heard)


def _ramp(text: str | None) -> list[int] | None:
    if text is None:
        return None
    sizes = [part.strip() for part in text.split(",") if part.strip()]
    if not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise Ending(Code.WRONG_USE, f"--ramp {text}: sizes of the first steps, such as 1,5,20")
    return [int(size) for size in sizes]


def _written(file: Path, plan: Facts) -> None:
    import orjson

    file.write_bytes(orjson.dumps(plan, option=orjson.OPT_INDENT_2) + b"\n")
    say(f"written to {file}")
