"""Settings beyond tokens: what somebody can do, who is told, what holds here, and a change that came too late."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.access.rights import Role
from gateway.work import people
from tests.browser.conftest import NARROW, Opened
from tests.browser.filling import fill
from tests.browser.looking import too_wide, violations
from tests.browser.stage import House, Stage

RULES = """
notifications:
  channels:
    night:
      email: {to: [duty@example.com], from: lockstep@example.com, server: "smtp.example.com:587"}
      fallback: log
  rules:
  - {to: night, events: [opened, came_back], least_priority: high, quiet: "22:00-06:00 Europe/Berlin"}
"""


@pytest.fixture(scope="module")
def own(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = house.stage(tmp_path_factory.mktemp("settings"), name="staging", extra=RULES)
    house.do(fill(stage, refused=20))
    return stage


def _fine(page: Page) -> None:
    assert violations(page) == []
    page.set_viewport_size(NARROW)
    assert too_wide(page) == []


def test_an_admin_asks_what_somebody_can_do_and_others_ask_of_themselves(own: Stage, opened: Opened) -> None:
    page = opened(own, "/settings?tab=people", who="ada")
    page.get_by_role("link", name="what can omar do?").click()
    can = page.locator("section", has=page.get_by_role("heading", name="What omar can do"))
    expect(can).to_contain_text("omar is approver, operator, everywhere")
    expect(can.locator("li.good", has_text="agree, as a second person")).to_contain_text("as approver")
    expect(can.locator("li.calm", has_text="add people")).to_be_visible()
    page.get_by_label("Person", exact=True).select_option("vera")
    page.get_by_role("button", name="What can they do?").click()
    expect(page.get_by_role("heading", name="What vera can do")).to_be_visible()
    other = opened(own, "/settings?tab=roles", who="vera", fine=("status of 403",))
    expect(other.get_by_role("heading", name="What you can do")).to_be_visible()
    assert other.get_by_label("Person", exact=True).count() == 0
    other.goto(f"{own.url}/settings?tab=roles&person=omar")
    expect(other.get_by_role("heading", level=1)).to_have_text("You may not do this")


def test_channels_rules_and_quiet_hours_are_told_and_a_test_is_sent(own: Stage, opened: Opened) -> None:
    page = opened(own, "/settings?tab=notifications", who="ada")
    rule = page.locator("section", has=page.get_by_role("heading", name="Rules")).get_by_role("row").nth(1)
    expect(rule).to_contain_text("came back, opened")
    expect(rule).to_contain_text("22:00-06:00 Europe/Berlin")
    page.get_by_role("button", name="Send a test over night").click()
    expect(page.locator("[data-said]")).to_contain_text("A test is on its way over night")
    told = page.locator("section", has=page.get_by_role("heading", name="Told lately"))
    expect(told.get_by_role("row").nth(1)).to_contain_text("test")
    assert "duty@example.com" not in page.content()
    _fine(page)
    assert opened(own, "/settings", who="nadia").get_by_role("link", name="Notifications").count() == 0


def test_a_change_that_came_too_late_shows_both_versions(own: Stage, house: House, opened: Opened) -> None:
    page = opened(own, "/settings?tab=people", who="ada", fine=("status of 412",))
    vera = page.locator("form[action='/settings/person-roles']", has=page.locator("input[value=vera]"))
    ada = own.principal("ada")
    house.do(people.change_person(own.gateway.place, ada, "vera", roles=[Role.VIEWER, Role.AUDITOR]))
    vera.get_by_label("operator").check()
    vera.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("vera was changed meanwhile")
    row = page.get_by_role("row").filter(has_text="Roles")
    expect(row.get_by_role("cell")).to_have_text(["viewer", "auditor, viewer", "operator, viewer"])
    _fine(page)
    person = house.do(people.get_person(own.gateway.place, ada, "vera"))
    assert person.roles == {Role.VIEWER, Role.AUDITOR}  # nothing of the late change was kept
    page.get_by_role("button", name="Put mine over it").click()
    expect(page.locator("[data-said]")).to_contain_text("vera is operator, viewer now")


def test_somebody_who_was_changed_meanwhile_is_not_shut_out_unseen(own: Stage, house: House, opened: Opened) -> None:
    page = opened(own, "/settings?tab=people", who="ada", fine=("status of 412",))
    ada = own.principal("ada")
    house.do(people.change_person(own.gateway.place, ada, "hugo", roles=[Role.PEOPLE_WATCH, Role.AUDITOR]))
    page.get_by_role("button", name="Shut out: hugo").click()
    row = page.get_by_role("row").filter(has_text="May sign in")
    expect(row.get_by_role("cell")).to_have_text(["\u2013", "yes", "no"])
    page.get_by_role("link", name="Leave it as it is").click()
    expect(page.get_by_role("button", name="Shut out: hugo")).to_be_visible()


def test_what_holds_here_is_told_with_its_place_in_the_configuration(own: Stage, opened: Opened) -> None:
    page = opened(own, "/settings?tab=guards", who="ada")
    expect(page.get_by_role("row").filter(has_text="replay.ramp")).to_contain_text("1 → 5 → 20 → the rest")
    expect(page.get_by_role("row").filter(has_text="cases.four_eyes")).to_contain_text("discarding several")
    page.get_by_role("link", name="Retention").click()
    expect(page.get_by_role("row").filter(has_text="retention.journal")).to_contain_text("30 days")
