"""The worklist as several people keep it: saved views, what is new to whom, pages back, all that fits as a choice."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from dead_letter import store
from dead_letter.values import CaseFilter
from gateway.work import cases, views
from gateway.work.tables import page_visit
from tests.browser.conftest import NARROW, Opened
from tests.browser.filling import fill
from tests.browser.looking import too_wide, violations
from tests.browser.stage import House, Stage
from tests.support.cases import wish

SOON_MS = 20_000


@pytest.fixture(scope="module")
def own(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage that the tests here may change; more cases than two pages hold."""
    stage = house.stage(tmp_path_factory.mktemp("views"), name="staging")
    house.do(fill(stage, refused=130))
    return stage


async def _one_more(stage: Stage, key: str, *, connection: str = "jira") -> None:
    new = wish(f"r{key}", title=f"{connection} refuses {key}", object_key=key, connection=connection)
    async with stage.gateway.database.begin("test.case") as tx:
        await store.open_cases(tx, [new], now=time.time())


def _save(page: Page, name: str, *, team: bool = False) -> None:
    page.locator("details[data-act] > summary", has_text="Save this view").click()
    page.get_by_label("Name", exact=True).fill(name)
    if team:
        page.get_by_label("for the whole team").check()
    page.get_by_role("button", name="Save", exact=True).click()


def test_a_view_is_saved_found_again_renamed_and_deleted(own: Stage, opened: Opened) -> None:
    page = opened(own, "/cases?connection=jira&state=open&sort=newest")
    _save(page, "Jira, new ones first")
    expect(page.locator("[data-said]")).to_contain_text("only you have it")
    assert page.url.endswith("/cases?connection=jira&state=open&sort=newest")
    page.goto(f"{own.url}/cases")
    link = page.get_by_role("link", name="Jira, new ones first")
    link.click()
    expect(link).to_have_attribute("aria-current", "page")
    assert page.get_by_label("State").input_value() == "open"
    page.locator("details[data-act] > summary", has_text="Rename or delete").click()
    assert violations(page) == []
    page.get_by_label("New name").fill("Jira at night")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("[data-said]")).to_contain_text("It is called Jira at night now.")
    assert opened(own, "/cases", who="omar").get_by_role("link", name="Jira at night").count() == 0
    page.locator("details[data-act] > summary", has_text="Rename or delete").click()
    page.get_by_role("button", name="Delete the view").click()
    expect(page.locator("[data-said]")).to_contain_text("is deleted")
    assert page.get_by_role("link", name="Jira at night").count() == 0


def test_the_teams_views_are_everybodys_and_changed_by_their_maker(own: Stage, opened: Opened) -> None:
    page = opened(own, "/cases?owner=nobody&age=1d", size=NARROW)
    _save(page, "Forgotten", team=True)
    expect(page.locator("[data-said]")).to_contain_text("everybody in the team has it")
    assert too_wide(page) == []
    other = opened(own, "/cases", who="vera")
    other.get_by_role("link", name="Forgotten team by nadia").click()
    other.wait_for_url("**/cases?owner=nobody&age=1d")
    assert other.get_by_text("Rename or delete").count() == 0
    assert other.get_by_text("Save this view").count() == 0  # it is one already


def test_new_since_the_last_visit_is_an_address_that_stays(own: Stage, house: House, opened: Opened) -> None:
    page = opened(own, "/cases", who="ada")
    assert page.get_by_role("link", name="New since my last visit").count() == 0  # this is the first
    house.do(_long_ago(own, "user:ada"))
    house.do(_one_more(own, "OPS-970"))
    page.reload()
    page.get_by_role("link", name="New since my last visit").click()
    page.wait_for_url("**/cases?since=20*")
    expect(page.locator("tr[data-row]")).to_have_count(18)  # this one, and 17 that came 25 minutes ago
    expect(page.locator("tr[data-row]", has_text="OPS-970")).to_have_count(1)
    expect(page.locator("#narrowed")).to_contain_text("since: 20")


