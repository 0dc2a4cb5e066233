"""Every connector: a poll leaves nothing out, whatever people do meanwhile; what repeats is recognised by its key."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import orjson
import pytest

from connectors.contract.connector import Connector
from connectors.contract.errors import CredentialsError, Refused
from connectors.contract.values import Change, ChangeKind, ItemDraft, WriteKind
from tests.contract.connectors.bench import Bench, bench


def told(changes: list[Change], kind: ChangeKind | None = None) -> set[str]:
    return {each.snapshot.id for each in changes if kind is None or each.kind is kind}


async def test_from_now_on_then_every_change_once(at: Bench) -> None:
    _, cursor = await at.poll(None)
    first, second = await at.create("one"), await at.create("two")
    changes, cursor = await at.poll(cursor)
    assert {first, second} <= told(changes)
    changes, cursor = await at.poll(cursor)
    assert told(changes) == set(), "the overlap is read again, not told again"
    await at.edit(first, "one, edited")
    changes, cursor = await at.poll(cursor)
    assert told(changes) == {first}


async def test_cursor_is_json_and_survives_a_restart(at: Bench) -> None:
    _, cursor = await at.poll(None)
    made = await at.create("one")
    again = at.connect()
    changes, _ = await at.poll(orjson.loads(orjson.dumps(cursor)), again)
    await again.close()
    assert told(changes) == {made}


async def test_changes_carry_what_the_kind_promises(at: Bench) -> None:
    _, cursor = await at.poll(None)
    made = await at.create("one")
    changes, _ = await at.poll(cursor)
    (change,) = [each for each in changes if each.snapshot.id == made]
    assert (change.connection, change.via, change.snapshot.object) == (at.system, "poll", at.object)
    if at.system == "servicenow":
        assert change.kind is ChangeKind.SNAPSHOT
        assert change.delivery_key == f"incident:{made}:0:snapshot"
        assert at.title(change.snapshot.raw) == "one"
        assert change.snapshot.by_us is False
    else:
        assert change.kind is ChangeKind.HINT
        assert change.snapshot.partial


async def test_new_comments_come_once(at: Bench) -> None:
    made = await at.create("one")
    _, cursor = await at.poll(None)
    await at.comment(made, "first")
    changes, cursor = await at.poll(cursor)
    items = [each for each in changes if each.kind is ChangeKind.ITEM]
    assert [[item.body for item in each.snapshot.items or ()] for each in items] == [["first"]]
    assert [item.author for each in items for item in each.snapshot.items or ()] == ["Ann Archer"]
    await at.comment(made, "second")
    changes, cursor = await at.poll(cursor)
    keys = {each.delivery_key for each in items}
    bodies = [
        item.body
        for each in changes
        if each.kind is ChangeKind.ITEM and each.delivery_key not in keys
        for item in each.snapshot.items or ()
    ]
    assert bodies == ["second"]


async def test_our_own_comment_comes_back_with_its_origin(at: Bench) -> None:
    made = await at.create("one")
    _, cursor = await at.poll(None)
    item = ItemDraft(kind="comment", body="copy", author="Bob", at=0.0, origin="other:7", origin_label="Other")
    await at.connector.apply(at.write(WriteKind.ITEM, ref=at.ref(made), item=item))
    changes, _ = await at.poll(cursor)
    items = [item for each in changes if each.kind is ChangeKind.ITEM for item in each.snapshot.items or ()]
    assert [(each.origin, each.body) for each in items] == [("other:7", "copy")]


async def test_deleted_records_are_told_by_servicenow(servicenow: Bench) -> None:
    made = await servicenow.create("one")
    _, cursor = await servicenow.poll(None)
    await servicenow.delete(made)
    changes, cursor = await servicenow.poll(cursor)
    gone = [each for each in changes if each.kind is ChangeKind.DELETED]
    assert [(each.snapshot.id, each.snapshot.exists) for each in gone] == [(made, False)]
    changes, _ = await servicenow.poll(cursor)
    assert changes == []


def small(at: Bench) -> Connector:
    """Pages so small that every round has many."""
    return at.connect(options={"page_size": 3})


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_is_missed_while_people_edit(at: Bench, seed: int) -> None:
    """People create and edit all the time while pages of three are read: rows move, many share a second.

    Would pass wrongly if editing ended before reading: so each page lets some edits happen while it is fetched.
    """
    chance, pace, turns = random.Random(seed), random.Random(-seed), asyncio.Semaphore(0)
    connector = small(at)
    first = await connector.changes(None)
    cursor: Any = first.cursor
    ids: list[str] = []
    touched: dict[str, int] = {}
    reached: dict[str, Any] = {}

    async def people() -> None:
        for number in range(40):
            await turns.acquire()
            if not ids or chance.random() < 0.4:
                ids.append(await at.create(f"new {number}"))
                touched[ids[-1]] = number
            else:
                chosen = chance.choice(ids)
                await at.edit(chosen, f"edit {number}")
                touched[chosen] = number

    async def keep(changes: tuple[Change, ...]) -> None:
        """A hint is read, as the gateway would; a snapshot counts by its version."""
        for change in changes:
            if change.kind is ChangeKind.SNAPSHOT:
                known = reached.get(change.snapshot.id)
                if known is None or (change.snapshot.version or 0) >= (known.version or 0):
                    reached[change.snapshot.id] = change.snapshot
            elif change.kind is ChangeKind.HINT:
                reached[change.snapshot.id] = await connector.read(at.ref(change.snapshot.id))

    editing = asyncio.create_task(people())
    more = True
    while more or not editing.done():
        for _ in range(pace.randrange(4)):
            turns.release()
        page = await connector.changes(cursor)
        await keep(page.changes)
        cursor, more = page.cursor, page.more
    await editing
    more = True
    while more:
        page = await connector.changes(cursor)
        await keep(page.changes)
        cursor, more = page.cursor, page.more
    await connector.close()
    shown = {number: at.title(reached[number].raw) for number in reached}
    wanted = {each: (f"edit {n}", f"new {n}") for each, n in touched.items()}
    assert {each: shown.get(each) for each in wanted if shown.get(each) not in wanted[each]} == {}


async def test_rows_of_one_second_are_all_told(servicenow: Bench) -> None:
    """All created at once, so that most share their second: keyset paging must not end a second early."""
    connector = small(servicenow)
    _, cursor = await servicenow.poll(None, connector)
    made = {await servicenow.create(f"nr {n}") for n in range(11)}
    changes, _ = await servicenow.poll(cursor, connector)
    await connector.close()
    assert told(changes, ChangeKind.SNAPSHOT) == made


async def test_pages_shortened_by_access_rules_do_not_end_the_poll(servicenow: Bench) -> None:
    """The limit is applied before access rules: pages come short and even empty although more rows follow."""
    connector = small(servicenow)
    _, cursor = await servicenow.poll(None, connector)
    shown = set()
    for number in range(20):
        hidden = number not in (0, 9, 19)
        made = await servicenow.create("secret" if hidden else "open")
        shown |= set() if hidden else {made}
    await servicenow.options(acl_hidden_query="short_description=secret")
    changes, _ = await servicenow.poll(cursor, connector)
    await connector.close()
    assert told(changes, ChangeKind.SNAPSHOT) == shown


async def test_a_silently_ignored_filter_is_noticed(servicenow: Bench) -> None:
    """The instance drops a part it does not know and returns all rows; ours then prove that the bound still holds."""
    connector = servicenow.connect(options={"references": {"u_no_such": {"by": "u_nothing"}}})
    await servicenow.create("one")
    with pytest.raises(Refused, match="did not apply the query"):
        await connector.find_by("incident", {"u_no_such_column": "x"})
    await connector.close()


async def test_a_dead_token_moves_no_cursor(jira: Bench) -> None:
    """A dead token is served as anonymous: no rows, 200. Passes wrongly if the poll took that for an idle project."""
    _, cursor = await jira.poll(None)
    made = await jira.create("one")
    dead = jira.connect(auth={"basic": {"user": "lockstep@example.com", "password": "revoked"}})
    await jira.options(bad_token_is_anonymous=True)
    with pytest.raises(CredentialsError):
        await jira.poll(cursor, dead)
    for look in (
        dead.read(jira.ref(made)),
        dead.find("issue", "x"),
        dead.history(jira.ref(made), 0.0),
        dead.steps(jira.ref(made)),
        dead.apply(jira.write(WriteKind.UPDATE, ref=jira.ref(made), values=jira.fragment("x"))),
    ):
        with pytest.raises(CredentialsError):
            await look
    await dead.close()


async def test_a_search_that_lags_is_caught_by_the_overlap(jira: Bench) -> None:
    _, cursor = await jira.poll(None)
    await jira.options(index_lag_s=0.5)
    made = await jira.create("one")
    changes, cursor = await jira.poll(cursor)
    assert told(changes) == set()
    async with asyncio.timeout(20):
        while made not in told(changes):
            changes, cursor = await jira.poll(cursor)


async def test_a_system_whose_clock_is_wrong_is_polled_by_its_own(at: Bench) -> None:
    await at.options(clock_skew_s=-5000.0)
    connector = at.connect()
    _, cursor = await at.poll(None, connector)
    made = await at.create("one")
    changes, _ = await at.poll(cursor, connector)
    await connector.close()
    assert told(changes) == {made}
    assert all(abs(each.clock_offset_s + 5000) < 2 for each in changes)


async def test_two_connections_do_not_share_anything(tmp_path: Any) -> None:
    """The keys of changes are unique per connection, and each names its own."""
    async with bench("servicenow", tmp_path) as at:
        other = at.connect(name="second")
        _, cursor = await at.poll(None, other)
        await at.create("one")
        changes, _ = await at.poll(cursor, other)
        await other.close()
        assert {each.connection for each in changes} == {"second"}
