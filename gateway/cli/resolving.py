"""`lockstep case resolve`: a conflict of two values, settled with a look at what will be written where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.deciding import (
    Actor,
    Expect,
    Facts,
    Number,
    Reason,
    decided_on,
    tell_decided,
)
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import cell, data, document, say, table

if TYPE_CHECKING:
    from dead_letter.values import Case
    from gateway.cli.port import Gateway
    from gateway.work.case_views import Done

Keep = Annotated[
    str,
    typer.Option(
        "--keep", envvar="LOCKSTEP_KEEP", metavar="SYSTEM", help="The side that stays: a connection named in the case."
    ),
]
Value = Annotated[
    str | None,
    typer.Option("--value", envvar="LOCKSTEP_VALUE", help="Another value instead; a set as words between commas."),
]


def resolve(
    number: Number,
    config: Config = DEFAULT_CONFIG,
    keep: Keep = "",
    value: Value = None,
    reason: Reason = "",
    actor: Actor = "",
    expect: Expect = 0,
    plan: Annotated[
        bool, typer.Option("--plan", envvar="LOCKSTEP_PLAN", help="Only show what it would write.")
    ] = False,
    exit_changes: Annotated[
        bool,
        typer.Option("--exit-changes", envvar="LOCKSTEP_EXIT_CHANGES", help="With --plan: exit code 10 if it writes."),
    ] = False,
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Choose which value of a conflict stays, or enter another. Shows first what will be written where, and asks."""
    from gateway.cli.gateways import asked

    if bool(keep) == (value is not None):
        raise Ending(Code.WRONG_USE, "say which value stays: either --keep SYSTEM or --value VALUE")

    async def preview(gateway: Gateway) -> tuple[Case, Facts]:
        case = (await gateway.cases.get_case(number)).case
        return case, await gateway.typed.preview_resolution(case.number, keep=keep, text=value)

    case, meant = asked(config, preview, actor=actor)
    found = meant["preview"]
    if plan:
        _planned(found, as_json=as_json, exit_changes=exit_changes)
        return
    if not as_json:
        _show(found)
    make_sure(_question(found), yes=yes, no_input=no_input)
    what = {"choice": meant["choice"]} if meant["choice"] else {"value": meant["value"]}

    async def decision(gateway: Gateway) -> tuple[Done, str]:
        said = {"reason": reason, **what}
        seen = decided_on(expect, case)
        done = await gateway.cases.act(case.number, "resolve", said, expected_version=seen)
        return done, await gateway.carried_out()

    done, who = asked(config, decision, actor=actor)
    _told(done, found, who, as_json=as_json)


def _told(done: Done, found: Facts, who: str, *, as_json: bool) -> None:
    import msgspec

    facts = msgspec.to_builtins(done)
    if as_json:
        document({**facts, "preview": found})
        return
    tell_decided(facts)
    if found["changes"] and not done.approval:
        say(f"written by: {who}")


def _planned(found: Facts, *, as_json: bool, exit_changes: bool) -> None:
    if as_json:
        document({"preview": found})
    else:
        _show(found)
        say("nothing was changed")
    if exit_changes and found["changes"]:
        raise Ending(Code.PLAN_HAS_CHANGES)


def _show(found: Facts) -> None:
    rows = [
        {
            "system": name,
            "object": one["object"],
            "shows": one["shows"],
            "then": f"write {cell(one['then'])}" if one["written"] else "as it is",
        }
        for name, one in found["systems"].items()
    ]
    data(f"{found['number']}  {found['field']}: {cell(found['value'])}")
    table(rows, ("system", "object", "shows", "then"))


def _question(found: Facts) -> str:
    places = [f"{one['object'] or 'its object'} in {name}" for name, one in found["systems"].items() if one["written"]]
    if not places:
        return f"Keep {found['field']} = {cell(found['value'])}? No system has to be written."
    return f"Write {found['field']} = {cell(found['value'])} to {' and '.join(places)}?"
