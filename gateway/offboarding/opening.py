"""From what was told about a person to a departure: a new one, a correction, a withdrawal, or a question. In the
transaction of whoever told it; the same said twice has no further effect.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from dead_letter.classify import Cause
from gateway.config.leavers import Leavers
from gateway.offboarding import store
from gateway.offboarding.blast import admitting
from gateway.offboarding.places import places_for
from gateway.offboarding.telling import Teller
from gateway.offboarding.values import (
    OVER,
    SETTLED,
    Event,
    Leaver,
    LeaverDoc,
    LeaverState,
    Person,
    Question,
    Said,
    StepState,
)

RECORD = "record"
STRONGEST = "employee_number"
OVERTAKEN = "another change of role came after it"
NOT_ANY_MORE = frozenset({LeaverState.CANCELLED, LeaverState.RETURNED})
PLANNED = frozenset({LeaverState.PLANNED, LeaverState.ASKS, LeaverState.HELD})


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody or something says of a person."""

    event: Event
    person: Person
    ends_at: float
    last_day: str = ""
    zone: str = "UTC"
    source: str
    by: str
    """Who said it: a person, or the gateway."""
    caused_by: tuple[str, ...] = ()
    """Ids of the people behind it; empty: a system told."""
    batch: str = ""
    starts: str = ""
    """First day of the employment, where it is known: tells one from the next."""
    urgent: bool = False
    before: Mapping[str, str] = {}
    after: Mapping[str, str] = {}
    reason: str = ""


class Became(StrEnum):
    """What became of it."""

    OPENED = "opened"
    CORRECTED = "corrected"
    KNOWN = "known"
    ASKS = "asks"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"
    NOTHING = "nothing"


