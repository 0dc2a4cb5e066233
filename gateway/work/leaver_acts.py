"""What people do about departures. Right PEOPLE throughout; each act stands in the trail with its reason.

There is no act for many at once: what is done by hand is done and said one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from hashlib import sha256
from typing import Any

from dead_letter.attachments import media_type_of, safe_name
from dead_letter.classify import Cause
from gateway.access.rights import Principal, Right
from gateway.core.ids import new_id
from gateway.offboarding import store
from gateway.offboarding import tables as t
from gateway.offboarding.allowed import BY_HAND, objection
from gateway.offboarding.allowed import back as back_to_work
from gateway.offboarding.beginning import resume
from gateway.offboarding.correlate import CHOSEN
from gateway.offboarding.opening import Became, Desk, Opened
from gateway.offboarding.returning import back, returned
from gateway.offboarding.summing import settle, sum_up
from gateway.offboarding.telling import Teller
from gateway.offboarding.values import (
    Event,
    EvidenceKind,
    Found,
    Leaver,
    LeaverState,
    Said,
    Step,
    StepState,
    SystemState,
    parse_number,
)
from gateway.storage.database import insert_all
from gateway.sync.departed import gone_of
from gateway.work.leaver_errors import LeaverMoved, LeaverNotFound, LeaverRefused, LeaverUnfit
from gateway.work.leaver_views import LeaverView
from gateway.work.leavers import seen
from gateway.work.readmitting import let_in
from gateway.work.trail import note
from gateway.work.workplace import Workplace

MOST_BYTES = 1 << 20
LONGEST_HOLD_S = 90 * 86400.0
ANSWERS = ("rehired", "goes-on", "another-person", "withdraw")
_ASKED = (Cause.LEAVER_ASKS,)
Act = Callable[[Teller, Leaver], Coroutine[Any, Any, None]]


async def hold_leaver(
    place: Workplace, who: Principal, number: str, *, until: float, reason: str, expected: int = 0
) -> LeaverView:
    """Nothing is taken away until then, or until it is released; what was taken stays so. Raises as `cancel_leaver`."""
    now = place.now()
    if not now < until <= now + LONGEST_HOLD_S:
        raise LeaverUnfit("a hold ends in the next 90 days")

    async def act(teller: Teller, leaver: Leaver) -> None:
        _possible("hold", leaver)
        leaver.state, leaver.hold_until = LeaverState.HELD, until
        leaver.doc.hold = _said(teller, who, "hold", reason)
        _decided(leaver, leaver.doc.hold)
        await store.save(teller.tx, leaver)
        await teller.say(leaver, "leaver_held", f"held: {reason}", actor=who.name, until=until, reason=reason)

    return await _act(place, who, number, act, reason=reason, expected=expected)


async def release_leaver(
    place: Workplace, who: Principal, number: str, *, reason: str, expected: int = 0
) -> LeaverView:
    """Ends a hold before its time. Raises as `cancel_leaver`."""

    async def act(teller: Teller, leaver: Leaver) -> None:
        _possible("release", leaver)
        _decided(leaver, _said(teller, who, "release", reason))
        await resume(teller, leaver, f"released: {reason}", actor=who.name)

    return await _act(place, who, number, act, reason=reason, expected=expected)


async def cancel_leaver(place: Workplace, who: Principal, number: str, *, reason: str, expected: int = 0) -> LeaverView:
    """Withdraws one whose time has not come. `expected`: the version that was looked at; 0: as it is.

    Raises NotAllowed, LeaverNotFound, LeaverMoved, LeaverRefused (also once access began to end: somebody who is back
    is hired again), LeaverUnfit without a reason.
    """

    async def act(teller: Teller, leaver: Leaver) -> None:
        _possible("cancel", leaver)
        await Desk(teller, place.config.leavers, tuple(place.config.connections)).withdraw(
            leaver, by=who.name, reason=reason
        )

    return await _act(place, who, number, act, reason=reason, expected=expected)


async def recheck_leaver(
    place: Workplace, who: Principal, number: str, *, connection: str = "", expected: int = 0
) -> LeaverView:
    """Has everything looked at again now, in all systems or one: what failed is tried again, what came back goes.

    Raises as `cancel_leaver`.
    """

    async def act(teller: Teller, leaver: Leaver) -> None:
        _possible("recheck", leaver)
        places = [
            each
            for each in await store.places_of(teller.tx, [leaver.number])
            if each.state not in (SystemState.HAND, SystemState.WHICH)
            and each.connection in place.config.connections  # nothing of ours can look into the others
            and connection in ("", each.connection)
            and who.covers(connection=each.connection)
        ]
        if not places:
            raise LeaverRefused(leaver.label, f"there is nothing to look at{f' in {connection}' if connection else ''}")
        if leaver.state is LeaverState.CLOSED:
            leaver.state, leaver.closed_at = LeaverState.DONE, None
        for each in places:
            steps = await store.steps_of(teller.tx, [leaver.number], each.connection)
            failed = [one for one in steps if one.state is StepState.FAILED]
            for one in failed:
                one.state, one.doc.tries, one.doc.looks = StepState.PLANNED, 0, ()
            await store.save_steps(teller.tx, failed)
            each.state = SystemState.READ if each.doc.accounts else SystemState.FIND
            each.next_at, each.tries = teller.now, 0
            await store.save_place(teller.tx, each)
        await teller.say(leaver, "leaver_recheck", "to be looked at again", actor=who.name, connection=connection)
        await sum_up(teller, leaver)

    return await _act(place, who, number, act, expected=expected)


async def choose_account(
    place: Workplace,
    who: Principal,
    number: str,
    *,
    connection: str,
    accounts: Sequence[str],
    reason: str,
    expected: int = 0,
) -> LeaverView:
    """Says which accounts there are the person's; none of them is an answer, too. Raises as `cancel_leaver`."""

    async def act(teller: Teller, leaver: Leaver) -> None:
        found = await store.place_of(teller.tx, leaver.number, connection)
        if found is None or found.state is not SystemState.WHICH or not who.covers(connection=connection):
            raise LeaverRefused(leaver.label, f"nothing is asked about {connection}")
        known = {each.id: each for each in found.doc.choices}
        if strange := [each for each in accounts if each not in known]:
            raise LeaverUnfit(f"{strange[0]} is none of {', '.join(known)}")
        said = _said(teller, who, "which", reason)
        chosen = tuple(Found(account=known[each], by=CHOSEN) for each in dict.fromkeys(accounts))
        found.doc.accounts, found.doc.chosen, found.doc.choices = (*found.doc.accounts, *chosen), said, ()
        found.doc.others = (*found.doc.others, *(each for each in known if each not in accounts))
        found.state, found.next_at = SystemState.FIND, teller.now
        await store.save_place(teller.tx, found)
        _decided(leaver, said)
        names = ", ".join(known[each].name for each in accounts) or "none of them"
        detail: dict[str, Any] = {"accounts": list(accounts), "reason": reason}
        text = f"the person's: {names}"
        await teller.say(leaver, "leaver_chosen", text, actor=who.name, connection=connection, **detail)
        await sum_up(teller, leaver)

    return await _act(place, who, number, act, reason=reason, expected=expected)


