"""`lockstep case correct|approvals|approve|reject|withdraw`: what a second person looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.deciding import (
    Actor,
    Expect,
    Number,
    Reason,
    ReasonCode,
    decided_on,
    tell_decided,
)
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import cell, data, document, moment, say, table

if TYPE_CHECKING:
    from dead_letter.values import Case
    from gateway.cli.port import Gateway
    from gateway.work.case_views import Approval, Correction, Done

COLUMNS = ("id", "case", "what", "by", "asked", "until", "reason")
Request = Annotated[str, typer.Argument(help="The request: ap_...")]
Note = Annotated[str, typer.Option(envvar="LOCKSTEP_NOTE", help="What you say to it.")]


def correct(
    number: Number,
    field: Annotated[str, typer.Option(envvar="LOCKSTEP_FIELD", help="The field of the record. Needed.")],
    new: Annotated[str, typer.Option(envvar="LOCKSTEP_NEW", help="Its value; a set as words between commas. Needed.")],
    reason: Reason = "",
    code: ReasonCode = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    expect: Expect = 0,
    plan: Annotated[
        bool, typer.Option("--plan", envvar="LOCKSTEP_PLAN", help="Only show what it would write.")
    ] = False,
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Enter another value in the record; it goes through the mapping to every system. Another person has to agree."""
    from gateway.cli.gateways import asked

    async def preview(gateway: Gateway) -> tuple[Case, Correction]:
        case = (await gateway.cases.get_case(number)).case
        return case, await gateway.typed.preview_correction(case.number, field, new)

    case, found = asked(config, preview, actor=actor)
    if not as_json:
        _show(found)
    if plan:
        if as_json:
            import msgspec

            document({"preview": msgspec.to_builtins(found)})
        else:
            say("nothing was changed")
        return
    make_sure(f"Correct {field} of {case.object_key or case.record}?", yes=yes, no_input=no_input)
    said = {"field": field, "old": found.old, "new": found.new, "reason": reason, "reason_code": code}
    seen = decided_on(expect, case)
    done = asked(
        config,
        lambda gateway: gateway.cases.act(case.number, "correct", said, expected_version=seen),
        actor=actor,
    )
    _tell(done, as_json=as_json)


def _show(found: Correction) -> None:
    data(f"{found.number}  {found.field}")
    data(f"  - {cell(found.old)}")
    data(f"  + {cell(found.new)}")
    rows = [
        {
            "system": name,
            "object": one["object"],
            "shows": one["shows"],
            "then": f"write {cell(one['then'])}" if one["written"] else "as it is",
        }
        for name, one in found.systems.items()
    ]
    table(rows, ("system", "object", "shows", "then"))


def _tell(done: Done, *, as_json: bool) -> None:
    import msgspec

    found = msgspec.to_builtins(done)
    if as_json:
        document(found)
    else:
        tell_decided(found)


def approvals(
    config: Config = DEFAULT_CONFIG,
    state: Annotated[
        str,
        typer.Option(
            envvar="LOCKSTEP_APPROVAL_STATE", help="pending, approved, rejected, withdrawn, stale or expired."
        ),
    ] = "pending",
    as_json: Json = False,
) -> None:
    """List what waits for a second person."""
    from gateway.cli.gateways import asked

    found = asked(config, lambda gateway: gateway.cases.list_approvals(state=state))
    if as_json:
        import msgspec

        document(msgspec.to_builtins(found))
        return
    table([_row(each) for each in found], COLUMNS)
    if not found:
        say(f"nothing is {state}")


def _row(each: Approval) -> dict[str, Any]:
    return {
        "id": each.id,
        "case": each.number,
        "what": each.text,
        "by": each.requested_by,
        "asked": moment(each.requested_at),
        "until": moment(each.expires_at),
        "reason": each.reason,
    }


def approve(
    request: Request,
    note: Note = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Agree to what another person asked for; it is done at once, on the case as they saw it."""
    _answer(request, "approve", note, config, actor, yes=yes, no_input=no_input, as_json=as_json)


def reject(
    request: Request,
    note: Note = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Say no to what another person asked for, and why. Nothing is done."""
    _answer(request, "reject", note, config, actor, yes=True, no_input=True, as_json=as_json)


def withdraw(
    request: Request, note: Note = "", config: Config = DEFAULT_CONFIG, actor: Actor = "", as_json: Json = False
) -> None:
    """Take back what you asked for."""
    _answer(request, "withdraw", note, config, actor, yes=True, no_input=True, as_json=as_json)


def _answer(
    request: str, verb: str, note: str, config: Any, actor: str, *, yes: bool, no_input: bool, as_json: bool
) -> None:
    from gateway.cli.gateways import asked

    if verb == "reject" and not note.strip():
        raise Ending(Code.WRONG_USE, "say why with --note: whoever asked for it wants to know")
    if not yes:
        waiting = {each.id: each for each in asked(config, lambda gateway: gateway.cases.list_approvals())}
        if request not in waiting:
            raise Ending(Code.NOT_FOUND, f"no request {request} waits; look at: lockstep case approvals")
        wanted = waiting[request]
        make_sure(f"{wanted.requested_by} asks for: {wanted.number} {wanted.text}. Agree?", yes=yes, no_input=no_input)

    async def answer(gateway: Gateway) -> Done:
        if verb == "approve":
            return await gateway.cases.approve(request, note=note)
        if verb == "reject":
            return await gateway.cases.reject(request, note=note)
        return await gateway.cases.withdraw(request, note=note)

    _tell(asked(config, answer, actor=actor), as_json=as_json)
