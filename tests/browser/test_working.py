"""What people do with the pages: forms with and without the script, what may not be done, and what moved meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from gateway.sync.tables import lane
from gateway.work import cases
from gateway.work.flows import get_flow, move_flow
from tests.browser.conftest import Opened
from tests.browser.filling import fill
from tests.browser.looking import too_wide, violations
from tests.browser.stage import COOKIE, House, Stage

REFUSED = ("status of 403",)


@pytest.fixture(scope="module")
def own(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage that the tests here may change."""
    stage = house.stage(tmp_path_factory.mktemp("own"), name="staging")
    house.do(fill(stage, refused=30))
    return stage


def _fold(page: Page, name: str) -> None:
    page.locator("details[data-act] > summary", has_text=name).click()


def test_a_note_is_written_without_the_script(own: Stage, opened: Opened) -> None:
    page = opened(own, f"/c/{own.known['refused']}", java_script_enabled=False)
    _fold(page, "Add a note")
    page.get_by_label("Note", exact=True).fill("Rang the owner of OPS.")
    page.get_by_role("button", name="Add a note").click()
    expect(page.locator("[data-said]")).to_contain_text("has a new note")
    expect(page.get_by_text("Rang the owner of OPS.").first).to_be_visible()
    page.reload()
    assert page.locator("[data-said]").count() == 0  # said once


def test_a_decision_on_a_case_that_moved_is_not_taken(own: Stage, house: House, opened: Opened) -> None:
    number = own.known["conflict"]
    page = opened(own, f"/c/{number}")
    page.get_by_label("jira: bob@example.com").check()
    house.do(
        cases.act(own.gateway.place, own.principal("omar"), number, "resolve", {"choice": "canonical", "reason": "ok"})
    )
    page.get_by_role("button", name="Choose the side that stays").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("the case moved while you looked at it")
    expect(alert).to_contain_text("omar")


def test_a_correction_is_looked_at_before_it_is_sent(own: Stage, opened: Opened) -> None:
    page = opened(own, f"/c/{own.known['refused']}")
    _fold(page, "Correct a value")
    page.get_by_label("Field", exact=True).select_option("summary")
    page.get_by_label("New value").fill("VPN drops at noon")
    page.get_by_role("button", name="Correct a value").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Correct summary: look before it is sent")
    expect(page.get_by_text("write VPN drops at noon").first).to_be_visible()
    page.get_by_role("button", name="Write to").click()
    expect(page.locator("[data-said]")).to_be_visible()


def test_a_reader_is_offered_nothing_that_is_not_theirs(own: Stage, opened: Opened) -> None:
    page = opened(own, "/cases?by=none", who="vera")
    assert page.locator("td.tick, button[data-verb]").count() == 0
    page = opened(own, f"/c/{own.known['refused']}", who="vera")
    assert page.locator("main button:not([disabled])").count() == page.locator("[data-copy]").count()
    expect(page.get_by_role("button", name="Try again")).to_be_disabled()
    expect(page.get_by_text("the role operator is needed")).to_be_visible()
    assert page.get_by_role("link", name="Audit").count() == 0


def test_who_may_see_nothing_here_is_told_so(own: Stage, opened: Opened) -> None:
    page = opened(own, "/now", who="hugo", fine=REFUSED)
    expect(page.get_by_role("heading", level=1)).to_have_text("You may not do this")


def test_nobody_in_particular_is_sent_to_the_door(own: Stage, opened: Opened) -> None:
    page = opened(own, "/cases?by=none", who="")
    assert page.url.startswith(f"{own.url}/sign-in?next=%2Fcases")
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_form_of_another_site_is_refused(own: Stage, opened: Opened) -> None:
    # Would pass wrongly if the address were wrong: the same, with the page's token, is accepted above.
    page = opened(own, "/now")
    context = page.context.request
    sent = context.post(f"{own.url}/c/{own.known['refused']}/act", form={"action": "claim"})
    assert sent.status == 403


def test_answers_tell_the_browser_to_run_nothing_of_strangers(own: Stage, opened: Opened) -> None:
    page = opened(own, "/now")
    headers = page.context.request.get(f"{own.url}/now").headers
    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy and "style-src 'self';" in policy and "frame-ancestors 'none'" in policy
    assert headers["cache-control"] == "no-store"
    assert page.locator("script:not([src]), style, [style], [onclick]").count() == 0


def test_texts_from_outside_stay_texts(own: Stage, house: House, opened: Opened) -> None:
    text = "<img src=x onerror=alert(1)>"
    house.do(cases.act(own.gateway.place, own.principal("nadia"), own.known["refused"], "comment", {"text": text}))
    page = opened(own, f"/c/{own.known['refused']}")
    expect(page.get_by_text(text).first).to_be_visible()
    assert page.locator("main img").count() == 0


