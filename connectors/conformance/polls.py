"""Rules about polling and listing: nothing is left out, whatever happens while one pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import cast

import orjson

from connectors.conformance.bench import MOST_PAGES, Bench, round_of
from connectors.conformance.rewriting import hiding
from connectors.conformance.rules import Broken, DoesNotApply, Rule, need
from connectors.contract.connector import Connector, ListsIds
from connectors.contract.values import Change, ChangeKind

LONGEST_MOMENT_S = 2.0
"""Systems whose times are coarser than this are tested as if they were not."""


def told(changes: Iterable[Change]) -> set[str]:
    """Ids of the objects that changes are about."""
    return {each.snapshot.id for each in changes}


async def _a_moment(bench: Bench) -> None:
    """What is written after this has a later time than what was written before."""
    await asyncio.sleep(min(LONGEST_MOMENT_S, bench.spec.granularity_s) * 1.05)


def _all(ids: Iterable[str], changes: Iterable[Change], when: str) -> None:
    missing = set(ids) - told(changes)
    need(not missing, f"{len(missing)} of {len(set(ids))} objects were not told {when}")


async def new_ones(bench: Bench) -> str:
    """From now on: what is made after the first poll is told by the next one, and what it tells can be read."""
    async with bench.client() as client:
        _, cursor = await round_of(client.connector, None)
        made = await bench.several(2, "new")
        changes, _ = await round_of(client.connector, cursor)
    _all(made, changes, "by the next poll")
    wrong = [each for each in changes if each.connection != bench.settings.name or not each.delivery_key]
    need(not wrong, "a change without its connection's name or without a delivery key")
    return f"{len(made)} of {len(made)}"


async def _paged(bench: Bench, count: int) -> str:
    async with bench.paging() as client:
        _, cursor = await round_of(client.connector, None)
        made = await bench.several(count, "paged")
        changes, _ = await round_of(client.connector, cursor)
    _all(made, changes, f"over pages of {bench.fixture.page}")
    return f"{count} of {count} over pages of {bench.fixture.page}"


async def full_pages(bench: Bench) -> str:
    """All rows of pages that are exactly full are told."""
    return await _paged(bench, 2 * bench.fixture.page)


async def short_page(bench: Bench) -> str:
    """All rows are told where the last page is short."""
    return await _paged(bench, 2 * bench.fixture.page + 1)


async def boundary(bench: Bench) -> str:
    """Rows of one moment lie on both sides of a page's edge, and none is passed over."""
    async with bench.paging() as client:
        _, cursor = await round_of(client.connector, None)
        made = await bench.several(2 * bench.fixture.page + 2, "edge")
        changes, _ = await round_of(client.connector, cursor)
        stamps = [(await client.connector.read(bench.ref(id))).updated_at for id in made]
    _all(made, changes, "although they were there")
    return f"{len(made)} rows, {len(set(stamps))} moments"


async def idle(bench: Bench) -> str:
    """A poll with nothing new ends, keeps its place, and tells nothing under a new name."""
    async with bench.client() as client:
        made = await bench.several(1, "idle")
        _, cursor = await round_of(client.connector, None)
        first, cursor = await round_of(client.connector, cursor)
        again, cursor = await round_of(client.connector, cursor)
        later = await bench.several(1, "later")
        changes, _ = await round_of(client.connector, cursor)
    before = {each.delivery_key for each in first if each.kind is ChangeKind.SNAPSHOT}
    new = [each for each in again if each.kind is ChangeKind.SNAPSHOT and each.snapshot.id in made]
    need(not before or all(each.delivery_key in before for each in new), "an unchanged row is told under a new key")
    _all(later, changes, "after polls that had nothing to tell")
    return "ends and goes on"


async def overlap(bench: Bench) -> str:
    """A row that the system shows late (an index that lags, a commit that was slow) is told, though the poll had
    already passed its time.
    """
    async with bench.client() as client:
        _, cursor = await round_of(client.connector, None)
        (late,) = await bench.several(1, "late")
        await _a_moment(bench)
        (shown,) = await bench.several(1, "shown")
        client.proxy.change = hiding([late])
        first, cursor = await round_of(client.connector, cursor)
        need(late not in told(first), "the kit could not hide a row; its rule proves nothing here")
        _all([shown], first, "while another row was hidden")
        client.proxy.change = None
        second, _ = await round_of(client.connector, cursor)
    _all([late], second, "when it came into sight after the poll had passed it")
    return "a row hidden during one round is told by the next"


async def empty_page(bench: Bench) -> str:
    """A page that shows nothing (all of its rows are hidden by rights) is not the end."""
    size = bench.fixture.page
    async with bench.paging() as client:
        _, cursor = await round_of(client.connector, None)
        hidden = await bench.several(size, "hidden")
        await _a_moment(bench)
        shown = await bench.several(size, "behind")
        client.proxy.change = hiding(hidden)
        first, cursor = await round_of(client.connector, cursor)
        second, _ = await round_of(client.connector, cursor)
    _all(shown, [*first, *second], "behind a page that showed nothing")
    return f"{size} rows behind a hidden page"


