"""`lockstep leaver guard list|show|allow|refuse`: departures that were too many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.deciding import Actor, Reason
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document, moment, say, table
from gateway.offboarding.values import parse_number

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.cli.port import Gateway
    from gateway.offboarding.blast.floods import Decision, Flood, Waiting

app = typer.Typer(
    name="guard",
    help="Departures that were stopped because they were too many at once; two people decide about them.",
    no_args_is_help=True,
)
COLUMNS = ("flood", "waiting", "since", "why", "asked for")
PEOPLE = ("leaver", "person", "stopped", "batch", "since", "state", "why")
Name = Annotated[str, typer.Argument(metavar="FLOOD", help="FL-1, as the list names it.")]
Leavers = Annotated[
    list[str] | None,
    typer.Argument(metavar="[LEAVER]...", help="LV-1 ...; none: all that wait, or those the first person named."),
]


@app.command("list")
def list_(
    config: Config = DEFAULT_CONFIG,
    every: Annotated[bool, typer.Option("--all", envvar="LOCKSTEP_ALL", help="Those that are over, too.")] = False,
    as_json: Json = False,
) -> None:
    """List what was stopped and waits for two people."""
    from gateway.cli.gateways import asked

    found = asked(config, lambda gateway: gateway.leaver_guard.list_floods(open=not every))
    if as_json:
        _as_json(found)
        return
    table([_row(each) for each in found], COLUMNS)
    if not found:
        say("no departures are stopped")


@app.command()
def show(flood: Name, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show everybody in it, where each was stopped and why."""
    from gateway.cli.gateways import asked

    found = asked(config, lambda gateway: gateway.leaver_guard.get_flood(flood))
    if as_json:
        _as_json(found)
        return
    data(f"{found.label}  {found.waits} waiting since {moment(found.opened_at)}: {found.why}")
    if found.wanted is not None:
        wanted = found.wanted
        text = f"{wanted.by} wants to {wanted.what} {len(wanted.numbers)} of them: {wanted.reason}"
        data(f"{text}. A second person has to say the same")
    table([_person(each) for each in found.people], PEOPLE)


@app.command()
def allow(
    flood: Name,
    leavers: Leavers = None,
    reason: Reason = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Let them begin, all or some. The first person asks with a reason, the second says the same."""
    _decide(flood, "allow", leavers, reason, config, actor, yes=yes, no_input=no_input, as_json=as_json)


@app.command()
def refuse(
    flood: Name,
    leavers: Leavers = None,
    reason: Reason = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Say that they never begin, all or some; their access stays. Two people, as with `allow`."""
    _decide(flood, "refuse", leavers, reason, config, actor, yes=yes, no_input=no_input, as_json=as_json)


def _decide(
    flood: str,
    what: str,
    leavers: list[str] | None,
    reason: str,
    config: Path,
    actor: str,
    *,
    yes: bool,
    no_input: bool,
    as_json: bool,
) -> None:
    from gateway.cli.gateways import asked

    numbers = [_number(each) for each in leavers or []]
    if not yes:
        there = asked(config, lambda gateway: gateway.leaver_guard.get_flood(flood), actor=actor)
        make_sure(_question(there, what, numbers), yes=yes, no_input=no_input)

    async def say_so(gateway: Gateway) -> Decision:
        return await gateway.leaver_guard.decide(flood, what, numbers, reason=reason)

    done = asked(config, say_so, actor=actor)
    if as_json:
        _as_json(done)
    elif done.done:
        told = "may begin" if what == "allow" else "will not begin"
        data(f"{done.flood}  {len(done.numbers)} {told}, {done.left} still wait")
    else:
        data(
            f"{done.flood}  asked for: {what} {len(done.numbers)}. Nothing is done before a second person says the same"
        )


def _question(there: Flood, what: str, numbers: list[int]) -> str:
    wanted = there.wanted
    if wanted is not None and wanted.what == what and (not numbers or set(numbers) == set(wanted.numbers)):
        return f"{wanted.by} wants to {what} {len(wanted.numbers)} of {there.label} ({wanted.reason}). Agree?"
    return f"Ask for: {what} {len(numbers) or there.waits} of {there.label}?"


def _number(text: str) -> int:
    found = parse_number(text)
    if found is None:
        raise Ending(Code.WRONG_USE, f"{text} is no leaver; it is called like LV-17")
    return found


def _row(each: Flood) -> dict[str, Any]:
    wanted = each.wanted
    return {
        "flood": each.label,
        "waiting": each.waits,
        "since": moment(each.opened_at),
        "why": each.why,
        "asked for": f"{wanted.what} {len(wanted.numbers)}, by {wanted.by}" if wanted else "",
    }


def _person(each: Waiting) -> dict[str, Any]:
    return {
        "leaver": f"LV-{each.number}",
        "person": each.name,
        "stopped": each.connection or "everywhere",
        "batch": each.batch,
        "since": moment(each.since),
        "state": f"{each.state}, begun elsewhere" if each.again else each.state,
        "why": each.why,
    }


def _as_json(found: Any) -> None:
    import msgspec

    document(msgspec.to_builtins(found))