class Opened(msgspec.Struct, frozen=True):
    """The departure, as it is now."""

    became: Became
    leaver: Leaver | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where departures are opened: in one transaction, by the rules of the configuration."""

    teller: Teller
    rules: Leavers
    connections: Collection[str]

    async def tell(self, told: Told) -> Opened:
        """IntegrityError: another worker opened the same at the same moment; the whole decision is made again."""
        matches, doubt = await self._matches(told.event, told.person)
        current = next((each for each in matches if each.state not in OVER), None)
        if doubt:
            return await self._unclear(told, doubt)
        if current is None and (ended := _ended(matches, told)) is not None:
            return Opened(Became.KNOWN, ended)
        if told.event is Event.MOVER and current is not None and dict(current.doc.after) != dict(told.after):
            await self._overtaken([each.number for each in matches if each.state not in OVER], by=told.by)
            current = None
        if current is None:
            return await self._open(told, None)
        leaver = await store.take(self.teller.tx, current.number)
        assert leaver is not None, "rows of departures are never deleted while they are open"
        return await self._again(leaver, told)

    async def take_back(self, event: Event, person: Person, *, by: str, reason: str = "") -> Opened:
        """The person does not leave, or is back. Before the time it is withdrawn; after it a person decides."""
        matches, _ = await self._matches(event, person)
        current = next((each for each in matches if each.state not in OVER), None)
        if current is None and event is Event.LEAVER:
            current = next(
                (each for each in matches if each.state is LeaverState.CLOSED and not each.doc.revived), None
            )
        leaver = await store.take(self.teller.tx, current.number) if current else None
        if leaver is None:
            return Opened(Became.NOTHING)
        if leaver.begun_at is None:
            return await self.withdraw(leaver, by=by, reason=reason)
        if event is Event.ABSENCE:
            return Opened(Became.RETURNED, leaver)
        text = "the person is said to work here again, after access began to end: is this departure over?"
        return await self.ask(leaver, Question(kind="rehired", text=text, choices=("rehired", "goes-on")))

    async def seen_again(self, number: int, person: Person, *, source: str) -> bool:
        """Asks whether somebody who has left, and was not let in again, is back: there is a new record that says so.
        False: there is no such departure.
        """
        leaver = await store.take(self.teller.tx, number)
        if leaver is None:
            return False
        records = dict.fromkeys([*leaver.doc.person.records, *person.records])
        leaver.doc.person = msgspec.structs.replace(leaver.doc.person, records=tuple(records))
        await store.add_names(self.teller.tx, number, [(RECORD, each) for each in person.records])
        text = f"a new record in {source} says that the person works here: hired again?"
        await self.ask(leaver, Question(kind="rehired", text=text, choices=("rehired", "goes-on")))
        return True

    async def withdraw(self, leaver: Leaver, *, by: str, reason: str) -> Opened:
        """Nothing more is taken away, and nobody is asked anything about it."""
        leaver.state, leaver.closed_at = LeaverState.CANCELLED, self.teller.now
        leaver.doc.question = None
        _decided(leaver, Said(what="cancel", by=by, at=self.teller.now, reason=reason))
        await store.save(self.teller.tx, leaver)
        await self._rest(leaver)
        await admitting.withdraw(self.teller.tx, leaver.number, now=self.teller.now)
        text = f"withdrawn{'' if leaver.begun_at else ' before its time'}{f': {reason}' if reason else ''}"
        await self.teller.say(leaver, "leaver_cancelled", text, actor=by, reason=reason)
        return Opened(Became.WITHDRAWN, leaver)

    async def _overtaken(self, earlier: Collection[int], *, by: str) -> None:
        """Only the newest role counts: what an earlier one would take away, or look for again, may be the person's."""
        for number in earlier:
            leaver = await store.take(self.teller.tx, number)
            if leaver is not None and leaver.state not in OVER:
                steps = [each for each in await store.steps_of(self.teller.tx, [number]) if each.state not in SETTLED]
                for each in steps:
                    each.state, each.doc.why = StepState.NONE, OVERTAKEN
                await store.save_steps(self.teller.tx, steps)
                await self.withdraw(leaver, by=by, reason=OVERTAKEN)

    async def ask(self, leaver: Leaver, question: Question) -> Opened:
        """A person has to answer; the same question again is none. A departure under way goes on meanwhile."""
        if leaver.doc.question == question:
            return Opened(Became.KNOWN, leaver)
        leaver.doc.question, leaver.doc.asked_at = question, self.teller.now
        leaver.version += 1
        await store.save(self.teller.tx, leaver)
        await self.teller.say(leaver, "leaver_asks", question.text, question=question.kind)
        await self.teller.ask(leaver, Cause.LEAVER_ASKS, question.text, question=question.kind)
        return Opened(Became.ASKS, leaver)

    async def _matches(self, event: Event, person: Person) -> tuple[list[Leaver], str]:
        """The person's departures of this kind, and why it is not clear whose they are."""
        tx = self.teller.tx
        by_record = await store.numbers_of(tx, [(RECORD, each) for each in person.records])
        found = await self._of(by_record, event)
        if found:
            return found, ""
        by_name = await store.numbers_of(tx, names_of(person))
        open_ones = [each for each in await self._of(by_name, event) if each.state not in NOT_ANY_MORE]
        theirs = [each for each in open_ones if not _contradicts(each.doc.person, person)]
        if open_ones and not theirs:
            label = open_ones[0].label
            return [], f"{label} has the same address or user name and another employee number"
        if len({each.person for each in theirs}) > 1:
            return [], f"several departures could be meant: {', '.join(each.label for each in theirs)}"
        return theirs, ""

    async def _of(self, numbers: Mapping[int, object], event: Event) -> list[Leaver]:
        found = await store.of_person(self.teller.tx, list(numbers))
        return [each for each in found if each.kind is event]

    async def _unclear(self, told: Told, doubt: str) -> Opened:
        if await store.asked_about(self.teller.tx, f"unclear:{person_key(told.person)}"[:300]):
            return Opened(Became.KNOWN)
        text = f"it is not clear who is meant: {doubt}"
        question = Question(kind="which_person", text=text, choices=("another-person", "withdraw"))
        return await self._open(told, question)

    async def _open(self, told: Told, question: Question | None) -> Opened:
        now, key = self.teller.now, person_key(told.person)
        person = f"unclear:{key}" if question else key
        leaver = Leaver(
            number=0,
            person=person[:300],
            period=await self._period(person[:300], told),
            kind=told.event,
            state=LeaverState.ASKS if question else LeaverState.PLANNED,
            ends_at=told.ends_at,
            due_at=None,
            urgent=told.urgent,
            privileged=False,
            guarded="",
            hold_until=None,
            batch=told.batch[:120],
            made_at=now,
            begun_at=None,
            done_at=None,
            closed_at=None,
            version=1,
            doc=LeaverDoc(
                person=told.person,
                source=told.source,
                said_by=told.by,
                caused_by=told.caused_by,
                zone=told.zone,
                last_day=told.last_day,
                before=dict(told.before),
                after=dict(told.after),
                question=question,
                asked_at=now if question else 0.0,
            ),
        )
        places, steps = places_for(leaver, self.rules, self.connections, now)
        leaver.due_at = min([each.due_at for each in places], default=None)
        leaver.number = await store.insert_leaver(self.teller.tx, leaver, _all_names(told.person))
        for place in places:
            place.number = leaver.number
        for step in steps:
            step.number = leaver.number
        await store.insert_places(self.teller.tx, places)
        await store.save_steps(self.teller.tx, steps)
        await self._opened(leaver, told)
        return Opened(Became.ASKS if question else Became.OPENED, leaver)

    async def _opened(self, leaver: Leaver, told: Told) -> None:
        detail: dict[str, Any] = {
            "source": told.source,
            "ends_at": told.ends_at,
            "zone": told.zone,
            "urgent": told.urgent,
        }
        told_by = f"told by {told.source}{f': {told.reason}' if told.reason else ''}"
        await self.teller.say(leaver, "leaver_opened", told_by, actor=told.by, reason=told.reason, **detail)
        if leaver.doc.question is not None:
            question = leaver.doc.question
            await self.teller.ask(leaver, Cause.LEAVER_ASKS, question.text, question=question.kind)

    async def _period(self, person: str, told: Told) -> str:
        """One that this person has not had. A change of role is one more in an employment."""
        taken = await store.periods_of(self.teller.tx, person)
        base = told.starts[:40] if told.event is Event.LEAVER else f"{told.starts[:40]}:{told.event}"
        numbered = (base if count == 1 else f"{base}/{count}" for count in range(1, len(taken) + 2))
        return next(each for each in numbered if each not in taken)

    async def _again(self, leaver: Leaver, told: Told) -> Opened:
        """One that is known: nothing new, another date, or sooner."""
        await store.add_names(self.teller.tx, leaver.number, _all_names(told.person))
        leaver.doc.person = _joined(leaver.doc.person, told.person)
        if told.urgent and not leaver.urgent:
            return await self._at_once(leaver, told)
        if told.ends_at == leaver.ends_at or leaver.urgent:
            await store.save(self.teller.tx, leaver)
            return Opened(Became.KNOWN, leaver)
        if leaver.begun_at is None:
            return await self.correct(leaver, told)
        await store.save(self.teller.tx, leaver)
        if told.ends_at <= self.teller.now:
            return Opened(Became.KNOWN, leaver)
        text = "the last day was moved into the future after access began to end: is the person back?"
        return await self.ask(leaver, Question(kind="rehired", text=text, choices=("rehired", "goes-on")))

    async def correct(self, leaver: Leaver, told: Told) -> Opened:
        """The date moves, and every deadline with it."""
        before = leaver.ends_at
        leaver.ends_at, leaver.doc.last_day, leaver.doc.zone = told.ends_at, told.last_day, told.zone
        await self._moved(leaver, max(told.ends_at, self.teller.now) - max(before, leaver.made_at))
        text = f"the date was corrected{f' to {told.last_day}' if told.last_day else ''}"
        detail: dict[str, Any] = {"before": before, "after": told.ends_at, "zone": told.zone, "reason": told.reason}
        await self.teller.say(leaver, "leaver_corrected", text, actor=told.by, **detail)
        return Opened(Became.CORRECTED, leaver)

    async def _at_once(self, leaver: Leaver, told: Told) -> Opened:
        """A person says now: what holds it or was asked before counts no more, and nothing delays it."""
        before, now = leaver.ends_at, self.teller.now
        leaver.urgent, leaver.guarded, leaver.hold_until, leaver.doc.hold = True, "", None, None
        leaver.doc.caused_by = tuple(dict.fromkeys([*leaver.doc.caused_by, *told.caused_by]))
        leaver.ends_at, leaver.doc.last_day = min(leaver.ends_at, now), ""
        if leaver.state in PLANNED:
            leaver.state, leaver.doc.question = LeaverState.PLANNED, None
        _decided(leaver, Said(what="now", by=told.by, at=now, reason=told.reason))
        await self._moved(leaver, min(0.0, now - max(before, leaver.made_at)))
        await self.teller.say(leaver, "leaver_urgent", "brought forward: now", actor=told.by, reason=told.reason)
        await self.teller.answered(leaver, (Cause.LEAVER_ASKS,), "somebody said now")
        return Opened(Became.CORRECTED, leaver)

    async def _moved(self, leaver: Leaver, by_s: float) -> None:
        places = await store.places_of(self.teller.tx, [leaver.number])
        steps = await store.steps_of(self.teller.tx, [leaver.number])
        for step in steps:
            step.due_at += by_s
        leaver.due_at = None if leaver.due_at is None else leaver.due_at + by_s
        leaver.version += 1
        await store.save(self.teller.tx, leaver)
        await store.save_steps(self.teller.tx, steps)
        for place in places:
            place.due_at += by_s
            await store.save_place(self.teller.tx, place)

    async def _rest(self, leaver: Leaver) -> None:
        """No worker comes by any more."""
        places = await store.places_of(self.teller.tx, [leaver.number])
        for place in places:
            place.next_at = None
            await store.save_place(self.teller.tx, place)
        await self.teller.over(leaver, [each.connection for each in places], "the departure was withdrawn")


