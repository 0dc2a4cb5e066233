"""Cases by the thousand: the numbers of all that a filter means, and what a plan needs of many. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.rows import to_case
from dead_letter.tables import IS_OPEN, cases
from dead_letter.values import Case, CaseClass, CaseState, format_number, parse_number

_CHUNK = 500
_CLASSES = {each.value: each for each in CaseClass}
_STATES = {each.value: each for each in CaseState}


class Picked(msgspec.Struct, frozen=True, gc=False):
    """What decides what would come of a case; without its evidence, which may be long."""

    number: str
    cls: CaseClass
    state: CaseState
    cause: str
    key: str
    version: int
    pending: str
    flow: str
    record: str
    connection: str
    object: str
    object_key: str
    field: str
    first_seen: float
    closed_at: float | None
    ending: str


_PICKED = [cases.c[name] for name in Picked.__struct_fields__]


async def open_numbers(
    tx: AsyncConnection,
    *,
    connections: Collection[str] | None = None,
    flows: Collection[str] | None = None,
    text: str = "",
    since: float | None = None,
    until: float | None = None,
    **equal: str,
) -> list[tuple[str, str]]:
    """(number, record) of every open case that fits, oldest first. `equal`: columns and what they hold, empty ones do
    not narrow; times are of `first_seen`, inclusive. `connections`, `flows`: what whoever asks may see; None: all.
    """
    query = select(cases.c.number, cases.c.record).where(IS_OPEN)
    for name, wanted in equal.items():
        if wanted:
            query = query.where(cases.c[name] == wanted)
    if connections is not None:
        query = query.where(cases.c.connection.in_(["", *connections]))
    if flows is not None:
        query = query.where(cases.c.flow.in_(["", *flows]))
    if text:
        columns = (cases.c.title, cases.c.object_key, cases.c.cause)
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    if since is not None:
        query = query.where(cases.c.first_seen >= since)
    if until is not None:
        query = query.where(cases.c.first_seen <= until)
    rows = await tx.execute(query.order_by(cases.c.number))
    return [(format_number(row[0]), row[1]) for row in rows]


async def picked(tx: AsyncConnection, numbers: Sequence[str]) -> list[Picked]:
    """These cases, open or closed, in the order given; those that do not exist are left out."""
    found: dict[int, Picked] = {}
    for part in _chunks(numbers):
        for number, cls, state, *others in await tx.execute(select(*_PICKED).where(cases.c.number.in_(part))):
            found[number] = Picked(format_number(number), _CLASSES[cls], _STATES[state], *others)
    return [found[number] for number in _known(numbers) if number in found]


async def open_versions(tx: AsyncConnection, numbers: Sequence[str]) -> dict[str, int]:
    """Number -> version, of those that are open."""
    found: dict[str, int] = {}
    for part in _chunks(numbers):
        rows = await tx.execute(select(cases.c.number, cases.c.version).where(cases.c.number.in_(part), IS_OPEN))
        found.update((format_number(row[0]), row[1]) for row in rows)
    return found


async def cases_of(tx: AsyncConnection, numbers: Sequence[str]) -> list[Case]:
    """As `picked`, whole."""
    found: dict[int, Case] = {}
    for part in _chunks(numbers):
        for row in (await tx.execute(select(cases).where(cases.c.number.in_(part)))).mappings():
            found[row["number"]] = to_case(row)
    return [found[number] for number in _known(numbers) if number in found]


def _known(numbers: Sequence[str]) -> list[int]:
    return [number for text in numbers if (number := parse_number(text)) is not None]


def _chunks(numbers: Sequence[str]) -> Iterator[list[int]]:
    wanted = _known(numbers)
    for start in range(0, len(wanted), _CHUNK):
        yield wanted[start : start + _CHUNK]
