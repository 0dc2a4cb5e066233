"""The members of groups: by id to the server, by e-mail address or name of sign-in to mappings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.contract.clock import Clock
from connectors.contract.errors import Refused
from connectors.contract.values import Snapshot
from connectors.directory import PEOPLE, is_group, known_as, member_ids, waiting, with_people
from connectors.rest.remember import Memory

Row = Mapping[str, Any]


class Crew:
    """Looks members up, and remembers them for a few minutes. Who is not there is asked for again each time."""

    def __init__(
        self,
        clock: Clock,
        user: Callable[[str], Awaitable[Row | None]],
        called: Callable[[str], Awaitable[Sequence[Row]]],
    ) -> None:
        """`user`: one by id; `called`: those who have this e-mail address or name of sign-in."""
        self._user, self._called = user, called
        self._names: Memory[str, str] = Memory(clock)
        self._ids: Memory[str, str] = Memory(clock)

    async def named(self, snapshot: Snapshot) -> Snapshot:
        """A group with its people. Raises Retryable while one of them cannot be read."""
        names = {id: await self._name(id) for id in member_ids(snapshot.raw)}
        return msgspec.structs.replace(snapshot, raw=with_people(snapshot.raw, names, snapshot.key or snapshot.id))

    def remembered(self, snapshot: Snapshot) -> Snapshot | None:
        """The same without asking anybody; None where that does not do."""
        names = {id: self._names.get(id) or "" for id in member_ids(snapshot.raw)}
        if not all(names.values()):
            return None
        return msgspec.structs.replace(snapshot, raw=with_people(snapshot.raw, names, snapshot.key))

    async def values(self, values: Row, before: Row) -> dict[str, Any]:
        """A write with members in the place of people; groups in the group stay. Raises Retryable while somebody has
        no account there: half of the members would be taken for all.
        """
        said = dict(values)
        people = [str(each) for each in said.pop(PEOPLE) or ()]
        ids = {name: await self._id(name) for name in people}
        if missing := [name for name, id in ids.items() if not id]:
            raise waiting(f"the group {before.get('displayName') or said.get('displayName') or ''}".strip(), missing)
        nested = [each for each in before.get("members") or () if isinstance(each, Mapping) and is_group(each)]
        return {**said, "members": [*nested, *({"value": id} for id in dict.fromkeys(ids.values()))]}

    async def _name(self, id: str) -> str:
        known = self._names.get(id)
        if known is None:
            row = await self._user(id)
            known = known_as(row) if row is not None else ""
            self._keep(id, known)
        return known

    async def _id(self, name: str) -> str:
        known = self._ids.get(name.lower())
        if known is None:
            found = await self._called(name)
            if len(found) > 1:
                raise Refused(
                    f"members: {len(found)} accounts are called {name}", fields={"members": "several accounts"}
                )
            known = str(found[0]["id"]) if found else ""
            self._keep(known, name.lower())
        return known

    def _keep(self, id: str, name: str) -> None:
        if id and name:
            self._names.put(id, name)
            self._ids.put(name, id)
