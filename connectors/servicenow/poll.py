"""The polls of a connection: records, journal entries and deletions, one page a call, taking turns.

A cursor is `{"turn": n, "feeds": {name: place}}`; each place is independent, so a feed that is behind holds no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.contract.errors import Refused
from connectors.contract.values import Change, Page
from connectors.rest import RestClient
from connectors.servicenow import feed, table
from connectors.servicenow.feed import FeedSpec, Place
from connectors.servicenow.rows import Row
from connectors.servicenow.table import Rows

ToChange = Callable[[Row], Change]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A feed and what its rows become."""

    spec: FeedSpec
    to_change: ToChange


async def next_page(
    client: RestClient,
    feeds: list[Feed],
    cursor: Mapping[str, Any],
    *,
    now: float,
    page_size: int,
    overlap_s: int,
    prepare: Callable[[Sequence[Row]], Awaitable[None]],
) -> Page:
    """Reads one page of the feed whose turn it is; `now` by the instance's clock. `prepare(rows)` is awaited before
    rows become changes.

    `more` stays true until every feed has finished its round.
    """
    turn = cursor["turn"] % len(feeds)
    one = feeds[turn]
    place = feed.going_on(feed.from_cursor(cursor["feeds"][one.spec.name]), now)
    limit = feed.size(place, page_size)
    rows = await _page(client, one.spec, place, limit)
    step = feed.step(one.spec, place, rows.rows, more=rows.more, limit=limit, overlap_s=overlap_s)
    await prepare(step.fresh)
    places = dict(cursor["feeds"]) | {one.spec.name: msgspec.to_builtins(step.place)}
    following = turn if step.more else turn + 1
    return Page(
        changes=tuple(one.to_change(row) for row in step.fresh),
        cursor={"turn": following % len(feeds), "feeds": places},
        more=following < len(feeds),
    )


def start(feeds: list[Feed], cursor: Mapping[str, Any] | None, now: float, overlap_s: int) -> dict[str, Any]:
    """The cursor to go on from: feeds it does not know yet (a new object in the settings) begin now."""
    known = cursor["feeds"] if cursor else {}
    fresh = msgspec.to_builtins(feed.begin(now, overlap_s))
    return {
        "turn": cursor["turn"] if cursor else 0,
        "feeds": {one.spec.name: known.get(one.spec.name, fresh) for one in feeds},
    }


async def _page(client: RestClient, spec: FeedSpec, place: Place, limit: int) -> Rows:
    rows = await table.page(
        client,
        spec.table,
        feed.query(spec, place),
        spec.fields,
        lambda row: feed.within(spec, place, row),
        limit=limit,
        offset=place.offset,
    )
    if not feed.ordered(spec, rows.rows):
        raise Refused(
            f"table {spec.table}: the instance did not return rows in the order of {spec.time}; reading on would leave "
            "rows out. Check that the column can be read and sorted by",
            evidence={"table": spec.table, "column": spec.time},
        )
    return rows