async def answer_leaver(
    place: Workplace, who: Principal, number: str, *, answer: str, reason: str, expected: int = 0
) -> LeaverView:
    """Answers what is asked: `rehired`, `goes-on`, `another-person`, `withdraw`. Raises as `cancel_leaver`.

    `rehired` can be said without being asked: it lifts the tombstones, as a decision in the trail, and gives nothing
    back by itself.
    """

    async def act(teller: Teller, leaver: Leaver) -> None:
        question = leaver.doc.question
        allowed = question.choices if question else ("rehired",)
        if answer not in allowed:
            raise LeaverRefused(leaver.label, f"{answer!r} is no answer; there are {', '.join(allowed)}")
        leaver.doc.question = None
        said = _said(teller, who, answer, reason)
        await teller.answered(leaver, _ASKED, "it was answered")
        if answer == "rehired":
            await _rehired(place, teller, leaver, said)
        elif answer == "withdraw":
            await Desk(teller, place.config.leavers, tuple(place.config.connections)).withdraw(
                leaver, by=who.name, reason=reason
            )
        else:
            if leaver.state is LeaverState.ASKS:
                await _resolved(teller, leaver)
            _decided(leaver, said)
            await store.save(teller.tx, leaver)
            await teller.say(leaver, "leaver_answered", f"{answer}: {reason}", actor=who.name, reason=reason)

    return await _act(place, who, number, act, reason=reason, expected=expected)


async def _resolved(teller: Teller, leaver: Leaver) -> None:
    leaver.state = LeaverState.PLANNED
    for each in await store.places_of(teller.tx, [leaver.number]):
        if each.state is SystemState.FIND:
            each.next_at = teller.now
            await store.save_place(teller.tx, each)


async def _rehired(place: Workplace, teller: Teller, leaver: Leaver, said: Said) -> None:
    if why := back_to_work(leaver):
        raise LeaverRefused(leaver.label, why)
    _decided(leaver, said)
    leaver.doc.revived = True
    gone = await gone_of(teller.tx, leaver.person)
    if leaver.kind is Event.LEAVER and gone is not None and gone.lifted_at is None:
        await let_in(
            teller.tx,
            place.topology,
            leaver.person,
            by=said.by,
            reason=said.reason,
            now=teller.now,
            records=leaver.doc.person.records,
        )
    if leaver.kind is Event.ABSENCE:
        await back(teller, Opened(Became.RETURNED, leaver))
    else:
        await returned(teller, leaver, f"hired again: {said.reason}", actor=said.by)


