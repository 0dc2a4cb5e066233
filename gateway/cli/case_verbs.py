"""`lockstep case retry|discard|close|declare|look`: what a person decides, or asks to see, about cases."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

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
    decided,
    one_by_one,
    read_case,
    settled,
    tell_decided,
    topology_of,
    waiting_time,
    who_acts,
)
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import cell, data, moment, say

if TYPE_CHECKING:
    from dead_letter.values import Case
    from gateway.config import Config as Loaded
    from gateway.storage.database import Database

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
    from gateway.cli.store import configuration

    loaded, wait_s = configuration(config), waiting_time(wait)
    next_ = f"sent by: {who_acts(loaded)}; follow it with: lockstep case show"
    _decide_each(loaded, numbers, "retry", reason, actor, expect, as_json=as_json, next_=next_, wait_s=wait_s)


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
    from gateway.cli.store import ask, configuration

    needs_reason(reason, code)
    loaded = configuration(config)
    if len(numbers) == 1:  # of several, each is told by itself
        ask(loaded, lambda database: _offered(database, numbers[0], "discard"))
    make_sure(f"Give up what {', '.join(numbers)} could not write?", yes=yes, no_input=no_input)
    _decide_each(loaded, numbers, "discard", reason, actor, expect, as_json=as_json, reason_code=code)


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
    from gateway.cli.store import ask, configuration

    needs_reason(reason, code)
    loaded, wait_s = configuration(config), waiting_time(wait)
    for each in numbers:
        _tell_missing(ask(loaded, partial(_offered, number=each, action="accept")))
    question = f"Take what is missing in {', '.join(numbers)} for deleted, and pass that on to the other systems?"
    make_sure(question, yes=yes, no_input=no_input)
    next_ = f"swept by: {who_acts(loaded)}; follow it with: lockstep case show"
    _decide_each(
        loaded,
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
    from gateway.cli.store import configuration

    needs_reason(reason, code)
    loaded = configuration(config)
    _decide_each(loaded, numbers, "close", reason, actor, expect, as_json=as_json, reason_code=code)


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
    from gateway.cli.store import ask, configuration

    needs_reason(reason, code)
    if applied is None:
        raise Ending(Code.WRONG_USE, "say what you saw: --applied or --not-applied")
    loaded = configuration(config)
    action = "declare_applied" if applied else "declare_not_applied"
    case = ask(loaded, lambda database: _offered(database, number, action))
    if not proof.strip():
        raise Ending(
            Code.WRONG_USE,
            f"{case.number}: name with --proof what shows it: a link, the object's key, a line of the system's log",
        )
    if not as_json:
        _tell_doubt(case)
    then = "It counts as done there" if applied else "What is lacking is sent again, and takes effect twice if you err"
    make_sure(f"Declare it {'applied' if applied else 'not applied'}? {then}.", yes=yes, no_input=no_input)
    next_ = f"read{'' if applied else ' and sent'} by: {who_acts(loaded)}"
    seen = expect or case.version
    _decide_each(
        loaded,
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
    loaded: Loaded,
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
    if expect and len(numbers) > 1:
        raise Ending(Code.WRONG_USE, "--expect names the version of one case; decide them one at a time")
    topology = topology_of(loaded)
    alone = len(numbers) == 1

    async def decision(database: Database, number: str) -> Facts:
        import msgspec

        case = await read_case(database, number)
        done = await decided(
            loaded, database, topology, case, action, actor=actor, expect=expect, alone=alone, reason=reason, **said
        )
        found = msgspec.to_builtins(done) | {"next": f"{next_} {done.number}" if "show" in next_ else next_}
        if not wait_s or done.approval:
            return dict(found)
        after = await settled(database, number, wait_s, decided_at=done.version)
        code = code_of(after, decided_at=done.version)
        return {**found, "state": after.state, "version": after.version, "code": code, "next": _waited(after, code)}

    one_by_one(loaded, numbers, decision, tell_decided, as_json=as_json)


def _waited(case: Case, code: Code) -> str:
    if code is Code.STILL_UNKNOWN:
        return f"nothing is known yet; follow it with: lockstep case show {case.number}"
    return "" if code is Code.DONE else f"it failed again: lockstep case show {case.number}"


async def _offered(database: Database, number: str, action: str) -> Case:
    """The case, if the action is possible now. Ends with code 6 and the domain's reason if not."""
    import time

    from dead_letter.actions import actions_for

    case = await read_case(database, number)
    offered = next(each for each in actions_for(case, now=time.time()) if each.name == action)
    if not offered.allowed:
        raise Ending(Code.NOT_ALLOWED, f"{case.number}: {action} is not possible. {offered.why_not}")
    return case


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
    from gateway.cli.seeing import look_at_case, tell_case_look
    from gateway.cli.store import configuration

    loaded, wait_s = configuration(config), waiting_time(wait)
    topology = topology_of(loaded)

    async def one(database: Database, number: str) -> Facts:
        case = await read_case(database, number)
        shown = await look_at_case(loaded, database, topology, case)
        asked = await _ask_for_a_look(loaded, database, topology, case, reason, actor)
        after = await settled(database, number, wait_s, decided_at=asked) if asked else case
        code = _looked(after, shown)
        return {"number": case.number, "state": after.state, "version": after.version, **shown, "code": code}

    one_by_one(loaded, numbers, one, tell_case_look, as_json=as_json)
    if not as_json:
        say("nothing was sent")


def _looked(case: Case, shown: Facts) -> Code:
    if shown.get("failed"):
        return Code.FAILED
    return Code.STILL_UNKNOWN if case.cls == "unknown_outcome" and case.state != "closed" else Code.DONE


async def _ask_for_a_look(
    loaded: Loaded, database: Database, topology: Any, case: Case, reason: str, actor: str
) -> int:
    """The version at which the gateway was asked to look; 0 where the case has nothing to look for."""
    from dead_letter.actions import actions_for

    if not any(each.name == "look" and each.allowed for each in actions_for(case)) or not case.record:
        return 0
    return (await decided(loaded, database, topology, case, "look", actor=actor, reason=reason)).version
