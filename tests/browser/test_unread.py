"""What cannot be read: each panel says so by itself, nothing is green, and a page that was read before keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from tests.browser.conftest import NARROW, Opened
from tests.browser.filling import fill
from tests.browser.looking import too_wide, violations
from tests.browser.stage import House, Stage

SOON_MS = 20_000
Broken = Callable[..., AbstractContextManager[None]]
PANELS = {
    "cases": ("cases", "#needs", "the cases"),
    "connections": ("connection_state", "#strip", "the connections"),
    "pauses": ("connection_pause", "#alarms", "what people paused"),
    "changes and writes": ("notice", "#flow", "changes and writes"),
    "failures": ("attempt", "#errors", "failures"),
    "runs": ("replay_run", "#runs", "the runs"),
    "approvals": ("case_approvals", "#asks", "what waits for a second person"),
    "the trail": ("audit", "#lately", "what people changed"),
}


@pytest.fixture(scope="module")
def own(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = house.stage(tmp_path_factory.mktemp("unread"))
    house.do(fill(stage, refused=20))
    return stage


@pytest.fixture
def broken(own: Stage, house: House) -> Broken:
    """Takes tables away for a while: what is read from them cannot be, all else can."""

    async def rename(tables: tuple[str, ...], to: str) -> None:
        async with own.gateway.database.begin("test.break") as tx:
            for table in tables:
                before, after = (table, f"{table}{to}") if to else (f"{table}_away", table)
                await tx.execute(text(f'ALTER TABLE "{before}" RENAME TO "{after}"'))

    @contextmanager
    def away(*tables: str) -> Iterator[None]:
        house.do(rename(tables, "_away"))
        try:
            yield
        finally:
            house.do(rename(tables, ""))

    return away


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_that_cannot_be_read_says_so_and_the_others_stand(
    own: Stage, broken: Broken, opened: Opened, panel: str
) -> None:
    table, place, what = PANELS[panel]
    with broken(table):
        page = opened(own, "/now", size=NARROW)
        expect(page.locator("#alarms")).to_contain_text(what)
        expect(page.locator(place)).to_contain_text("I cannot read")
        assert page.locator(".verdict.good").count() == 0
        assert page.locator("main section:not(:has([data-unread]))").count() > 2
        assert too_wide(page) == []
        assert violations(page) == []


def test_what_was_read_before_stays_under_the_note_until_it_is_read_again(
    own: Stage, broken: Broken, opened: Opened
) -> None:
    page = opened(own, "/now")
    cards = page.locator("#needs article")
    before = cards.count()
    assert before > 1
    with broken("cases"):
        note = page.locator("#needs [data-unread]")
        expect(note).to_contain_text("last known at 20", timeout=SOON_MS)
        assert cards.count() == before
        expect(page.get_by_role("heading", level=1)).to_have_text("I cannot read everything")
    expect(note).to_have_count(0, timeout=SOON_MS)
    expect(page.get_by_role("heading", level=1)).to_contain_text("need you", timeout=SOON_MS)


def test_nothing_at_all_is_an_error_and_not_an_empty_page(own: Stage, broken: Broken, opened: Opened) -> None:
    with broken("cases"):
        page = opened(own, "/cases", fine=("status of 503",))
        expect(page.get_by_role("heading", level=1)).to_have_text("The database does not answer")
        expect(page.get_by_role("link", name="Try again")).to_be_visible()
        assert violations(page) == []
    with broken(*{table for table, _, _ in PANELS.values()}, "intake_pressure"):
        page = opened(own, "/now", fine=("status of 503",))
        _is_no_green_page(page)


def _is_no_green_page(page: Page) -> None:
    assert page.locator(".verdict.good, .empty.good").count() == 0
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Nothing needs you")