def _ended(matches: Iterable[Leaver], told: Told) -> Leaver | None:
    """A departure that is proved already and is told once more. Whoever says now has it looked at once more."""
    if told.event is not Event.LEAVER or told.urgent:
        return None
    ended = (each for each in matches if each.state is LeaverState.CLOSED)
    return next((each for each in ended if not told.starts or each.period.startswith(told.starts[:40])), None)


def names_of(person: Person) -> list[tuple[str, str]]:
    """By what a person is found in what others told."""
    kinds = (STRONGEST, "email", "user_name")
    return [(kind, getattr(person, kind)) for kind in kinds if getattr(person, kind)]


def person_key(person: Person) -> str:
    """What a departure is kept under: the record, else the strongest name. ValueError: nothing says who it is."""
    if person.records:
        return person.records[0]
    for kind, value in names_of(person):
        return f"{kind}:{store.folded(value)}"
    raise ValueError("nothing says who it is")


def _all_names(person: Person) -> Iterable[tuple[str, str]]:
    return [*names_of(person), *((RECORD, each) for each in person.records)]


def _contradicts(one: Person, other: Person) -> bool:
    """Two that are known by different numbers are two, whatever else they share."""
    mine, theirs = store.folded(one.employee_number), store.folded(other.employee_number)
    return bool(mine and theirs and mine != theirs)


def _joined(known: Person, told: Person) -> Person:
    """What is known already stays, unless the same record says otherwise; what was not known is added."""
    same = bool(set(known.records) & set(told.records))
    values = {
        name: (getattr(told, name) if same else getattr(known, name)) or getattr(known, name) or getattr(told, name)
        for name in Person.__struct_fields__
        if name != "records"
    }
    return Person(**values, records=tuple(dict.fromkeys([*known.records, *told.records])))


def _decided(leaver: Leaver, said: Said) -> None:
    leaver.doc.said = (*leaver.doc.said, said)
    leaver.version += 1
