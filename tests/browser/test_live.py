"""Live pages: rows do not move under the reader, the pill tells the truth, keys can be switched off, focus is seen."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, Page, expect

from dead_letter import store
from gateway.work import cases
from tests.browser.conftest import Opened
from tests.browser.filling import fill
from tests.browser.stage import House, Stage
from tests.support.cases import wish

SOON_MS = 20_000


@pytest.fixture(scope="module")
def own(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = house.stage(tmp_path_factory.mktemp("live"))
    house.do(fill(stage, refused=20))
    return stage


async def _one_more(stage: Stage, name: str) -> None:
    new = wish(name, title=f"Jira refuses {name}", object_key=name)
    async with stage.gateway.database.begin("test.case") as tx:
        await store.open_cases(tx, [new], now=time.time())


def _rows(page: Page) -> list[str]:
    return [str(each.get_attribute("data-row")) for each in page.locator("tr[data-row]").all()]


def test_new_rows_wait_and_ticked_ones_stay(own: Stage, house: House, opened: Opened) -> None:
    page = opened(own, "/cases?by=none&sort=newest&text=jira")
    before = _rows(page)
    third = page.locator(f"tr[data-row={before[2]}]")
    third.get_by_role("checkbox").check()
    house.do(cases.act(own.gateway.place, own.principal("omar"), own.known["refused"], "claim"))
    house.do(_one_more(own, "OPS-900"))
    fresh = page.get_by_role("button", name="1 new, 1 fits this filter, show")
    expect(fresh).to_be_visible(timeout=SOON_MS)
    expect(page.locator(f"tr[data-row={own.known['refused']}]")).to_contain_text("omar")  # told in place
    assert _rows(page) == before
    expect(third.get_by_role("checkbox")).to_be_checked()
    fresh.click()
    assert _rows(page)[1:] == before[: len(_rows(page)) - 1]
    expect(third.get_by_role("checkbox")).to_be_checked()
    expect(page.locator("[data-count]").first).to_have_text("1 chosen")


def test_the_pill_pauses_and_tells_when_nothing_is_heard(own: Stage, opened: Opened) -> None:
    page = opened(own, "/now", fine=("ERR_FAILED", "ERR_INTERNET"))
    pill = page.locator("[data-live-pill]")
    expect(pill).to_contain_text("Live")
    pill.click()
    expect(pill).to_contain_text("Paused")
    expect(pill).to_have_attribute("aria-pressed", "true")
    pill.click()
    page.route("**/*", lambda route: route.abort())
    expect(pill).to_contain_text("Not live", timeout=30_000)


def test_two_tabs_share_one_stream(own: Stage, opened: Opened) -> None:
    page = opened(own, "/now")
    streams: list[str] = []
    page.context.on("request", lambda asked: streams.append(asked.url) if "/v1/stream" in asked.url else None)
    other = page.context.new_page()
    with page.context.expect_event("request", lambda asked: "/v1/stream" in asked.url, timeout=SOON_MS):
        other.goto(f"{own.url}/cases")
    with other.expect_response(lambda answer: answer.url.endswith("/cases"), timeout=SOON_MS):
        pass  # it asks for itself again, whoever listens
    assert len(streams) == 1


def test_help_and_palette_open_close_and_give_the_focus_back(own: Stage, opened: Opened) -> None:
    page = opened(own, "/cases")
    page.get_by_role("link", name="Mine").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("go to Now")
    page.keyboard.press("Escape")
    expect(page.locator(":focus")).to_have_text("Mine")
    page.keyboard.press("Control+k")
    page.keyboard.type("conn")
    expect(page.locator("dialog [role=option]").first).to_contain_text("Go to Connections")
    page.keyboard.press("Enter")
    page.wait_for_url("**/connections")


def test_single_letters_can_be_switched_off(own: Stage, opened: Opened) -> None:
    page = opened(own, "/settings")
    page.get_by_label("off").check()
    page.get_by_role("button", name="Keep").click()
    page.wait_for_selector("html[data-keys=off]")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").count() == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_focus_is_seen_and_never_under_the_bar(own: Stage, opened: Opened, dark: bool) -> None:
    page = opened(own, "/now", dark=dark)
    page.evaluate("scrollTo(0, 400)")
    seen = 0
    for _ in range(45):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
              const bar = document.querySelector(".bar").getBoundingClientRect().bottom;
              return [e.tagName, s.outlineStyle, parseFloat(s.outlineWidth),
                      Boolean(e.closest(".bar, .skip")) || r.bottom > bar]; }"""
        )
        if found[0] == "BODY":
            break
        assert found[1] != "none" and found[2] >= 2, found
        assert found[3], f"{found[0]} is hidden under the bar"
        seen += 1
    assert seen > 20


def test_now_is_read_within_its_time(own: Stage, opened: Opened) -> None:
    page = opened(own, "/now")
    script = page.evaluate(
        "performance.getEntriesByType('resource').reduce((sum, each) => sum + each.encodedBodySize, 0)"
    )
    assert 0 < script <= 200_000  # bytes of script and style, as they travel


def test_numbers_change_in_place_and_the_focus_stays(own: Stage, house: House, opened: Opened) -> None:
    page = opened(own, "/now")
    copy = page.get_by_role("button", name="Copy status text")
    copy.focus()
    before = page.locator("#now-head p").inner_text()
    house.do(_one_more(own, "OPS-902"))
    expect(page.locator("#now-head p")).not_to_have_text(before, timeout=SOON_MS)
    expect(copy).to_be_visible()
    expect(copy).to_be_focused()
