"""A departure in a browser: held and released, done by hand with a file, certified; and who may see any of it."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientSession
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from gateway.audit.tables import audit
from gateway.offboarding.certificate import read
from tests.browser.conftest import NARROW, Opened
from tests.browser.departing import BY_HAND, depart
from tests.browser.looking import too_wide
from tests.browser.stage import COOKIE, House, Stage


@pytest.fixture(scope="module")
def own(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = house.stage(tmp_path_factory.mktemp("leavers"), extra=BY_HAND)
    house.do(depart(stage))
    return stage


def _decide(page: Page, act: str, button: str, why: str) -> None:
    panel = page.get_by_role("region", name="Decide")
    panel.get_by_text(act, exact=True).click()
    panel.get_by_label("Why, for the trail").locator("visible=true").fill(why)
    panel.get_by_role("button", name=button).click()


def test_the_board_has_the_risk_first(own: Stage, opened: Opened) -> None:
    page = opened(own, "/leavers", who="hugo")
    expect(page.locator("#head")).to_contain_text("3 of 4 past due; 2 privileged")
    names = page.locator("#board tbody th .lead").all_inner_texts()
    assert names == ["Ann Müller", "Cem Özdemir-Ay", "Ben Okafor", "Eve Sommer-Baumgartner"]
    first = page.locator("#board tbody tr").first
    assert page.locator("#board thead th").all_inner_texts() == ["Person", "Due", "badge", "jira", "snow"]
    expect(first.locator("td").nth(1)).to_contain_text("by hand")
    expect(first.locator("td").nth(2)).to_contain_text(re.compile(r"gone.*checked \d", re.DOTALL))
    expect(first.locator("td").nth(3)).to_contain_text("failed")
    expect(page.locator("#board")).to_contain_text("Europe/Berlin")
    expect(page.get_by_role("link", name="See the list and decide")).to_have_attribute("href", "/leavers/floods/FL-1")
    page.get_by_label("System", exact=True).select_option("badge")
    page.get_by_label("past due").check()
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#board tbody tr")).to_have_count(3)


def test_held_and_released(own: Stage, opened: Opened) -> None:
    page = opened(own, "/leavers/LV-4", who="hugo")
    page.get_by_label("For how long").locator("xpath=ancestor::details").get_by_text("Hold", exact=True).click()
    page.locator("#hold-why").fill("the works council asks")
    page.get_by_role("button", name="Hold it").click()
    expect(page.locator("main")).to_contain_text("LV-4 is held")
    expect(page.locator("main")).to_contain_text("the works council asks")
    _decide(page, "Release", "It goes on", "answered")
    expect(page.locator("main")).to_contain_text("LV-4 goes on")
    expect(page.locator("#state")).to_contain_text("planned")


def test_what_moved_meanwhile_is_not_decided(own: Stage, opened: Opened) -> None:
    page, other = opened(own, "/leavers/LV-4", who="hugo"), opened(own, "/leavers/LV-4", who="ada", fine=("412",))
    for each in (page, other):
        each.get_by_label("For how long").locator("xpath=ancestor::details").get_by_text("Hold", exact=True).click()
        each.locator("#hold-why").fill("asked")
        each.get_by_role("button", name="Hold it").click()
    expect(other.locator("main")).to_contain_text("It moved while you looked at it")


def test_whoever_may_not_follow_asks_in_turns(own: Stage, opened: Opened) -> None:
    """People-watchers see departures and nothing else: a stream is refused to them, so none is asked for."""
    page = opened(own, "/leavers", who="hugo")
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if "/v1/stream" in request.url else None)
    for _ in range(2):  # asked for again at once, and once more long after it would have begun to follow
        with page.expect_response(lambda answer: answer.url.endswith("/leavers"), timeout=30_000):
            pass
    assert streams == []


def test_by_hand_with_a_file_and_then_certified(own: Stage, house: House, opened: Opened, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.txt"
    receipt.write_text("badge 4411 handed in")
    page = opened(own, "/leavers/LV-2", who="hugo")
    page.get_by_role("region", name="Done by hand").get_by_text("badge", exact=True).click()
    page.get_by_label("What was done, and where").fill("handed in at the desk")
    page.get_by_label("A file that shows it").set_input_files(receipt)
    page.get_by_role("button", name="It is done").click()
    expect(page.locator("#systems")).to_contain_text("hugo said so")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Certificate").click()
    found = read(Path(coming.value.path()).read_bytes())
    hand = next(each for each in found.certificate.steps if each.connection == "badge")
    assert found.signed and (hand.by, hand.evidence) == ("hugo", "handed in at the desk; receipt.txt")
    assert coming.value.suggested_filename == "lockstep-lv-2-certificate.json"
    # It was done two days late, and a certificate says so.
    assert len(found.problems) == 1 and found.problems[0].startswith("badge: hand badge ended at")

    async def told() -> list[str]:
        async with own.gateway.database.read() as tx:
            rows = await tx.execute(select(audit.c.detail).where(audit.c.kind == "leaver_certified"))
            return [str(orjson.loads(detail)["key"]) for (detail,) in rows]

    assert house.do(told()) == [found.fingerprint]
    page.get_by_role("link", name="Statement").click()
    expect(page.locator("main")).to_contain_text("Not all of it is proved")
    expect(page.locator("main")).to_contain_text(found.fingerprint)
    assert house.do(told()) == [found.fingerprint]


def test_what_the_api_gives_verifies_as_it_comes(own: Stage, house: House) -> None:
    async def get() -> bytes:
        cookies = {COOKIE: own.cookies["hugo"]}
        async with ClientSession(cookies=cookies) as http, http.get(f"{own.url}/v1/leavers/LV-1/certificate") as answer:
            assert answer.status == 200
            return await answer.read()

    found = read(house.do(get()))
    assert found.signed and "snow: role itil has not ended (failed)" in found.problems


def test_two_people_decide_about_a_flood(own: Stage, opened: Opened) -> None:
    def say(who: str, *without: str) -> Page:
        page = opened(own, "/leavers/floods/FL-1", who=who)
        for label in without:
            page.get_by_label(f"Tick {label}").uncheck()
        page.get_by_label("Why, for the trail").fill("a real list")
        page.get_by_role("button", name=re.compile("let them begin", re.IGNORECASE)).click()
        return page

    everybody = ("LV-4", "LV-5")
    expect(say("hugo", *everybody).locator("main")).to_contain_text("tick whom it is about")
    first = say("hugo", "LV-4")
    expect(first.locator("main")).to_contain_text("Asked for: 1 begin once a second person says the same")
    expect(first.locator("main")).to_contain_text("You said so yourself")
    second = opened(own, "/leavers/floods/FL-1", who="ada")
    assert [second.get_by_label(f"Tick {each}").is_checked() for each in everybody] == [False, True]
    expect(say("ada").locator("main")).to_contain_text("1 begin; 1 still wait")


def test_without_the_right_there_is_no_board(own: Stage, opened: Opened) -> None:
    for path in ("/leavers", "/leavers/LV-1", "/leavers/LV-1/statement", "/leavers/LV-1/certificate"):
        page = opened(own, path, who="nadia", fine=("403",))
        expect(page.get_by_role("heading", level=1)).to_have_text("You may not do this")
        expect(page.get_by_role("link", name="Leavers")).to_have_count(0)


def test_on_paper_the_board_lies_on_its_side(own: Stage, opened: Opened) -> None:
    page = opened(own, "/leavers", who="hugo", size=NARROW)
    assert too_wide(page) == []
    printed = page.pdf(prefer_css_page_size=True)
    boxes = [[float(each) for each in box.split()] for box in re.findall(rb"/MediaBox \[([^\]]*)\]", printed)]
    assert boxes and all(width > height for _, _, width, height in boxes)
