"""One browser and two gateways for all tests here; pages of their own for each test.

All of it ends when the last of these tests did: the browser's driver holds the event loop of its thread, and tests
elsewhere need that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.browser.departing import BY_HAND, depart
from tests.browser.filling import fill
from tests.browser.stage import COOKIE, House, Stage
from tests.support.browsing import ABSENT, program
from tests.support.real import missing

WIDE, NARROW = ViewportSize(width=1366, height=768), ViewportSize(width=320, height=640)
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
Opened = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker("chromium")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; skips (in CI fails) where there is none."""
    if (found := program()) is None:
        missing(ABSENT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def house() -> Iterator[House]:
    made = House()
    yield made
    made.end()


@pytest.fixture(scope="package")
def full(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """After a bad night. Tests that change it make one of their own."""
    stage = house.stage(tmp_path_factory.mktemp("full"), extra=BY_HAND)
    house.do(fill(stage))
    house.do(depart(stage))
    return stage


@pytest.fixture(scope="package")
def bare(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Before the first change."""
    return house.stage(tmp_path_factory.mktemp("bare"), name="staging")


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Opened]:
    """Opens a page as a person; closes what it opened. A page that asks another host, or logs an error, fails."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_(
        stage: Stage,
        path: str,
        *,
        who: str = "nadia",
        dark: bool = False,
        size: Any = WIDE,
        fine: tuple[str, ...] = (),
        **options: Any,
    ) -> Page:
        context = chromium.new_context(
            viewport=size, color_scheme="dark" if dark else "light", reduced_motion="reduce", **options
        )
        contexts.append(context)
        if who:
            context.add_cookies([{"name": COOKIE, "value": stage.cookies[who], "url": stage.url}])
        page = context.new_page()
        page.on("request", lambda asked: None if asked.url.startswith(stage.url) else wrong.append(asked.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda said: (
                wrong.append(f"{said.text} {said.location}")
                if said.type in ("error", "warning") and not any(each in said.text for each in fine)
                else None
            ),
        )
        page.goto(stage.url + path)
        if who and options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
