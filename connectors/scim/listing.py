"""Lists of a SCIM server, page by page (RFC 7644 3.4.2): for whoever looks something up, and for the poll."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from connectors.directory import TYPES
from connectors.rest import Answer, RestClient
from connectors.scim import answers, poll
from connectors.scim.settings import ScimOptions

Row = Mapping[str, Any]
NOT_SO = frozenset({400, 403, 501})
"""How servers say that they do not filter by this attribute (RFC 7644 3.4.2.2 says 400 invalidFilter)."""
NOT_THERE = frozenset({404, 501})
"""How servers say that they have no such endpoint (RFC 7644 3.2)."""


class Listing:
    """The lists of one server."""

    def __init__(self, client: RestClient, options: ScimOptions) -> None:
        self._client, self._options = client, options

    async def page(self, object: str, at: int, count: int, condition: str = "") -> poll.Shown:
        """One page, from row `at` on; rows count from one."""
        return _shown(await self._asked(object, at, count, condition, ()), count)

    async def every(self, object: str, condition: str = "") -> list[Row]:
        """All rows that the condition lets through, each once."""
        found = await self._rows(object, condition, ())
        assert found is not None, "no status was tolerated"
        return found

    async def filtered(self, object: str, condition: str) -> list[Row] | None:
        """The same; None where the server does not filter so."""
        return await self._rows(object, condition, NOT_SO)

    async def all(self, object: str) -> list[Row] | None:
        """All of a type; None where the server has no such type. Read anew while rows come and go meanwhile, as long as
        it shows fewer than it says there are.
        """
        found = await self._rows(object, "", NOT_THERE)
        for _ in range(poll.MOST_ANEW):
            if found is None or len(found) >= (await self.page(object, 1, 1)).total:
                break
            found = await self._rows(object, "", NOT_THERE)
        return found

    async def _rows(self, object: str, condition: str, tolerate: Collection[int]) -> list[Row] | None:
        """Pages overlap by one row, so that one that moved up meanwhile is not passed over."""
        found: dict[str, Row] = {}
        at, size = 1, self._options.page_size
        while at:
            answer = await self._asked(object, at, size, condition, tolerate)
            if answer.status in tolerate:
                return None
            page = _shown(answer, size)
            found |= {str(row["id"]): row for row in page.rows}
            at = poll.going(at, page, alone=0 if at == 1 else 1)
        return list(found.values())

    async def _asked(self, object: str, at: int, count: int, condition: str, tolerate: Collection[int]) -> Answer:
        asked: dict[str, str | int] = {"startIndex": at, "count": count}
        if condition:
            asked["filter"] = condition
        if self._options.sort:
            asked["sortBy"] = "id"
        return await self._client.read(path(object), asked, sound=answers.a_list, tolerate=tolerate)


def path(object: str, id: str = "") -> str:
    """Of a type, or of one resource of it."""
    return f"/{TYPES[object]}s/{quote(id, safe='')}" if id else f"/{TYPES[object]}s"


def _shown(answer: Answer, count: int) -> poll.Shown:
    rows = list(answer.data.get("Resources") or ())
    return poll.Shown(rows=rows, total=int(answer.data["totalResults"]), count=count)
