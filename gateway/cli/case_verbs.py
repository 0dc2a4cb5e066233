"""`lockstep case retry|discard|close|declare|look`: what a person decides, or asks to see, about cases."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.deciding import (
    Actor,
    Expect,
    Facts,
    Number,
    Numbers,
    Reason,
    ReasonCode,
    Wait,
    code_of,
    decided_on,
    end_of,
    one_by_one,
    row_of,
    settled,
    tell_decided,
    waiting_time,
)
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import cell, data, moment, say
from gateway.cli.refusals import as_codes, ending_of

if TYPE_CHECKING:
    from pathlib import Path

    from dead_letter.values import Case
    from gateway.cli.port import Gateway
    from gateway.work.case_views import CaseView

Applied = Annotated[
    bool | None,
    typer.Option(
        "--applied/--not-applied",
        envvar="LOCKSTEP_APPLIED",
        show_default=False,
        help="What you saw: the write is in effect there, or it is not.",
    ),
]
Proof = Annotated[
    str,
    typer.Option(
        envvar="LOCKSTEP_PROOF", help="What shows it: a link, the object's key, a line of the system's log. Needed."
    ),
]


def retry(
    numbers: Numbers,
    config: Config = DEFAULT_CONFIG,
    reason: Reason = "",
    wait: Wait = "0s",
    actor: Actor = "",
    expect: Expect = 0,
    as_json: Json = False,
) -> None:
    """Try again, with what the record holds now."""
    next_ = "sent by: {who}; follow it with: lockstep case show {number}"
    wait_s = waiting_time(wait)
    _decide_each(config, numbers, "retry", reason, actor, expect, as_json=as_json, next_=next_, wait_s=wait_s)


def discard(
    numbers: Numbers,
    reason: Reason = "",
    code: ReasonCode = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    expect: Expect = 0,
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Give up what could not be written; it is not sent until it changes again."""
    from gateway.cli.gateways import asked

    needs_reason(reason, code)
    if len(numbers) == 1:  # of several, each is told by itself
        asked(config, lambda gateway: _offered(gateway, numbers[0], "discard"), actor=actor)
    make_sure(f"Give up what {', '.join(numbers)} could not write?", yes=yes, no_input=no_input)
    _decide_each(config, numbers, "discard", reason, actor, expect, as_json=as_json, reason_code=code)


