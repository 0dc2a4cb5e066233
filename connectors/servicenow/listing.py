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
from connectors.servicenow.rows import Row, parse_time, text

_FIELDS = "sys_id,number,sys_updated_on"


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


async def next_page(client: RestClient, name: str, base: str, place: Place, *, limit: int) -> IdPage:
    """One page in the order of sys_id. Raises Refused where the instance does not keep that order or the bound."""
    bound = f"sys_id>{place.after}" if place.after else ""
    query = "^".join(part for part in (base, bound, "ORDERBYsys_id") if part)
    found = await table.page(
        client,
        name,
        query,
        _FIELDS,
        lambda row: text(row.get("sys_id")) > place.after,
        limit=limit,
        offset=place.offset,
    )
    ids = [text(row["sys_id"]) for row in found.rows]
    if ids != sorted(ids):
        raise Refused(
            f"table {name}: the instance did not return rows in the order of sys_id; reading on would leave rows out",
            evidence={"table": name, "column": "sys_id"},
        )
    return IdPage(listed=tuple(_listed(row) for row in found.rows), cursor=_following(place, ids, found.more, limit))


def _following(place: Place, ids: list[str], more: bool, limit: int) -> dict[str, Any] | None:
    if not more:
        return None
    following = Place(after=ids[-1]) if ids else Place(after=place.after, offset=place.offset + limit)
    return dict(msgspec.to_builtins(following))


def _listed(row: Row) -> Listed:
    return Listed(
        id=text(row["sys_id"]), key=text(row.get("number")), updated_at=parse_time(text(row.get("sys_updated_on")))
    )
