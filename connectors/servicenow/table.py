"""Reads of the Table API: pages that may be short, and queries whose bad parts are silently ignored.

The instance applies the limit before access rules, so a short or empty page is no proof of the end (facts.md 1.2
[SND]): the end is where no `next` link, no remaining count and no full page says that there is more. It drops query
parts it does not understand and returns all rows: whoever asks here says what every row must show, and a row that does
not is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from connectors.contract.errors import Refused
from connectors.rest import Answer, RestClient
from connectors.servicenow.answers import many_rows
from connectors.servicenow.rows import Row, text

Guard = Callable[[Row], bool]


def anything(_: Row) -> bool:
    """Guard of a query without conditions."""
    return True


def nothing(_: Row) -> bool:
    """Guard of a query that must not find a row."""
    return False


class Rows(NamedTuple):
    """One page. `more`: the instance has further rows for this query, seen or not."""

    rows: list[Row]
    more: bool


def path(table: str, sys_id: str = "") -> str:
    """Path of a table or of one of its records."""
    return f"/api/now/table/{table}/{sys_id}" if sys_id else f"/api/now/table/{table}"


PLAIN: Mapping[str, str] = {"sysparm_display_value": "false", "sysparm_exclude_reference_link": "true"}


async def page(
    client: RestClient, table: str, query: str, fields: str, guard: Guard, *, limit: int, offset: int = 0
) -> Rows:
    """One page of a query. Raises Refused when a row shows that the query was not applied as sent."""
    return (await _page(client, table, query, fields, guard, limit, offset))[0]


async def _page(
    client: RestClient, table: str, query: str, fields: str, guard: Guard, limit: int, offset: int
) -> tuple[Rows, Answer]:
    asked: dict[str, str | int] = {
        **PLAIN,
        "sysparm_query": query,
        "sysparm_fields": fields,
        "sysparm_limit": limit,
        "sysparm_offset": offset,
    }
    # Version 1 of the API answers 404 where nothing matches; later ones 200 with an empty list.
    answer = await client.read(path(table), asked, sound=many_rows)
    rows: list[Row] = answer.data["result"]
    stray = next((row for row in rows if not guard(row)), None)
    if stray is not None:
        raise Refused(
            f"table {table}: the instance did not apply the query (row {text(stray.get('sys_id'))} does not match); "
            "check that its columns exist and can be read",
            status=answer.status,
            evidence={"table": table, "query": query, "sys_id": text(stray.get("sys_id"))},
        )
    return Rows(rows, has_more(answer, len(rows), limit, offset)), answer


def has_more(answer: Answer, count: int, limit: int, offset: int) -> bool:
    """Whether rows follow this page: it is full, or a `next` link or the total says so."""
    if count >= limit or 'rel="next"' in answer.headers.get("link", ""):
        return True
    total = answer.headers.get("x-total-count", "")
    return total.isdecimal() and int(total) > offset + limit


async def every_row(client: RestClient, table: str, query: str, fields: str, guard: Guard, *, limit: int) -> list[Row]:
    """All rows of a query over an append-only or small table, in the order of the query."""
    found: list[Row] = []
    offset, more = 0, True
    while more:
        rows, more = await page(client, table, query, fields, guard, limit=limit, offset=offset)
        found += rows
        offset += limit
    return found


class Seen(NamedTuple):
    """All that a query shows us. `hidden`: so many more rows there are, which the integration user may not read."""

    rows: list[Row]
    hidden: int


_READS = 3
"""Of a list that does not add up, because rows came or went between its pages."""


async def whole(client: RestClient, table: str, query: str, fields: str, guard: Guard, *, limit: int) -> Seen:
    """All rows of a query, in the order of their ids, and how many are left out: the total counts before access rules
    do (facts.md 1.2 [SND]; of the total [M]). Without a total nothing is known to be hidden.
    """
    ordered = "^".join(part for part in (query, "ORDERBYsys_id") if part)
    found: dict[str, Row] = {}
    total = 0
    for _ in range(_READS):
        found, offset, more = {}, 0, True
        while more:
            (rows, more), answer = await _page(client, table, ordered, fields, guard, limit, offset)
            found |= {text(row["sys_id"]): row for row in rows}
            offset += limit
            counted = answer.headers.get("x-total-count", "")
            total = int(counted) if counted.isdecimal() else 0
        if len(found) >= total:
            break
    return Seen(list(found.values()), max(0, total - len(found)))


def equals(column: str, value: str) -> str:
    """`column=value` of an encoded query. Raises Refused for a value that would end the condition."""
    if "^" in value or "\n" in value or value.startswith("javascript:"):
        raise Refused(
            f"{column}: the value cannot be searched for in ServiceNow (it holds ^, a line end or a script)",
            fields={column: "cannot be part of an encoded query"},
        )
    return f"{column}={value}"


def moment(at: str) -> str:
    """A UTC time for a query. A plain literal would be read in the integration user's time zone (facts.md 1.3 [M])."""
    date, _, time = at.partition(" ")
    return f"javascript:gs.dateGenerate('{date}','{time}')"