async def done_by_hand(
    place: Workplace,
    who: Principal,
    number: str,
    step: str,
    *,
    note_text: str,
    file_name: str = "",
    content: bytes = b"",
    expected: int = 0,
) -> LeaverView:
    """Says that a person has done a step, with a note, a file (at most 1 MB) or both. Where we can read, it is read
    back, and comes back if it is there still. Raises as `cancel_leaver`.
    """
    if not note_text.strip() and not content:
        raise LeaverUnfit("say what was done, or hand in a file that shows it")
    if len(content) > MOST_BYTES or (content and not media_type_of(safe_name(file_name), content)):
        raise LeaverUnfit("a file has at most 1 MB, and is text (UTF-8), CSV, JSON, PNG, JPEG, GIF or PDF")

    async def act(teller: Teller, leaver: Leaver) -> None:
        steps = await store.steps_of(teller.tx, [leaver.number])
        mine = next((each for each in steps if each.id == step), None)
        if mine is None or not who.covers(connection=mine.connection):
            raise LeaverNotFound(f"{leaver.label} with the step {step}")
        if mine.state not in BY_HAND:
            raise LeaverRefused(leaver.label, f"{mine.kind} {mine.name} is {mine.state}: nobody has to do it by hand")
        found = await store.place_of(teller.tx, leaver.number, mine.connection)
        assert found is not None, "a step has its system"
        mine.state, mine.gone_at = StepState.DONE, teller.now
        mine.doc.done = _said(teller, who, "done", note_text.strip())
        if content:
            mine.doc.file = await _kept(teller, leaver, mine, who, file_name, content)
        proof = {"by": who.name, "note": note_text.strip(), "file": mine.doc.file}
        proof |= {"sha256": sha256(content).hexdigest()} if content else {}
        where = {"number": leaver.number, "connection": mine.connection, "step": step}
        await store.add_evidence(teller.tx, teller.now, EvidenceKind.BY_HAND, proof, **where)  # type: ignore[arg-type]
        if mine.doc.grant is not None:
            found.state, found.next_at = SystemState.READ, teller.now
        theirs = [each for each in steps if each.connection == mine.connection]
        settle(leaver, found, theirs, place.config.leavers, teller.now)
        await store.save_steps(teller.tx, [mine])
        await store.save_place(teller.tx, found)
        said = {"connection": mine.connection, "step": step, "note": note_text.strip(), "file": mine.doc.file}
        await teller.say(leaver, "leaver_by_hand", f"{mine.name}: done by hand", actor=who.name, **said)
        await sum_up(teller, leaver)

    return await _act(place, who, number, act, expected=expected)


async def _kept(teller: Teller, leaver: Leaver, step: Step, who: Principal, name: str, content: bytes) -> str:
    safe = safe_name(name)
    row = {"id": new_id("lf", at=teller.now), "number": leaver.number, "step": step.id, "name": safe}
    row |= {"media_type": media_type_of(safe, content), "size": len(content), "sha256": sha256(content).hexdigest()}
    row |= {"made_by": who.name[:100], "made_at": teller.now, "content": content}
    await insert_all(teller.tx, t.leaver_file, [row])
    return str(row["id"])


async def _act(
    place: Workplace, who: Principal, number: str, act: Act, *, reason: str | None = None, expected: int
) -> LeaverView:
    """One act, on the version that was looked at."""
    who.require(Right.PEOPLE)
    if reason is not None and not reason.strip():
        raise LeaverUnfit("say why; it stands in the trail")
    parsed = parse_number(number)
    async with place.database.begin("leaver.act") as tx:
        leaver = await store.take(tx, parsed) if parsed is not None else None
        if leaver is None:
            raise LeaverNotFound(number)
        if expected and expected != leaver.version:
            raise LeaverMoved(leaver.label, leaver.version)
        await act(Teller(note, tx, place.now()), leaver)
        return await seen(tx, place, who, leaver)


def _possible(act: str, leaver: Leaver) -> None:
    if why := objection(act, leaver):
        raise LeaverRefused(leaver.label, why)


def _said(teller: Teller, who: Principal, what: str, reason: str) -> Said:
    return Said(what=what, by=who.name, at=teller.now, reason=reason)


def _decided(leaver: Leaver, said: Said) -> None:
    leaver.doc.said = (*leaver.doc.said, said)
    leaver.version += 1
