"""The case page by hand and by key: commands, neighbours, note, files, a look that fails; pausing; Tab everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.work import pausing
from tests.browser.conftest import Opened
from tests.browser.filling import fill
from tests.browser.looking import violations
from tests.browser.stage import House, Stage
from tests.browser.test_screens import LOADING, WITH_DATA

TABBABLE = """() => {
    const found = [...document.querySelectorAll(
        'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')];
    const groups = new Set();
    return found.filter(each => {
        if (each.disabled || !each.checkVisibility({checkVisibilityCSS: true})) return false;
        if (each.closest('details:not([open]) > :not(summary)')) return false;
        if (each.type !== 'radio') return true;
        const group = `${each.form?.action} ${each.name}`;
        return groups.has(group) ? false : groups.add(group);
    }).map((each, at) => { each.dataset.tab = at; return each.outerHTML.slice(0, 80); });
}"""


@pytest.fixture(scope="module")
def own(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage that the tests here may change."""
    stage = house.stage(tmp_path_factory.mktemp("case"), name="staging")
    house.do(fill(stage, refused=24))
    return stage


def test_the_commands_of_a_case_are_copied_whole(own: Stage, opened: Opened) -> None:
    number = own.known["refused"]
    page = opened(own, f"/c/{number}", permissions=["clipboard-read", "clipboard-write"])
    for name, text in (
        ("Copy as lockstep", f"lockstep case show {number}"),
        ("Copy as curl, the API", f'curl -sS -H "Authorization: Bearer $LOCKSTEP_TOKEN" {own.url}/v1/cases/{number}'),
    ):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == text
        expect(page.get_by_role("button", name=name)).to_be_visible()
    assert own.cookies["nadia"] not in page.content()


def test_keys_lead_to_the_note_the_look_and_the_neighbours(own: Stage, opened: Opened) -> None:
    page = opened(own, f"/c/{own.known['refused']}")
    page.keyboard.press("n")
    expect(page.get_by_label("Note", exact=True)).to_be_focused()
    page.keyboard.type("l [ ]")  # typed, not obeyed
    expect(page.get_by_label("Note", exact=True)).to_have_value("l [ ]")
    page.keyboard.press("Escape")
    neighbour = page.locator("a[data-key=']']").inner_text().split()[0]
    page.keyboard.press("]")
    page.wait_for_url(f"**/c/{neighbour}")
    page.wait_for_selector("html[data-ready]")
    page.keyboard.press("[")
    page.wait_for_url(f"**/c/{own.known['refused']}")
    page.wait_for_selector("html[data-ready]")
    page.keyboard.press("l")
    page.wait_for_url("**?look=1*")


def test_a_look_that_fails_says_so_and_the_case_can_still_be_worked(own: Stage, opened: Opened) -> None:
    page = opened(own, f"/c/{own.known['refused']}?look=1")
    expect(page.get_by_text("Could not look at Jira:")).to_contain_text("503")
    expect(page.get_by_role("heading", name="Next safe step")).to_be_visible()
    page.locator("details[data-act] > summary", has_text="Add a note").click()
    page.get_by_label("Note", exact=True).fill("Jira does not answer me either.")
    page.get_by_role("button", name="Add a note").click()
    expect(page.locator("[data-said]")).to_contain_text("has a new note")


def test_a_file_is_attached_and_taken_away_again(own: Stage, opened: Opened, tmp_path: Path) -> None:
    file = tmp_path / "answer of the admins.txt"
    file.write_text("The project was archived by mistake.")
    page = opened(own, f"/c/{own.known['refused']}")
    page.locator("details[data-act] > summary", has_text="Attach a file").click()
    page.get_by_label("A small file").set_input_files(file)
    page.get_by_role("button", name="Attach a file").click()
    expect(page.locator("[data-said]")).to_contain_text("has a new file")
    with page.expect_download() as told:
        page.get_by_role("link", name=file.name).click()
    assert Path(told.value.path()).read_text() == file.read_text()
    expect(page.locator("[data-loading]")).to_be_hidden()


def test_what_ended_cases_like_this_is_told(own: Stage, opened: Opened) -> None:
    page = opened(own, f"/c/{own.known['refused']}")
    similar = page.locator("section", has=page.get_by_role("heading", name="What ended cases like this"))
    expect(similar).to_contain_text("The issue was deleted with its project.")


def test_a_connection_is_paused_with_a_reason_and_goes_on(own: Stage, house: House, opened: Opened) -> None:
    page = opened(own, "/now", who="ada")
    page.get_by_role("link", name="Pause … Jira").click()
    why = page.get_by_label("Why, for whoever looks next")
    page.get_by_role("button", name="Pause", exact=True).click()
    assert why.evaluate("each => each.validity.valueMissing")  # nothing is sent without one
    assert violations(page) == []
    why.fill("Jira is being upgraded")
    page.get_by_label("For", exact=True).select_option("4h")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("[data-said]")).to_contain_text("jira is paused until")
    (pause,) = house.do(pausing.list_pauses(own.gateway.place))
    assert (pause.direction, pause.actor, pause.reason) == ("out", "ada", "Jira is being upgraded")
    assert 14_000 < pause.until - pause.since <= 14_400
    other = opened(own, "/now", who="vera")
    expect(other.locator("#strip")).to_contain_text("writes to it are paused by ada until")
    assert other.get_by_role("link", name="Pause").count() == 0
    page.get_by_role("button", name="Let it go on").click()
    expect(page.locator("[data-said]")).to_contain_text("jira goes on")
    assert house.do(pausing.list_pauses(own.gateway.place)) == []


def test_t_takes_hold_of_the_card_where_the_reader_is(own: Stage, opened: Opened) -> None:
    page = opened(own, "/now")
    page.keyboard.press("t")
    expect(page.locator("#need-1 button[data-key=t]")).to_be_focused()
    page.locator("#need-2 h2 a").focus()
    page.keyboard.press("t")
    expect(page.locator("#need-2 button[data-key=t]")).to_be_focused()
    page.keyboard.press("2")
    page.wait_for_url("**/cases?group=*")


@pytest.mark.parametrize("screen", LOADING)
def test_every_control_of_a_screen_is_reached_by_tab(own: Stage, opened: Opened, screen: str) -> None:
    page = opened(own, WITH_DATA[screen].format_map(own.known), who="ada")
    page.locator("[data-live-pill]").evaluate("each => each.hidden || each.click()")  # so that nothing is replaced
    wanted = page.evaluate(TABBABLE)
    page.evaluate("document.activeElement.blur()")
    assert _walked(page, len(wanted)) == set(range(len(wanted))), wanted


def _walked(page: Page, count: int) -> set[int]:
    """The controls that Tab comes by, from the top of the page to its end."""
    page.evaluate("getSelection().setBaseAndExtent(document.body, 0, document.body, 0)")
    seen: set[int] = set()
    for _ in range(4 * count):  # a field for a date has several stops
        page.keyboard.press("Tab")
        at = page.evaluate("document.activeElement?.dataset?.tab ?? ''")
        if not at and seen:
            break
        seen |= {int(at)} if at else set()
    return seen
