"""Every connector that lists ids: the list shows what is there, however old, page by page, and nothing that is not."""

from __future__ import annotations

from typing import Any, cast

import orjson
import pytest

from connectors.contract.connector import Connector, ListsIds
from connectors.contract.errors import CredentialsError, LockstepError
from connectors.contract.values import Listed
from tests.contract.connectors.bench import Bench


async def listed(at: Bench, connector: Connector | None = None) -> list[Listed]:
    """All pages; each cursor goes through JSON, as the database stores it."""
    lister = cast(ListsIds, connector or at.connector)
    found: list[Listed] = []
    cursor: dict[str, Any] | None = None
    while True:
        page = await lister.ids(at.object, cursor)
        found += page.listed
        if page.cursor is None:
            return found
        cursor = orjson.loads(orjson.dumps(page.cursor))


async def test_shows_what_is_there(at: Bench) -> None:
    assert isinstance(at.connector, ListsIds)
    made = [await at.create(f"number {n}") for n in range(5)]
    await at.edit(made[0], "edited since")
    await at.delete(made[3])
    thin = at.connect(options={"page_size": 2})
    try:
        found = await listed(at, thin)
    finally:
        await thin.close()
    assert sorted(each.id for each in found) == sorted(each for each in made if each != made[3])
    shown = {each.id: each for each in found}
    snapshot = await at.connector.read(at.ref(made[0]))
    assert (shown[made[0]].key, shown[made[0]].updated_at) == (snapshot.key, snapshot.updated_at)


async def test_nothing_there_is_an_empty_list(at: Bench) -> None:
    assert await listed(at) == []


async def test_edits_while_one_pages_leave_nothing_out(at: Bench) -> None:
    """In the order of updates, an issue that is edited goes to the end, and the one behind it is passed over."""
    made = [await at.create(f"number {n}") for n in range(6)]
    thin = cast(ListsIds, at.connect(options={"page_size": 2}))
    found: list[str] = []
    cursor: dict[str, Any] | None = None
    for each in made:
        page = await thin.ids(at.object, cursor)
        found += [one.id for one in page.listed]
        cursor = page.cursor
        if cursor is None:
            break
        await at.edit(each, f"{each} edited meanwhile")
    await cast(Connector, thin).close()
    assert sorted(found) == sorted(made)


async def test_only_what_the_settings_ask_for(jira: Bench, servicenow: Bench) -> None:
    """The list covers what a poll covers: nothing outside it is taken for new."""
    made = [await servicenow.create("one"), await servicenow.create("two")]
    keys = {each: (await servicenow.connector.read(servicenow.ref(each))).key for each in made}
    narrow = servicenow.connect(objects={"incident": {"filter": f"number={keys[made[1]]}"}})
    assert [each.id for each in await listed(servicenow, narrow)] == [made[1]]
    await narrow.close()
    shown = await jira.create("one")
    await jira.create("two")
    key = (await jira.connector.read(jira.ref(shown))).key
    limited = jira.connect(objects={"issue": {**jira.objects()["issue"], "jql": f"key = {key}"}})
    assert [each.id for each in await listed(jira, limited)] == [shown]
    await limited.close()


@pytest.mark.parametrize("kind", ["bad_credentials", "down"])
async def test_trouble_is_no_empty_list(at: Bench, kind: str) -> None:
    await at.create("one")
    await at.fault(kind, write=False, count=None)
    with pytest.raises(LockstepError) as raised:
        await listed(at)
    assert isinstance(raised.value, CredentialsError) == (kind == "bad_credentials")
    await at.clear()
    assert len(await listed(at)) == 1


async def test_pages_that_access_rules_empty_are_not_the_end(servicenow: Bench) -> None:
    """The instance hides rows after the limit was applied, so a page may be empty although more follow."""
    made = {number: await servicenow.create("open" if number in (0, 7) else "secret") for number in range(12)}
    await servicenow.options(acl_hidden_query="short_description=secret")
    thin = servicenow.connect(options={"page_size": 2})
    found = await listed(servicenow, thin)
    await thin.close()
    assert sorted(each.id for each in found) == sorted((made[0], made[7]))