def test_the_theme_is_kept(own: Stage, opened: Opened) -> None:
    page = opened(own, "/cases")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("details.person > summary").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_selector("html[data-theme=dark]")
    assert page.url.endswith("/cases")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_an_export_has_all_that_fits_and_no_formula(own: Stage, opened: Opened) -> None:
    page = opened(own, "/cases?by=none")
    said = page.context.request.get(f"{own.url}/cases/export?format=csv")
    lines = said.text().splitlines()
    assert lines[0].startswith("number,state,cause")
    assert len(lines) > 30
    assert "attachment" in said.headers["content-disposition"]
    assert COOKIE in str(page.context.cookies())


def test_print_is_light_and_without_the_frame(own: Stage, opened: Opened) -> None:
    page = opened(own, f"/c/{own.known['refused']}", dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator("header.bar")).to_be_hidden()
    expect(page.locator(".paper")).to_contain_text("as of 20")
    assert len(page.pdf()) > 10_000


def test_a_mapping_is_tried_on_a_document(own: Stage, opened: Opened) -> None:
    page = opened(own, "/map/jira-issue@1")
    page.get_by_label("As jira gives it, JSON").fill('{"fields": {"priority": {"name": "Urgent"}, "summary": "x"}}')
    page.get_by_role("button", name="What does it mean?").click()
    row = page.get_by_role("row").filter(has_text="priority")
    expect(row).to_contain_text("Urgent")
    expect(page.get_by_role("row").filter(has_text="summary")).to_contain_text("the same")
    page.get_by_label("As jira gives it, JSON").fill("{")
    page.get_by_role("button", name="What does it mean?").click()
    expect(page.get_by_text("this is no JSON object")).to_be_visible()


def test_a_mapping_is_written_anew_and_tried(own: Stage, opened: Opened) -> None:
    page = opened(own, "/map/jira-issue@1")
    document, text = page.get_by_label("As jira gives it, JSON"), page.get_by_label("Text, YAML")
    document.fill('{"fields": {"summary": "Mail to dana@example.com", "customfield_1": "x"}}')
    text.fill(text.input_value().replace("fields.summary", "fields.customfield_1"))
    page.get_by_role("button", name="Run its tests").click()
    expect(page.get_by_text("run just now with the text above")).to_be_visible()
    expect(page.get_by_text("failed,")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="fields.customfield_1")
    expect(row).to_contain_text("summary")
    page.get_by_label("Name of a test").fill("as it came in")
    page.get_by_role("button", name="Save as test").click()
    expect(page.get_by_role("group", name="As a test")).to_contain_text("name: as it came in")
    text.fill("mapping: jira-issue\nfields: 1")
    page.get_by_role("button", name="What does it mean?").click()
    expect(page.locator("#text-wrong")).to_contain_text("error[")


def test_a_backtest_is_asked_for_and_publishing_says_what_is_lacking(own: Stage, opened: Opened) -> None:
    page = opened(own, "/map/jira-issue@1", who="ada")
    page.get_by_role("button", name="Backtest").click()
    expect(page.get_by_role("status").or_(page.locator(".says")).first).to_contain_text("A worker makes the backtest")
    expect(page.locator("#backtest")).to_contain_text("changes looked at")
    page.get_by_role("button", name="Give it up").click()
    expect(page.locator("#backtest")).to_contain_text("ada gave it up")
    expect(page.locator("#publish")).to_contain_text("mappings are managed by files")


def test_signing_in_with_a_password(own: Stage, house: House, opened: Opened, tmp_path: Path) -> None:
    from gateway.work import people

    secret = "four score and seven years"
    house.do(people.set_password(own.gateway.place, own.principal("ada"), "vera", secret))
    page = opened(own, "/connections", who="")
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill("not that one at all")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not fit together")
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("details.person")).to_contain_text("vera")


def test_groups_are_merged_and_split_again(own: Stage, opened: Opened) -> None:
    page = opened(own, "/cases")
    rows = page.locator("tr[data-row]")
    before = rows.count()
    page.get_by_role("checkbox", name="Tick Jira refuses").first.check()
    page.get_by_role("checkbox", name="Tick The mapping does not know").check()
    _fold(page, "Merge")
    page.get_by_label("Name of the merged group").fill("All of the night of the archive")
    page.get_by_role("button", name="Merge 2 into one").click()
    expect(page.locator("[data-said]")).to_contain_text("2 groups are one now")
    page.goto(f"{own.url}/cases")
    expect(rows).to_have_count(before - 1)
    page.get_by_role("link", name="All of the night of the archive").click()
    page.wait_for_selector("html[data-ready]")
    page.locator("td.tick input").first.check()
    _fold(page, "Park, close")
    page.get_by_label("Name of a new group").fill("Only this one")
    page.get_by_role("button", name="Split 1 off").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[data-said]")).to_contain_text("1 split off")