def accept(
    numbers: Numbers,
    reason: Reason = "",
    code: ReasonCode = "",
    config: Config = DEFAULT_CONFIG,
    wait: Wait = "0s",
    actor: Actor = "",
    expect: Expect = 0,
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Accept that the many objects a sweep missed are deleted: the next round, at once, lets them pass.

    What a deletion means for the other systems is the flow's on_delete.
    """
    from gateway.cli.gateways import asked

    needs_reason(reason, code)
    wait_s = waiting_time(wait)
    for each in numbers:
        _tell_missing(asked(config, partial(_offered, number=each, action="accept"), actor=actor))
    question = f"Take what is missing in {', '.join(numbers)} for deleted, and pass that on to the other systems?"
    make_sure(question, yes=yes, no_input=no_input)
    next_ = "swept by: {who}; follow it with: lockstep case show {number}"
    _decide_each(
        config,
        numbers,
        "accept",
        reason,
        actor,
        expect,
        as_json=as_json,
        next_=next_,
        wait_s=wait_s,
        reason_code=code,
    )


def needs_reason(reason: str, code: str) -> None:
    """Ends with code 2 where neither is given: before a question is asked, not after it was answered."""
    if not reason.strip() and not code:
        raise Ending(Code.WRONG_USE, "say why with --reason, or with --reason-code; `case show` lists the codes")


def _tell_missing(case: Case) -> None:
    examples = case.evidence.get("examples") or []
    say(f"{case.number}  {case.title}")
    if examples:
        say(f"  among them: {cell(examples)}")


def close(
    numbers: Numbers,
    reason: Reason = "",
    code: ReasonCode = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    expect: Expect = 0,
    as_json: Json = False,
) -> None:
    """Close a case that you saw to yourself, and that holds nothing which would go on waiting."""
    needs_reason(reason, code)
    _decide_each(config, numbers, "close", reason, actor, expect, as_json=as_json, reason_code=code)


def declare(
    number: Number,
    reason: Reason = "",
    code: ReasonCode = "",
    config: Config = DEFAULT_CONFIG,
    applied: Applied = None,
    proof: Proof = "",
    actor: Actor = "",
    expect: Expect = 0,
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Say what became of a write that nobody answered and nothing can prove. Look first: lockstep case look.

    Applied: its values count as held there, and the object is read again. Not applied: what is lacking is sent again.
    """
    from gateway.cli.gateways import asked

    needs_reason(reason, code)
    if applied is None:
        raise Ending(Code.WRONG_USE, "say what you saw: --applied or --not-applied")
    action = "declare_applied" if applied else "declare_not_applied"
    case = asked(config, lambda gateway: _offered(gateway, number, action), actor=actor)
    if not proof.strip():
        raise Ending(
            Code.WRONG_USE,
            f"{case.number}: name with --proof what shows it: a link, the object's key, a line of the system's log",
        )
    if not as_json:
        _tell_doubt(case)
    then = "It counts as done there" if applied else "What is lacking is sent again, and takes effect twice if you err"
    make_sure(f"Declare it {'applied' if applied else 'not applied'}? {then}.", yes=yes, no_input=no_input)
    next_ = f"read{'' if applied else ' and sent'} by: {{who}}"
    seen = decided_on(expect, case)
    _decide_each(
        config,
        [number],
        action,
        reason,
        actor,
        seen,
        as_json=as_json,
        next_=next_,
        proof=proof,
        reason_code=code,
    )


def _decide_each(
    config: Path,
    numbers: list[str],
    action: str,
    reason: str,
    actor: str,
    expect: int,
    *,
    as_json: bool,
    next_: str = "",
    wait_s: float = 0.0,
    **said: str,
) -> None:
    from gateway.cli.gateways import asked

    if expect and len(numbers) > 1:
        raise Ending(Code.WRONG_USE, "--expect names the version of one case; decide them one at a time")
    rows: list[Facts] = []
    body = {"reason": reason, **said}

    async def all_of(gateway: Gateway) -> None:
        versions = await _versions(gateway, numbers, expect)
        decided = await _decided(gateway, numbers, versions, action, body)
        who = await gateway.carried_out() if next_ else ""
        for number in numbers:
            found = decided[number]
            if "error" not in found:
                found = {**found, "next": next_.format(who=who, number=found["number"])}
                if wait_s and not found["approval"]:
                    found = await _outcome(gateway, found, wait_s)
            row_of(found, rows, tell_decided, as_json=as_json)

    asked(config, all_of, actor=actor)
    end_of(rows, numbers, as_json=as_json)


async def _versions(gateway: Gateway, numbers: list[str], expect: int) -> dict[str, int | Facts]:
    """Of each case the version that is decided on, or why there is none."""
    found: dict[str, int | Facts] = {}
    for number in numbers:
        try:
            with as_codes():
                found[number] = decided_on(expect, (await gateway.cases.get_case(number)).case)
        except Ending as ending:
            if ending.code is Code.NOT_REACHABLE:
                raise
            found[number] = _failed(number, ending)
    return found


def _failed(number: str, ending: Ending) -> Facts:
    return {"number": number, "error": ending.message, "code": ending.code}


async def _decided(
    gateway: Gateway, numbers: list[str], versions: dict[str, int | Facts], action: str, body: Facts
) -> dict[str, Facts]:
    """The answers. Several are decided together: giving many up is more dangerous than giving up one."""
    import msgspec

    found = {number: each for number, each in versions.items() if isinstance(each, dict)}
    chosen = [(number, each) for number, each in versions.items() if not isinstance(each, dict)]
    if len(numbers) == 1 and chosen:
        number, version = chosen[0]
        try:
            with as_codes():
                done = await gateway.cases.act(number, action, body, expected_version=version)
        except Ending as ending:
            return {number: _failed(number, ending)}
        return {number: dict(msgspec.to_builtins(done))}
    answers = await gateway.cases.act_on_many(chosen, action, body) if chosen else []
    for (number, _), each in zip(chosen, answers, strict=True):
        if each.done is None:
            found[number] = _failed(number, ending_of(each.code, each.error))
        else:
            found[number] = dict(msgspec.to_builtins(each.done))
    return found


async def _outcome(gateway: Gateway, found: Facts, wait_s: float) -> Facts:
    """What came of it within the patience."""
    after = await settled(gateway, found["number"], wait_s, decided_at=found["version"])
    code = code_of(after, decided_at=found["version"])
    return {**found, "state": after.state, "version": after.version, "code": code, "next": _waited(after, code)}


def _waited(case: Case, code: Code) -> str:
    if code is Code.STILL_UNKNOWN:
        return f"nothing is known yet; follow it with: lockstep case show {case.number}"
    return "" if code is Code.DONE else f"it failed again: lockstep case show {case.number}"


async def _offered(gateway: Gateway, number: str, action: str) -> Case:
    """The case, if the action is possible now. Ends with code 6 and the domain's reason if not."""
    view = await gateway.cases.get_case(number)
    offered = next(each for each in view.actions if each.name == action)
    if not offered.allowed:
        raise Ending(Code.NOT_ALLOWED, f"{view.case.number}: {action} is not possible. {offered.why_not}")
    return view.case


def _tell_doubt(case: Case) -> None:
    data(f"{case.number}  {case.title}")
    data(f"  sent to {case.connection} {case.object_key or case.object_id}: {cell(case.evidence.get('sent'))}")
    data(f"  seen since {moment(case.first_seen)}")


def look(
    numbers: Numbers,
    config: Config = DEFAULT_CONFIG,
    reason: Reason = "",
    wait: Wait = "0s",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Read both sides now and show them; sends nothing. Of an unknown outcome the gateway takes its next look at once.

    Ends with exit code 4 while the outcome of a case is unknown.
    """
    from gateway.cli.seeing import tell_case_look

    wait_s = waiting_time(wait)

    async def one(gateway: Gateway, number: str) -> Facts:
        view = await gateway.cases.get_case(number)
        case = view.case
        shown = await gateway.looks.look_at_case(case.number)
        version = await _ask_for_a_look(gateway, view, reason)
        after = await settled(gateway, number, wait_s, decided_at=version) if version else case
        return {
            "number": case.number,
            "state": after.state,
            "version": after.version,
            **shown,
            "code": _looked(after, shown),
        }

    one_by_one(config, numbers, one, tell_case_look, as_json=as_json, actor=actor)
    if not as_json:
        say("nothing was sent")


def _looked(case: Case, shown: Facts) -> Code:
    if shown.get("failed"):
        return Code.FAILED
    return Code.STILL_UNKNOWN if case.cls == "unknown_outcome" and case.state != "closed" else Code.DONE


async def _ask_for_a_look(gateway: Gateway, view: CaseView, reason: str) -> int:
    """The version at which the gateway was asked to look; 0 where the case has nothing to look for."""
    case = view.case
    if not any(each.name == "look" and each.allowed for each in view.actions) or not case.record:
        return 0
    done = await gateway.cases.act(case.number, "look", {"reason": reason}, expected_version=case.version)
    return done.version
