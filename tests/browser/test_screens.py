"""Every screen, with data and without, light and dark, wide and narrow: axe objects to nothing, no sideways scroll.

That a page asks no other host and logs no error is seen to by the fixture `opened`, for every page of every test here.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import text

from tests.browser.conftest import NARROW, WIDE, Opened
from tests.browser.looking import too_wide, violations
from tests.browser.stage import House, Stage

WITH_DATA = {
    "now": "/now",
    "cases in groups": "/cases",
    "cases in a list": "/cases?by=none&text=OPS-11",
    "cases, nothing fits": "/cases?text=zebra",
    "closed cases": "/cases?state=closed",
    "case of a refusal": "/c/{refused}",
    "case of a conflict": "/c/{conflict}",
    "case of an unknown outcome": "/c/{unknown}",
    "case that is closed": "/c/{closed}",
    "case, looked at": "/c/{refused}?look=1",
    "records": "/records?q=OPS-3",
    "record": "/r/jira/issue/OPS-7",
    "connections": "/connections",
    "connection": "/conn/jira",
    "replays": "/replays",
    "new replay": "/replays/new",
    "plan": "/replays/{plan}",
    "plan that is stale": "/replays/{stale}",
    "plan, one kind open": "/replays/{plan}?action=update",
    "run": "/runs/{run}",
    "mappings": "/mappings",
    "mapping": "/map/jira-issue@1",
    "audit": "/audit?people=1",
    "settings": "/settings",
    "settings of tokens": "/settings?tab=tokens",
    "settings of people": "/settings?tab=people",
    "settings of roles": "/settings?tab=roles",
}
EMPTY = {
    "now": "/now",
    "cases": "/cases",
    "records": "/records",
    "records, not seen": "/records?q=INC9",
    "connections": "/connections",
    "connection": "/conn/snow",
    "replays": "/replays",
    "audit": "/audit?who=zebra",
}
TROUBLE = {
    "not there": ("/c/FO-999", "ada", 404),
    "no right": ("/audit", "nadia", 403),
    "no page": ("/nothing-here", "", 404),
}


def _check(opened: Opened, stage: Stage, path: str, who: str = "ada", fine: tuple[str, ...] = ()) -> None:
    """All rules for each size and each scheme; colours, which alone depend on both, in all four."""
    page = opened(stage, path.format_map(stage.known), who=who, fine=fine)
    assert page.locator("h1").count() == 1
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        assert too_wide(page) == []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            whole = (size is WIDE) == (scheme == "light")
            assert violations(page, colours=not whole) == [], f"{scheme}, {size['width']} px"


@pytest.mark.parametrize("screen", WITH_DATA)
def test_with_data(full: Stage, opened: Opened, screen: str) -> None:
    _check(opened, full, WITH_DATA[screen])


@pytest.mark.parametrize("screen", EMPTY)
def test_empty(bare: Stage, opened: Opened, screen: str) -> None:
    _check(opened, bare, EMPTY[screen])


@pytest.mark.parametrize("screen", TROUBLE)
def test_in_trouble(full: Stage, opened: Opened, screen: str) -> None:
    path, who, status = TROUBLE[screen]
    _check(opened, full, path, who, fine=(f"status of {status}",))


def test_signing_in(bare: Stage, opened: Opened) -> None:
    _check(opened, bare, "/sign-in?why=wrong", who="")


def test_a_database_that_does_not_answer_is_no_green_page(
    chromium: Browser, house: House, tmp_path: Path, opened: Opened
) -> None:
    stage = house.stage(tmp_path)

    async def break_it() -> None:
        async with stage.gateway.database.begin("test.break") as tx:
            await tx.execute(text("ALTER TABLE cases RENAME TO gone"))

    house.do(break_it())
    page = opened(stage, "/now", fine=("status of 503",))
    expect(page.get_by_role("heading", level=1)).to_have_text("The database does not answer")
    expect(page.get_by_role("link", name="Try again")).to_be_visible()
    assert violations(page) == []