async def _long_ago(stage: Stage, person: str) -> None:
    """As if the visit of just now had been yesterday."""
    async with stage.gateway.database.begin("test.visit") as tx:
        mine = page_visit.c.person == person
        await tx.execute(update(page_visit).where(mine).values(seen_at=time.time() - views.VISIT_S - 1))


def test_what_is_new_is_counted_with_and_without_the_filter(own: Stage, house: House, opened: Opened) -> None:
    page = opened(own, "/cases?by=none&connection=jira&sort=newest")
    row = page.locator("tr[data-row]").nth(2)
    row.get_by_role("checkbox").check()
    before = row.get_attribute("data-row")
    for key in ("OPS-971", "OPS-972"):
        house.do(_one_more(own, key))
    house.do(_one_more(own, "INC971", connection="snow"))
    show = page.get_by_role("button", name="3 new, 2 fit this filter, show")
    expect(show).to_be_visible(timeout=SOON_MS)
    expect(row).to_have_attribute("data-row", str(before))
    show.click()
    expect(page.locator("tr[data-row]").first).to_contain_text("OPS-972")
    expect(page.locator(f"tr[data-row='{before}']").get_by_role("checkbox")).to_be_checked()
    house.do(_one_more(own, "INC972", connection="snow"))
    expect(page.locator(".fresh [data-told]")).to_have_text("1 new, none fits this filter", timeout=SOON_MS)
    expect(page.locator(".fresh button")).to_be_hidden()


def test_pages_go_on_and_back_by_the_same_way(own: Stage, opened: Opened) -> None:
    page = opened(own, "/cases?by=none&sort=newest&text=archived")
    first = _numbers(page)
    assert page.locator("a[rel=prev]").count() == 0
    seen = [first]
    for _ in range(2):
        page.locator("a[rel=next]").click()
        page.wait_for_selector("html[data-ready]")
        seen.append(_numbers(page))
    assert len({number for each in seen for number in each}) == sum(len(each) for each in seen)
    page.locator("a[rel=prev]").click()
    page.wait_for_selector("html[data-ready]")
    assert _numbers(page) == seen[1]
    page.locator("a[rel=prev]").click()
    page.wait_for_selector("html[data-ready]")
    assert _numbers(page) == first
    assert page.locator("a[rel=prev], a[rel=first]").count() == 0


def _numbers(page: Page) -> list[str]:
    return [str(each.get_attribute("data-row")) for each in page.locator("tr[data-row]").all()]


def test_all_that_fit_is_a_choice_of_its_own_and_pinned(own: Stage, house: House, opened: Opened) -> None:
    page = opened(own, "/cases?by=none&text=archived")
    page.locator("th.tick input").check()
    shown = page.locator("tr[data-row]").count()
    expect(page.locator("[data-count]")).to_have_text(f"{shown} chosen")  # never more than what is seen
    everything = page.get_by_label("that fit, pinned")
    everything.check()
    total = int(everything.get_attribute("data-all") or "0")
    assert total > shown
    expect(page.locator("[data-count]")).to_have_text(f"{total} chosen")
    late = "OPS-980"
    house.do(_archived_too(own, late))
    page.get_by_role("button", name=f"Take {total}").click()
    expect(page.locator("[data-said]")).to_contain_text(f"Take it: {total} done")
    nadia = own.principal("nadia")
    found = house.do(cases.list_cases(own.gateway.place, nadia, CaseFilter(text=late)))
    assert [case.owner for case in found.cases] == [""]


async def _archived_too(stage: Stage, key: str) -> None:
    new = wish(f"r{key}", title="Jira refuses the issue type: the project OPS is archived", object_key=key)
    async with stage.gateway.database.begin("test.case") as tx:
        await store.open_cases(tx, [new], now=time.time())
