"""What a person's record says of the employment, and what of that is news. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from gateway.config.leavers import Leavers, LeaverSource, is_zone
from gateway.offboarding.days import day_of, ends_at
from gateway.offboarding.values import Event, Person


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one record, at one decision."""

    person: Person
    leaves: bool = False
    said: bool = False
    """The record itself says that the person leaves; its tombstone says so besides, and for good."""
    absent: bool = False
    ends: str = ""
    """As the record has it."""
    starts: str = ""
    zone: str = "UTC"
    role: Mapping[str, str] = {}
    left_at: float | None = None
    """When the record got its tombstone."""

    @property
    def digest(self) -> str:
        """Equal ones are no news."""
        return sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    @property
    def ends_at(self) -> float | None:
        """The moment, as far as it is told. A record that has left already does not wait for its last day."""
        told = ends_at(self.ends, self.zone)
        if self.left_at is None:
            return told
        return self.left_at if told is None else min(told, self.left_at)

    @property
    def last_day(self) -> str:
        """2026-11-30; empty where none is told."""
        return day_of(self.ends)


class News(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a record tells anew."""

    event: Event
    over: bool = False
    """It is taken back: not leaving any more, or back again."""


def standing_of(
    source: LeaverSource, rules: Leavers, values: Mapping[str, Any], record: str, left_at: float | None
) -> Standing:
    """Raises ConditionError where a condition cannot be decided for this record."""

    def told(name: str) -> str:
        return _text(values.get(source.fields.get(name, "")))

    ends = told("ends")
    leaves = source.when(values) if source.when is not None else bool(ends)
    return Standing(
        person=Person(
            name=told("name") or told("user_name") or told("email"),
            email=told("email"),
            user_name=told("user_name"),
            employee_number=told("employee_number"),
            title=told("title"),
            department=told("department"),
            manager=told("manager"),
            records=(record,),
        ),
        leaves=leaves or left_at is not None,
        said=leaves,
        absent=source.absent is not None and source.absent(values),
        ends=ends,
        starts=told("starts"),
        zone=_zone(source, rules, values),
        role={name: _text(values.get(name)) for name in source.moves},
        left_at=left_at,
    )


def news_of(before: Standing | None, after: Standing, now: float) -> list[News]:
    """What is different. A record that is seen for the first time moves nobody, and takes nothing back. Until the last
    day is over somebody may be away, come back or move; from then on only that they leave counts.
    """
    if before is not None and before.said and not after.said:
        return [News(event=Event.LEAVER, over=True)]  # hired again, too: a tombstone does not make them a leaver anew
    found = []
    if after.leaves and (before is None or not before.leaves or _sooner_or_later(before, after)):
        found.append(News(event=Event.LEAVER))
    if before is not None and before.leaves and not after.leaves:
        found.append(News(event=Event.LEAVER, over=True))
    if after.leaves and (after.ends_at is None or after.ends_at <= now):
        return found
    if after.absent and (before is None or not before.absent):
        found.append(News(event=Event.ABSENCE))
    if before is not None and before.absent and not after.absent:
        found.append(News(event=Event.ABSENCE, over=True))
    if before is not None and before.role != after.role and any(before.role.values()):
        found.append(News(event=Event.MOVER))
    return found


def _sooner_or_later(before: Standing, after: Standing) -> bool:
    """Whether it tells another moment. A tombstone that was lifted tells none: a person decided that."""
    tombstoned = after.left_at is not None and before.left_at is None
    return tombstoned or (before.ends, before.zone) != (after.ends, after.zone)


def _zone(source: LeaverSource, rules: Leavers, values: Mapping[str, Any]) -> str:
    said = _text(values.get(source.zone_field)) if source.zone_field else ""
    known = source.zones.get(said) or next(
        (z for place, z in source.zones.items() if place.casefold() == said.casefold()), ""
    )
    if known:
        return known
    return said if said and is_zone(said) else rules.zone


def _text(value: Any) -> str:
    """A value of kind user has an e-mail address and a name."""
    if isinstance(value, Mapping):
        value = value.get("email") or value.get("name")
    return "" if value is None or isinstance(value, bool) else str(value).strip()
