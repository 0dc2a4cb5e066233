"""Every screen with data, empty, loading and in error, light and dark, wide and narrow: axe objects to nothing, no
sideways scroll.

That a page asks no other host and logs no error is seen to by the fixture `opened`, for every page of every test here.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from tests.browser.conftest import NARROW, WIDE, Opened
from tests.browser.filling import fill
from tests.browser.looking import long_words, too_wide, violations
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
    "leavers": "/leavers",
    "leaver, which account": "/leavers/{asks}",
    "leaver, by hand and failed": "/leavers/{late}",
    "statement": "/leavers/{late}/statement",
    "flood": "/leavers/floods/FL-1",
    "connections": "/connections",
    "connection": "/conn/jira",
    "connection, to be removed": "/conn/jira/remove?flow=incidents",
    "register": "/register",
    "register, settings": "/register/{draft}/settings",
    "flow": "/flow/incidents",
    "replays": "/replays",
    "new replay": "/replays/new",
    "plan": "/replays/{plan}",
    "plan that is stale": "/replays/{stale}",
    "plan, one kind open": "/replays/{plan}?action=update",
    "plan in the making": "/replays/{making}/making",
    "plan that was given up": "/replays/{given_up}/making",
    "run": "/runs/{run}",
    "mappings": "/mappings",
    "mapping": "/map/jira-issue@1",
    "mapping of a case": "/map?case={refused}",
    "audit": "/audit?people=1",
    "reports": "/reports",
    "report": "/reports/sla",
    "settings": "/settings",
    "settings of tokens": "/settings?tab=tokens",
    "settings of people": "/settings?tab=people",
    "settings of roles": "/settings?tab=roles",
    "settings, what one can do": "/settings?tab=roles&person=vera",
    "settings of notifications": "/settings?tab=notifications",
    "settings of siem": "/settings?tab=siem",
    "settings of guards": "/settings?tab=guards",
    "settings of retention": "/settings?tab=retention",
    "keys": "/keys",
    "cases in an export's filter": "/cases?since=2026-01-01T00:00:00Z&state=taken",
    "connection, to be paused": "/conn/jira?pause=1",
}
EMPTY = {
    "now": "/now",
    "cases": "/cases",
    "records": "/records",
    "records, not seen": "/records?q=INC9",
    "connections": "/connections",
    "connection": "/conn/snow",
    "register": "/register",
    "flow": "/flow/incidents",
    "replays": "/replays",
    "leavers": "/leavers",
    "audit": "/audit?who=zebra",
    "report": "/reports/exceptions?since=2001-01-01T00:00&until=2001-01-02T00:00",
    "closed cases": "/cases?state=closed",
    "new replay": "/replays/new",
    "mappings": "/mappings",
    "settings of tokens": "/settings?tab=tokens",
    "settings of people": "/settings?tab=people",
    "settings of notifications": "/settings?tab=notifications",
}
TROUBLE = {
    "not there": ("/c/FO-999", "ada", 404),
    "no right": ("/audit", "nadia", 403),
    "no page": ("/nothing-here", "", 404),
}


LOADING = (
    *("now", "cases in groups", "cases in a list", "case of a refusal", "records", "record", "connections"),
    *("connection", "replays", "new replay", "plan", "run", "mappings", "mapping", "audit", "settings of people"),
)
AWAY = (
    *("cases", "record", "link", "lane", "notice", "attempt", "connection_state", "audit", "replay_plan"),
    *("replay_run", "connection_pause", "case_approvals", "intake_pressure"),
)
FROM_FILES = ("new replay", "mappings", "mapping", "settings of people")
"""Shown from the configuration, or read with who signs in."""


def _check(opened: Opened, stage: Stage, path: str, who: str = "ada", fine: tuple[str, ...] = ()) -> None:
    page = opened(stage, path.format_map(stage.known), who=who, fine=fine)
    _looks_well(page)


def _looks_well(page: Page) -> None:
    """All rules for each size and each scheme; colours, which alone depend on both, in all four."""
    assert page.locator("h1").count() == 1
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        assert too_wide(page) == []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            whole = (size is WIDE) == (scheme == "light")
            assert violations(page, colours=not whole) == [], f"{scheme}, {size['width']} px"
    long_words(page)
    assert too_wide(page) == []


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


@pytest.mark.parametrize("screen", LOADING)
def test_while_the_next_page_loads(full: Stage, opened: Opened, screen: str) -> None:
    """What is shown stays, and says from when it is."""
    page = opened(full, WITH_DATA[screen].format_map(full.known), who="ada")
    before = page.locator("h1").inner_text()
    page.route("**/slow", lambda route: None)  # never answered
    said = page.evaluate(
        """() => new Promise(told => {
            const note = document.querySelector("[data-loading]");
            new MutationObserver(() => { window.stop(); told(note.hidden ? "" : note.textContent); })
                .observe(note, {attributes: true});
            location.assign("/slow");
        })"""
    )
    assert re.fullmatch(r"From \d\d:\d\d:\d\dZ, loading", said)
    expect(page.locator("[data-loading]")).to_be_visible()
    expect(page.locator("main")).to_have_attribute("aria-busy", "true")
    assert page.locator("h1").inner_text() == before
    _looks_well(page)


@pytest.fixture(scope="module")
def lost(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage whose database lost what pages are made of, sign-in aside."""
    stage = house.stage(tmp_path_factory.mktemp("lost"))
    house.do(fill(stage, refused=20))

    async def lose() -> None:
        async with stage.gateway.database.begin("test.lose") as tx:
            for table in AWAY:
                await tx.execute(text(f'ALTER TABLE "{table}" RENAME TO "{table}_away"'))

    house.do(lose())
    return stage


@pytest.mark.parametrize("screen", [each for each in LOADING if each not in FROM_FILES])
def test_when_nothing_can_be_read(lost: Stage, opened: Opened, screen: str) -> None:
    page = opened(lost, WITH_DATA[screen].format_map(lost.known), who="ada", fine=("status of 50",))
    expect(page.get_by_role("heading", level=1)).to_have_text("The database does not answer")
    expect(page.get_by_role("link", name="Try again")).to_be_visible()
    _looks_well(page)
