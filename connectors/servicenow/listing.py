"""The list of what a table holds, ids only: each page begins behind the last id seen, because with offsets rows move
while one pages (facts.md 1.3 [M]).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.contract.errors import Refused
from connectors.contract.values import IdPage, Listed
from connectors.rest import RestClient
from connectors.servicenow import table
from connectors.servicenow.bound import Bound
from connectors.servicenow.rows import Row, called, parse_time, text


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a list stands; lives in the cursor."""

    after: str = ""
    """The last id seen."""
    offset: int = 0
    """Moves only while pages show no row although more follow: access rules hide them after the limit is applied
    (facts.md 1.2 [SND])."""


def from_cursor(given: Mapping[str, Any] | None) -> Place:
    """A place out of stored JSON; None: the beginning."""
    return msgspec.convert(given, Place) if given else Place()


async def next_page(client: RestClient, one: Bound, place: Place, *, limit: int) -> IdPage:
    """One page in the order of sys_id. Raises Refused where the instance does not keep that order or the bound."""
    bound = f"sys_id>{place.after}" if place.after else ""
    query = "^".join(part for part in (one.given.filter, bound, "ORDERBYsys_id") if part)
    found = await table.page(
        client,
        one.table,
        query,
        f"{one.named},sys_updated_on",
        lambda row: text(row.get("sys_id")) > place.after,
        limit=limit,
        offset=place.offset,
    )
    ids = [text(row["sys_id"]) for row in found.rows]
    if ids != sorted(ids):
        raise Refused(
            f"table {one.table}: the instance did not return rows in the order of sys_id; reading on would leave rows "
            "out",
            evidence={"table": one.table, "column": "sys_id"},
        )
    return IdPage(
        listed=tuple(_listed(row, one.kind.names) for row in found.rows),
        cursor=_following(place, ids, found.more, limit),
    )


def _following(place: Place, ids: list[str], more: bool, limit: int) -> dict[str, Any] | None:
    if not more:
        return None
    following = Place(after=ids[-1]) if ids else Place(after=place.after, offset=place.offset + limit)
    return dict(msgspec.to_builtins(following))


def _listed(row: Row, names: tuple[str, ...]) -> Listed:
    return Listed(
        id=text(row["sys_id"]), key=called(row, names), updated_at=parse_time(text(row.get("sys_updated_on")))
    )
