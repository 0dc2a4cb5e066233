"""Telling of somebody who leaves, moves or is away: one person, or a file of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from sqlalchemy.exc import IntegrityError

from connectors.contract.errors import InputError
from gateway.access.rights import Principal, Right
from gateway.config.leavers import is_zone
from gateway.core import origin
from gateway.offboarding import store
from gateway.offboarding.days import day_of, ends_at
from gateway.offboarding.opening import Desk, Opened, Told
from gateway.offboarding.telling import Teller
from gateway.offboarding.values import Event, Person
from gateway.work.leaver_errors import LeaverRefused, LeaverUnfit
from gateway.work.leaver_people import person_of
from gateway.work.leaver_views import LeaverView
from gateway.work.leavers import seen
from gateway.work.trail import note
from gateway.work.workplace import Workplace

RACES = 3
MOST_ROWS = 5_000


class LeaverWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody leaves, moves or is away. `person`: a user name, an address, a number, or the id of a record."""

    person: str = ""
    event: Event = Event.LEAVER
    last_day: str = ""
    """2026-11-30; or a moment. Empty: now."""
    zone: str = ""
    """In which the last day ends. Empty: the configuration's."""
    reason: str
    urgent: bool = False
    """Nothing delays it: no flood of others, no hold, no question."""
    email: str = ""
    user_name: str = ""
    employee_number: str = ""
    name: str = ""
    successor: str = ""
    """Who takes open work over; empty: by rule."""
    starts: str = ""
    """First day of the employment, where a person was employed before."""
    after: dict[str, str] = {}
    """Of a mover: the new role, field by field (`department`)."""


class LeaverTold(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a wish."""

    became: str
    """opened, corrected, known, asks."""
    leaver: LeaverView


async def tell_leaver(place: Workplace, who: Principal, wish: LeaverWish) -> LeaverTold:
    """Opens a departure, corrects one that is known, or brings it forward; the same again is nothing more.

    Raises NotAllowed, LeaverUnclear, LeaverUnfit, LeaverRefused.
    """
    who.require(Right.PEOPLE)
    opened = await told(place, who, wish, source=_door(), batch="")
    async with place.database.read() as tx:
        assert opened.leaver is not None, "a wish that is refused raises"
        return LeaverTold(became=str(opened.became), leaver=await seen(tx, place, who, opened.leaver))


def _door() -> str:
    """Where a person said it: console, cli, api."""
    source = origin.current().source
    return origin.API if source == origin.SYSTEM else source


async def told(place: Workplace, who: Principal, wish: LeaverWish, *, source: str, batch: str) -> Opened:
    """As `tell_leaver`, for whoever reads wishes from elsewhere."""
    if not wish.reason.strip():
        raise LeaverUnfit("say why; it stands in the trail")
    zone = wish.zone or place.config.leavers.zone
    if not is_zone(zone):
        raise LeaverUnfit(f"there is no time zone {zone!r}; try Europe/Berlin")
    for attempt in range(RACES):
        try:
            return await _told_once(place, who, wish, zone, source, batch)
        except IntegrityError:  # somebody told of the same at the same moment
            if attempt == RACES - 1:
                raise
    raise AssertionError("unreachable")


async def _told_once(place: Workplace, who: Principal, wish: LeaverWish, zone: str, source: str, batch: str) -> Opened:
    now = place.now()
    ends = ends_at(wish.last_day, zone) if wish.last_day else now
    if ends is None:
        raise LeaverUnfit(f"{wish.last_day!r} is no day; try 2026-11-30")
    if wish.event is Event.MOVER and not wish.after:
        raise LeaverUnfit("say what the new role is: after: {department: Sales}")
    known = Person(email=wish.email, user_name=wish.user_name, employee_number=wish.employee_number, name=wish.name)
    async with place.database.begin("leaver.told") as tx:
        person, starts = await person_of(tx, place, wish.person, known)
        desk = Desk(Teller(note, tx, now), place.config.leavers, tuple(place.config.connections))
        opened = await desk.tell(
            Told(
                event=wish.event,
                person=person,
                ends_at=min(ends, now) if wish.urgent else ends,
                last_day=day_of(wish.last_day),
                zone=zone,
                source=source,
                by=who.name,
                caused_by=(who.person or who.id,),
                batch=batch,
                starts=wish.starts or starts,
                urgent=wish.urgent,
                before={name: str(getattr(person, name, "")) for name in wish.after},
                after=wish.after,
                reason=wish.reason.strip(),
            )
        )
        if opened.leaver is None:
            raise LeaverRefused("this person", "it is asked already who is meant; answer that first")
        if wish.successor and wish.successor != opened.leaver.doc.successor:
            opened.leaver.doc.successor = wish.successor
            await store.save(tx, opened.leaver)
        return opened


class LeaverRow(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one row of a file. Rows count from 1."""

    row: int
    became: str
    """opened, corrected, known, asks; or refused, with why."""
    label: str = ""
    why: str = ""


def wishes_in(text: str) -> list[dict[str, str]]:
    """The rows of a CSV file with a line of names, or of JSON lines. Raises LeaverUnfit."""
    lines = [each for each in text.splitlines() if each.strip()]
    if len(lines) > MOST_ROWS + 1:
        raise LeaverUnfit(f"a file has at most {MOST_ROWS} rows")
    if lines and lines[0].lstrip().startswith("{"):
        try:
            return [dict(msgspec.json.decode(each, type=dict[str, str])) for each in lines]
        except (msgspec.DecodeError, ValueError) as error:
            raise LeaverUnfit(f"this is no JSON object of texts on each line: {error}") from error
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    names = set(rows[0] if rows else ())
    if unknown := names - set(_COLUMNS):
        raise LeaverUnfit(f"there is no column {min(map(str, unknown))}; there are {', '.join(_COLUMNS)}")
    return [{name: value for name, value in row.items() if name and value} for row in rows]


_COLUMNS = (
    "person",
    "event",
    "last_day",
    "zone",
    "reason",
    "email",
    "user_name",
    "employee_number",
    "name",
    "successor",
    "starts",
)


async def import_leavers(
    place: Workplace, who: Principal, rows: Sequence[dict[str, str]], *, reason: str
) -> list[LeaverRow]:
    """Tells of each row; the same file again changes nothing. A row that is refused stops no other.

    All rows are one batch for the guard, and none of them is urgent. Right PEOPLE. Raises NotAllowed, LeaverUnfit.
    """
    who.require(Right.PEOPLE)
    if not reason.strip():
        raise LeaverUnfit("say why; it stands in the trail")
    batch = f"import:{sha256(msgspec.json.encode(list(rows))).hexdigest()[:16]}"
    return [await _imported(place, who, number, row, reason, batch) for number, row in enumerate(rows, 1)]


async def _imported(
    place: Workplace, who: Principal, number: int, row: dict[str, str], reason: str, batch: str
) -> LeaverRow:
    try:
        unknown = set(row) - set(_COLUMNS)
        if unknown:
            raise LeaverUnfit(f"there is no column {min(unknown)}")
        wish = msgspec.convert({"reason": reason, **row}, LeaverWish)
        opened = await told(place, who, wish, source="import", batch=batch)
    except (InputError, msgspec.ValidationError) as error:
        return LeaverRow(row=number, became="refused", why=str(error))
    return LeaverRow(row=number, became=str(opened.became), label=opened.leaver.label if opened.leaver else "")
