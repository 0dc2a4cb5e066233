"""Look-ups of what reference columns point to, remembered for a few minutes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from connectors.contract.clock import Clock
from connectors.contract.errors import Refused
from connectors.rest import RestClient
from connectors.rest.remember import Memory
from connectors.servicenow.rows import Row, text
from connectors.servicenow.settings import Reference
from connectors.servicenow.table import Guard, equals, every_row

_BATCH = 100


class Directory:
    """Users, groups and other rows that records refer to. A failed look-up is never remembered."""

    def __init__(self, client: RestClient, clock: Clock) -> None:
        self._client = client
        self._ids: Memory[tuple[str, str, str], str] = Memory(clock)
        self._shown: Memory[tuple[str, str], Mapping[str, str]] = Memory(clock)
        self._names: Memory[str, str] = Memory(clock)

    async def sys_id(self, column: str, reference: Reference, wanted: str) -> str:
        """The row that a written value means. Raises Refused naming `column` if there is not exactly one that is
        active, or at all where that does not matter.
        """
        key = (reference.table, reference.by, wanted.lower())
        known = self._ids.get(key)
        if known is not None:
            return known
        found = await every_row(
            self._client,
            reference.table,
            equals(reference.by, wanted),
            f"sys_id,active,{reference.by}",
            lambda row: text(row.get(reference.by)).lower() == wanted.lower(),
            limit=_BATCH,
        )
        sys_id = _only(column, reference, wanted, found)
        self._ids.put(key, sys_id)
        return sys_id

    async def cards(
        self, references: Mapping[str, Reference], wanted: Mapping[str, Collection[str]]
    ) -> Mapping[str, Mapping[str, str]]:
        """sys_id -> the columns that `raw` shows of it, for the ids each column names; without those that are gone."""
        found: dict[str, Mapping[str, str]] = {}
        for column, sys_ids in wanted.items():
            reference = references[column]
            found |= await self._shown_of(reference, [each for each in sys_ids if each])
        return found

    async def _shown_of(self, reference: Reference, sys_ids: Collection[str]) -> dict[str, Mapping[str, str]]:
        known = {each: card for each in sys_ids if (card := self._shown.get((reference.table, each))) is not None}
        missing = [each for each in sys_ids if each not in known]
        for row in await self._rows(reference.table, "sys_id", missing, reference.shows):
            card = {name: text(row.get(name)) for name in reference.shows}
            known[text(row["sys_id"])] = card
            self._shown.put((reference.table, text(row["sys_id"])), card)
        return known

    async def names(self, user_names: Collection[str]) -> Mapping[str, str]:
        """user_name -> the person's name, or the user name where there is no such user."""
        missing = [each for each in user_names if self._names.get(each) is None]
        for row in await self._rows("sys_user", "user_name", missing, ("name",)):
            self._names.put(text(row.get("user_name")), text(row.get("name")))
        return {each: self.name(each) for each in user_names}

    def name(self, user_name: str) -> str:
        """The person's name as far as it is remembered; no I/O."""
        return self._names.get(user_name) or user_name

    async def _rows(self, table: str, column: str, values: list[str], shows: tuple[str, ...]) -> list[Row]:
        wanted = [value for value in dict.fromkeys(values) if value and not set(value) & {"^", ",", "\n"}]
        fields = ",".join(dict.fromkeys(("sys_id", column, *shows)))
        found: list[Row] = []
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            asked = f"{column}IN{','.join(batch)}"
            found += await every_row(
                self._client,
                table,
                asked,
                fields,
                _among(column, frozenset(each.casefold() for each in batch)),
                limit=_BATCH,
            )
        return found


def _among(column: str, values: frozenset[str]) -> Guard:
    return lambda row: text(row.get(column)).casefold() in values


def _only(column: str, reference: Reference, wanted: str, found: list[Row]) -> str:
    active = [row for row in found if text(row.get("active")) != "false" or not reference.only_active]
    if len(active) == 1:
        return text(active[0]["sys_id"])
    what = f"{reference.by} {wanted}"
    if active:
        reason = f"{len(active)} active rows of {reference.table} have the {what}"
    elif found:
        reason = f"the row of {reference.table} with the {what} is inactive"
    else:
        reason = f"no row of {reference.table} has the {what}"
    raise Refused(f"{column}: {reason}; nothing was written", fields={column: reason})