def test_a_token_is_made_shown_once_and_revoked(own: Stage, opened: Opened) -> None:
    page = opened(own, "/settings?tab=tokens", who="omar")
    _fold(page, "Make a token")
    page.get_by_label("What it is for").fill("ci")
    page.get_by_label("operator").check()
    page.get_by_role("button", name="Make it").click()
    made = page.locator("section", has=page.get_by_role("heading", name="shown once"))
    secret = made.locator("p.mono").inner_text()
    answer = page.context.request.get(f"{own.url}/session", headers={"Authorization": f"Bearer {secret}"})
    assert answer.json()["roles"] == ["operator"]
    page.goto(f"{own.url}/settings?tab=tokens")
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke ci").click()
    expect(page.locator("[data-said]")).to_contain_text("ci is not accepted any more")


def test_a_person_is_added_and_let_in_by_a_link(own: Stage, opened: Opened) -> None:
    page = opened(own, "/settings?tab=people", who="ada")
    _fold(page, "Add a person")
    page.get_by_label("Name to sign in with").fill("kim")
    page.locator("form[action='/settings/person-add']").get_by_label("viewer").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("[data-said]")).to_contain_text("kim may sign in now")
    page.get_by_role("button", name="Sign-in link for kim").click()
    link = page.locator("section.says p.mono").inner_text()
    other = opened(own, "/sign-in", who="")
    other.goto(link)
    other.goto(f"{own.url}/settings")
    expect(other.locator("details.person")).to_contain_text("kim")


def test_a_second_person_approves_and_the_first_cannot(own: Stage, house: House, opened: Opened) -> None:
    number = own.known["unknown"]
    page = opened(own, f"/c/{number}")
    _fold(page, "Declare applied")
    form = page.locator("form", has=page.locator("input[name=action][value=declare_applied]"))
    form.get_by_label("What you saw").fill("OPS-6 is there")
    form.get_by_label("In your words").fill("seen in Jira")
    form.get_by_role("button").click()
    expect(page.locator("[data-said]")).to_contain_text("waits for a second person")
    expect(page.get_by_role("button", name="Withdraw the request")).to_be_visible()
    assert page.get_by_role("button", name="Approve").count() == 0
    other = opened(own, "/now", who="omar")
    other.locator("#asks").get_by_role("link", name=number).click()
    other.get_by_role("button", name="Approve").click()
    expect(other.locator("[data-said]")).to_contain_text("Approved.")


def test_a_flow_is_moved_to_shadow_and_shows_what_it_would_write(own: Stage, house: House, opened: Opened) -> None:
    page = opened(own, "/flow/incidents", who="ada")
    page.get_by_role("button", name="Map and plan only").click()
    expect(page.locator("[data-said]")).to_contain_text("nothing is written")
    expect(page.locator("#stage")).to_contain_text("by ada")

    async def withheld() -> None:  # as the worker does it, who does not run here
        async with own.gateway.database.begin("test.shadow") as tx:
            mark = "shadow:incidents"
            await tx.execute(update(lane).where(lane.c.dirty, lane.c.connection == "jira").values(withheld=mark))

    house.do(withheld())
    page.reload()
    rows = page.get_by_role("region", name="What it would write if it went live now")
    expect(rows).to_contain_text("in jira")
    assert too_wide(page) == [] and violations(page) == []
    page.get_by_role("button", name="Go live").click()
    expect(page.locator("#stage")).to_contain_text("Live")


def test_a_flow_that_moved_meanwhile_is_not_moved_again(own: Stage, house: House, opened: Opened) -> None:
    page = opened(own, "/flow/incidents", who="ada")
    seen = house.do(get_flow(own.gateway.place, own.principal("omar"), "incidents"))
    assert seen is not None and seen.stage == "live"
    house.do(move_flow(own.gateway.place, own.principal("ada"), "incidents", "shadow", expected=seen.revision))
    page.get_by_role("button", name="Disable").click()
    expect(page.locator("[data-said]")).to_contain_text("was moved since you looked")


def test_a_connection_is_disabled_and_enabled(own: Stage, opened: Opened) -> None:
    page = opened(own, "/conn/jira", who="ada")
    _fold(page, "Disable jira")
    page.get_by_label("Why no request is to be made").fill("their migration")
    page.get_by_role("button", name="Disable").click()
    expect(page.locator("#switch")).to_contain_text("their migration")
    assert too_wide(page) == [] and violations(page) == []
    page.get_by_label("Why it goes on").fill("done")
    page.get_by_role("button", name="Enable").click()
    expect(page.locator("[data-said]")).to_contain_text("jira goes on")
    assert page.locator("#switch").count() == 0
