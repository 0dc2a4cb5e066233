"""A night's work without a mouse, on a gateway that works: claim, look, plan, run, until all is in step."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from gateway.work import cases
from tests.browser.conftest import Opened
from tests.browser.stage import House, Stage
from tests.support.edges import Sites
from tests.support.waiting import until

ARCHIVED = {"method": "POST", "path_regex": "/issue$"}
COUNT = 6
PATIENCE_MS = 60_000


def test_claim_look_plan_and_run(chromium: Browser, house: House, tmp_path: Path, opened: Opened) -> None:
    stage, both = house.running(tmp_path)
    house.do(_archived(stage, both))
    page = opened(stage, "/now")
    expect(page.get_by_role("heading", level=1)).to_have_text("1 thing needs you")

    _press(page, "1")
    expect(page.get_by_text(f"{COUNT} cases fit")).to_be_visible()
    _press(page, "j", "x", "j", "x", "t")
    expect(page.locator(":focus")).to_have_text("Take 2")
    _press(page, "Enter")
    expect(page.locator("[data-said]")).to_contain_text("Take it: 2 done.")

    _press(page, "j", "Enter")
    expect(page.get_by_role("heading", name="Next safe step")).to_be_visible()
    _press(page, "l")
    expect(page.get_by_role("heading", name="Both sides now")).to_be_visible()

    house.do(both.heal("jira"))
    _press(page, "g", "c")
    page.wait_for_url("**/cases")
    page.keyboard.press("Tab")
    page.get_by_role("link", name="refuse").first.focus()
    _press(page, "Enter")
    page.wait_for_selector("[data-list]")
    page.get_by_role("checkbox", name=f"Tick these {COUNT}").focus()
    _press(page, "Space", "r")
    expect(page.locator(":focus")).to_have_text(f"Plan replay of {COUNT}")
    _press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{COUNT} writes of {COUNT} items")
    expect(page.get_by_text("Nothing was sent.").first).to_be_visible()

    _press(page, "r")
    expect(page.locator(":focus")).to_have_text(f"Run {COUNT} writes")
    _press(page, "Enter")
    page.wait_for_url("**/runs/*")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"done {COUNT} of {COUNT} ended", timeout=PATIENCE_MS)
    _press(page, "g", "n")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing needs you")


def _press(page: Page, *keys: str) -> None:
    page.wait_for_selector("html[data-ready]")
    for key in keys:
        page.keyboard.press(key)


async def _archived(stage: Stage, both: Sites) -> None:
    """Jira refuses every new issue; each incident that people enter becomes a case."""
    await both.arm("jira", "status", status=400, match=ARCHIVED)
    for at in range(COUNT):
        await both.incident(f"incident {at}")

    async def piled_up() -> bool:
        return len((await cases.list_cases(stage.gateway.place, stage.principal("nadia"))).cases) == COUNT

    await until(piled_up, what="the cases", timeout_s=60)
