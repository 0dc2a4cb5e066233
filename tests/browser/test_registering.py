"""A connection from a pasted file to a flow that writes, in the wizard, without a mouse, on a gateway that runs: it is
left half-way, come back to, put in place, taken up, looked at in shadow and let live. Every step is looked at, too.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from connectors import sandbox
from gateway.access.rights import Role
from gateway.app import run as app_run
from gateway.app.compose import Gateway
from gateway.config import load
from gateway.storage.database import Database
from tests.browser.conftest import NARROW, WIDE, Opened
from tests.browser.looking import too_wide, violations
from tests.browser.stage import House, Stage, signed_in
from tests.support.edges import Sites, sites
from tests.support.running import ENVIRONMENT, FLOW, write_config
from tests.support.waiting import until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "brambledesk"
CONNECTOR = (EXAMPLES / "connectors" / "brambledesk.yaml").read_text()
MAPPING = (EXAMPLES / "brambledesk-ticket.yaml").read_text()
SHADOW = FLOW.replace("    type: incident\n", "    type: incident\n    begins: shadow\n")
PATIENCE_MS = 60_000


class Own:
    """A gateway that can begin again, between three stand-ins."""

    def __init__(self) -> None:
        self.stack = AsyncExitStack()
        self.url = ""
        self.cookie = ""

    async def start(self, directory: Path) -> None:
        self.both: Sites = await self.stack.enter_async_context(sites(directory))
        self.desk = await sandbox.start("brambledesk", data=directory / "desk.db", time_scale=0.001)
        self.stack.push_async_callback(self.desk.stop)
        file, self.url = write_config(directory, snow=self.both.snow.url, jira=self.both.jira.url, flow=SHADOW)
        config = load(file, os.environ)
        serving = asyncio.create_task(app_run._serving(config))
        self.stack.push_async_callback(_ended, serving)
        database = Database(config.database)
        self.stack.push_async_callback(database.close)
        await until(self._answers, what="the gateway to answer")
        here = cast(Gateway, SimpleNamespace(database=database, config=config))
        self.cookie = await signed_in(here, "ivy", frozenset({Role.INTEGRATOR}))

    async def _answers(self) -> bool:
        try:
            async with self.both.http.get(f"{self.url}/livez") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def ticket(self, title: str) -> None:
        """Somebody writes one at the desk."""
        ann = base64.b64encode(b"ann:ann-secret").decode()
        headers = {"Authorization": f"Basic {ann}"}
        body = {"title": title}
        async with self.both.http.post(f"{self.desk.url}/api/v3/tickets", json=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()

    async def crossed(self, title: str) -> bool:
        return title in await self.both.texts("jira") and title in await self.both.texts("snow")


async def _ended(serving: asyncio.Task[None]) -> None:
    serving.cancel()
    await asyncio.wait({serving})


@pytest.fixture
def own(chromium: Browser, house: House, tmp_path: Path) -> Iterator[Own]:
    made = Own()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        house.do(made.start(tmp_path))
        expect.set_options(timeout=PATIENCE_MS)
        try:
            yield made
        finally:
            expect.set_options(timeout=5_000)
            house.do(made.stack.aclose())


def _reach(page: Page, wanted: Locator) -> None:
    """By Tab alone, as far as it takes."""
    for _ in range(120):
        if wanted.evaluate("e => e === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by Tab")


def _type(page: Page, label: str, text: str) -> None:
    _reach(page, page.get_by_label(label, exact=False).first)
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def _choose(page: Page, label: str, text: str) -> None:
    wanted = page.get_by_label(label, exact=True)
    _reach(page, wanted)
    page.keyboard.type(text)
    expect(wanted).to_have_value(text)


def _push(page: Page, button: str, *, role: Any = "button") -> None:
    _reach(page, page.get_by_role(role, name=button).first)
    page.keyboard.press("Enter")


def _looks(page: Page) -> None:
    """Every rule at 320 px in the dark, colours in the light at full width. What all pages share is looked at in all
    four ways with the other screens.
    """
    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="dark")
    assert too_wide(page) == []
    assert violations(page) == []
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    assert too_wide(page) == []
    assert violations(page, colours=True) == []


def _at(page: Page, step: str) -> None:
    page.wait_for_url(f"**/{step}")
    expect(page.locator("[aria-current=step]")).to_have_count(1)


@pytest.mark.timeout(420)
def test_from_a_pasted_file_to_a_flow_that_writes(own: Own, house: House, opened: Opened) -> None:
    stage = Stage(cast(Gateway, None), own.url, cookies={"ivy": own.cookie})
    page = opened(stage, "/connections", who="ivy", fine=("status of 422",))
    _push(page, "Register a connection", role="link")
    page.wait_for_url("**/register")

    _type(page, "Name of the connection", "desk")
    _type(page, "Or paste it", CONNECTOR.replace("format: 1", "formt: 1"))
    _push(page, "Begin the draft")
    expect(page.locator(":focus")).to_contain_text("The file is no connector yet")
    expect(page.locator("#problems")).to_contain_text("formt")
    expect(page.locator("#problems")).to_contain_text("line ")
    _type(page, "Or paste it", CONNECTOR)
    _push(page, "Begin the draft")

    _at(page, "settings")
    address = page.url
    _type(page, "Address of the system", "desk.example")
    _push(page, "Keep, and go on to signing in")
    expect(page.locator(":focus")).to_contain_text("1 problem to mend")
    expect(page.get_by_label("Address of the system")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#problems a").first).to_have_attribute("href", "#url")
    page.goto(own.url + "/register")
    _push(page, "desk", role="link")  # left, and come back
    page.wait_for_url(address)
    expect(page.get_by_label("Address of the system")).to_have_value("desk.example")
    text = page.get_by_label("The same as text").input_value()
    _type(page, "The same as text", text.replace("desk.example", own.desk.url))
    _push(page, "Keep the file")
    expect(page.get_by_label("Address of the system")).to_have_value(own.desk.url)
    _push(page, "Keep, and go on to signing in")

    _at(page, "signin")
    _type(page, "Client id", "lockstep")
    _type(page, "Client secret", "wrong")
    expect(page.get_by_label("Client secret")).to_have_attribute("type", "password")
    _push(page, "Keep, and go on to the test")
    _at(page, "test")
    _push(page, "Test it")
    expect(page.get_by_text("failed").first).to_be_visible()
    expect(page.get_by_text("Tip:").first).to_be_visible()
    _push(page, "Sign in", role="link")
    _at(page, "signin")
    expect(page.locator("main")).not_to_contain_text("wrong")
    _looks(page)
    _type(page, "Client secret", "lockstep-secret")
    _push(page, "Keep, and go on to the test")
    _at(page, "test")
    _push(page, "Test it")
    expect(page.get_by_text("passed")).to_have_count(4)
    expect(page.locator("tbody")).to_have_count(2)
    assert "secret" not in page.locator("main").inner_text()
    _looks(page)
    _push(page, "Go on to records and scope", role="link")

    _at(page, "records")
    _type(page, "Name", "incidents")
    _push(page, "Choose")
    _type(page, "Its text", MAPPING)
    house.do(own.ticket("the printer is out of toner"))
    _push(page, "Count the objects it shows")
    expect(page.get_by_text("1 ticket", exact=True)).to_be_visible()
    _looks(page)
    _push(page, "Keep, and look at what is put in place")

    _at(page, "review")
    expect(page.get_by_role("heading", name="changes")).to_be_visible()
    _looks(page)
    _push(page, "Put")
    _at(page, "shadow")
    expect(page.get_by_text("this gateway does not work by it yet")).to_be_visible()
    house.do(own.ticket("the scanner is stuck"))  # before the first poll: the next one is a minute later
    _push(page, "Take it up now")
    expect(page.get_by_text("The gateway has begun again")).to_be_visible()
    expect(page.get_by_text("this gateway does not work by it yet")).to_have_count(0)
    expect(page.get_by_text("would create in jira")).to_be_visible()
    assert not house.do(own.crossed("the scanner is stuck")), "nothing is written"
    _looks(page)
    _push(page, "Go on to going live", role="link")

    _at(page, "live")
    _looks(page)
    _push(page, "Let incidents go live")
    expect(page.get_by_text("incidents is live")).to_be_visible()

    async def crossed() -> bool:
        return await own.crossed("the scanner is stuck")

    house.do(until(crossed, what="the ticket in both other systems"))
    _push(page, "Finish")
    expect(page.get_by_text("The draft of desk is gone")).to_be_visible()
    page.goto(own.url + "/conn/desk")
    _push(page, "Remove desk", role="link")
    expect(page.locator(":focus")).to_contain_text("It cannot be taken out like this")
    expect(page.get_by_label("incidents")).to_be_visible()