async def moving(bench: Bench) -> str:
    """Rows move while one pages, because people edit: each is told, and each edit too."""
    async with bench.paging() as client:
        _, cursor = await round_of(client.connector, None)
        made = await bench.several(3 * bench.fixture.page, "moving")
        await _a_moment(bench)
        ids, newest = list(made), dict(made)

        async def between(page: int, _: Sequence[Change]) -> None:
            for id in (ids[0], ids[-1], ids[len(ids) // 2]) if page < 2 else ():
                newest[id] = bench.token("moved")
                await bench.hand.edit(id, newest[id])

        first, cursor = await round_of(client.connector, cursor, between)
        await asyncio.sleep(bench.shows_s)
        second, cursor = await round_of(client.connector, cursor)
        changes = [*first, *second]
        _all(made, changes, "while people edited")
        texts = {(each.snapshot.id, bench.text(each.snapshot)) for each in changes if not each.snapshot.partial}
        whole = {id for id, _ in texts}
        stale = [id for id, text in newest.items() if id in whole and (id, text) not in texts]
    need(not stale, f"{len(stale)} edits made while paging were never told")
    return f"{len(made)} rows, {sum(newest[id] != made[id] for id in made)} of them edited between pages"


async def resumed(bench: Bench) -> str:
    """A round that was broken off goes on from its stored cursor in another process."""
    async with bench.paging() as client, bench.paging() as other:
        _, cursor = await round_of(client.connector, None)
        made = await bench.several(2 * bench.fixture.page + 1, "resumed")
        page = await client.connector.changes(cursor)
        stored = orjson.loads(orjson.dumps(page.cursor))
        rest, _ = await round_of(other.connector, stored)
    _all(made, [*page.changes, *rest], "by a round that another process finished")
    return "goes on after the first page"


async def keys(bench: Bench) -> str:
    """Two states of an object never share a delivery key; the same state, told twice as a snapshot, has the same."""
    if not bench.fixture.lists_edits:
        raise DoesNotApply("lists do not show what is edited here")
    async with bench.client() as client, bench.client() as other:
        _, start = await round_of(client.connector, None)
        (id,) = await bench.several(1, "keys")
        before, cursor = await round_of(client.connector, start)
        same, _ = await round_of(other.connector, start)
        await bench.edit(id, bench.token("keys"))
        after, _ = await round_of(client.connector, cursor)
    one, two, three = (_keys(changes, id) for changes in (before, same, after))
    need(one and three, "an edit was not told")
    need(not {key for key, _ in one} & {key for key, _ in three}, "two states of an object share a delivery key")
    kept = {key for key, kind in one if kind is ChangeKind.SNAPSHOT}
    need(kept <= {key for key, _ in two}, "one state has two delivery keys: it would be taken for two changes")
    return "by state" if kept else "hints, each with a key of its own"


def _keys(changes: Sequence[Change], id: str) -> set[tuple[str, ChangeKind]]:
    return {(each.delivery_key, each.kind) for each in changes if each.snapshot.id == id}


async def deletes(bench: Bench) -> str:
    """A deletion is noticed: told by a poll, or missing from the list of ids; in any case read as absent."""
    if not bench.deletes:
        raise DoesNotApply("nothing can be deleted here")
    id = await bench.create(bench.token("doomed"))
    async with bench.client() as client:
        _, cursor = await round_of(client.connector, None)
        await bench.hand.delete(id)
        bench.made.discard(id)
        await asyncio.sleep(bench.spec.settles_s)
        changes, _ = await round_of(client.connector, cursor)
        by_poll = any(each.kind is ChangeKind.DELETED and each.snapshot.id == id for each in changes)
        snapshot = await client.connector.read(bench.ref(id))
        need(not snapshot.exists, "a deleted object reads as there")
        lists = isinstance(client.connector, ListsIds)
        need(not lists or id not in await _ids(bench, client.connector), "a deleted object is still in the list of ids")
    ways = ["poll"] * by_poll + ["ids"] * lists + ["read"]
    return f"noticed by {', '.join(ways)}"


async def _ids(bench: Bench, connector: Connector, edit: Sequence[str] = ()) -> list[str]:
    """All ids; after each page one of `edit` is edited."""
    lister, found, cursor = cast(ListsIds, connector), [], None
    waiting = list(edit)
    for _ in range(MOST_PAGES * 10):
        page = await lister.ids(bench.fixture.object, cursor)
        found += [each.id for each in page.listed]
        if page.cursor is None:
            return found
        cursor = orjson.loads(orjson.dumps(page.cursor))
        if waiting:
            await bench.hand.edit(waiting.pop(0), bench.token("listed"))
    raise Broken("a list of ids without end")


async def listed(bench: Bench) -> str:
    """The list of ids shows everything that is there, page by page, also while people edit."""
    async with bench.paging() as client:
        if not isinstance(client.connector, ListsIds):
            raise DoesNotApply("the connector does not list ids")
        made = await bench.several(2 * bench.fixture.page, "listed")
        await asyncio.sleep(bench.spec.settles_s)
        found = await _ids(bench, client.connector, list(made))
    missing = set(made) - set(found)
    need(not missing, f"{len(missing)} of {len(made)} objects are not in the list of ids")
    return f"{len(made)} of {len(made)} over pages of {bench.fixture.page}"


RULES = (
    Rule(name="poll.new", says="what is new is told by the next poll", run=new_ones),
    Rule(name="poll.full_pages", says="every row of full pages is told", run=full_pages),
    Rule(name="poll.short_page", says="every row of a short last page is told", run=short_page),
    Rule(name="poll.boundary", says="rows of one moment across a page's edge", run=boundary),
    Rule(name="poll.idle", says="a poll without news ends and keeps its place", run=idle),
    Rule(name="poll.overlap", says="a row that shows late is still told", run=overlap),
    Rule(name="poll.empty_page", says="an empty page is not the end", run=empty_page),
    Rule(name="poll.moving", says="rows that move while one pages are told", run=moving),
    Rule(name="poll.resumed", says="a broken-off round goes on elsewhere", run=resumed),
    Rule(name="poll.keys", says="a delivery key stands for one state", run=keys),
    Rule(name="poll.deletes", says="deletions are noticed", run=deletes),
    Rule(name="poll.ids", says="the list of ids is complete", run=listed),
)
