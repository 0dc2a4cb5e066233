"""`lockstep case resolve`: a conflict of two values, settled with a look at what will be written where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.deciding import (
    Actor,
    Expect,
    Facts,
    Number,
    Reason,
    decided,
    read_case,
    tell_decided,
    topology_of,
    who_acts,
)
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import cell, data, document, say, table

if TYPE_CHECKING:
    from dead_letter.values import Case
    from gateway.config import Config as Loaded
    from gateway.storage.database import Database

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
    from gateway.cli.store import ask, configuration

    if bool(keep) == (value is not None):
        raise Ending(Code.WRONG_USE, "say which value stays: either --keep SYSTEM or --value VALUE")
    loaded = configuration(config)
    topology = topology_of(loaded)

    async def preview(database: Database) -> tuple[Case, str, Any, Facts]:
        from connectors.contract.errors import MappingError
        from gateway.work.previews import resolve_preview

        case = await read_case(database, number)
        side, wanted = _meant(loaded, case, keep, value)
        try:
            found = await resolve_preview(database, topology, case, side, wanted)
        except MappingError as error:
            raise Ending(Code.WRONG_USE, f"{case.number}: {error}; nothing was changed") from error
        if found is None:
            raise Ending(Code.NOT_ALLOWED, f"{case.number}: the record or its field {case.field} is not kept any more")
        return case, side, wanted, found

    case, side, wanted, found = ask(loaded, preview)
    if plan:
        _planned(found, as_json=as_json, exit_changes=exit_changes)
        return
    if not as_json:
        _show(found)
    make_sure(_question(found), yes=yes, no_input=no_input)

    async def decision(database: Database) -> Facts:
        import msgspec

        what = {"choice": side} if side else {"value": wanted}
        said = {"reason": reason, **what}
        seen = expect or case.version
        done = await decided(loaded, database, topology, case, "resolve", actor=actor, expect=seen, **said)
        return dict(msgspec.to_builtins(done))

    done = ask(loaded, decision)
    if as_json:
        document({**done, "preview": found})
        return
    tell_decided(done)
    if found["changes"] and not done["approval"]:
        say(f"written by: {who_acts(loaded)}")


def _meant(loaded: Loaded, case: Case, keep: str, text: str | None) -> tuple[str, Any]:
    """The side that was chosen, or the value that was entered. Ends with a code for what the case does not offer."""
    from dead_letter.actions import actions_for, sides_of
    from dead_letter.classify import ActionName

    offered = next(each for each in actions_for(case) if each.name is ActionName.RESOLVE)
    if not offered.allowed:
        raise Ending(Code.NOT_ALLOWED, f"{case.number}: resolve is not possible. {offered.why_not}")
    if text is not None:
        return "", parsed(loaded, case, case.field, text)
    sides = sides_of(case)
    origin = str(case.evidence.get("canonical_from", ""))
    side = "canonical" if keep == origin and "canonical" in sides else keep
    if side not in sides:
        names = [origin or one if one == "canonical" else one for one in sides]
        raise Ending(
            Code.WRONG_USE, f"{case.number} has no side {keep}; keep one of {', '.join(names)}, or give --value"
        )
    return side, None


def parsed(loaded: Loaded, case: Case, name: str, text: str) -> Any:
    """The value that was typed, of the field's kind. Ends with a code if it is none of it."""
    flow = loaded.flows.get(case.flow)
    field = flow.type.fields.get(name) if flow else None
    if field is None:
        raise Ending(Code.NOT_ALLOWED, f"{case.number}: the configuration has no field {name} in {case.flow}")
    if field.kind == "set":
        return sorted({word.strip() for word in text.split(",") if word.strip()})
    if text == "":
        return None
    if field.kind == "enum" and text not in field.values:
        raise Ending(Code.WRONG_USE, f"{text}: {name} is one of {', '.join(field.values)}")
    if field.kind == "bool":
        if text.casefold() not in ("yes", "true", "no", "false"):
            raise Ending(Code.WRONG_USE, f"{text}: {name} is yes or no")
        return text.casefold() in ("yes", "true")
    if field.kind == "number":
        try:
            return int(text) if text.lstrip("-").isdigit() else float(text)
        except ValueError as error:
            raise Ending(Code.WRONG_USE, f"{text}: {name} is a number") from error
    return text


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
