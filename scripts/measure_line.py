"""How long until a page can be used over a slow line, with an empty cache: `python -m scripts.measure_line`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from scripts.measure_console import fill
from tests.browser.conftest import ARGS, WIDE
from tests.browser.stage import COOKIE, House, Stage
from tests.support.browsing import program

PAGES = {"now": "/now", "groups": "/cases", "list": "/cases?by=none", "case": "/c/FO-777", "connection": "/conn/jira"}
RTT_MS = 100
TOLD = """() => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    const [page] = performance.getEntriesByType("navigation");
    const files = performance.getEntriesByType("resource");
    return [paint.startTime, page.domContentLoadedEventEnd, page.responseStart,
            page.encodedBodySize + files.reduce((sum, each) => sum + each.encodedBodySize, 0)];
}"""


def measured(browser: Browser, stage: Stage, path: str, kbit: int) -> list[float]:
    """Milliseconds until something is seen, until all of it works, and until the server answered; bytes that travelled.

    All works when the document and its script, which is a module and runs before that event, are through.
    """
    context = browser.new_context(viewport=WIDE)
    context.add_cookies([{"name": COOKIE, "value": stage.cookies["nadia"], "url": stage.url}])
    page = context.new_page()
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    speed = {"downloadThroughput": kbit * 125, "uploadThroughput": kbit * 125}
    line.send("Network.emulateNetworkConditions", {"offline": False, "latency": RTT_MS, **speed})
    page.goto(stage.url + path)
    page.wait_for_selector("html[data-ready]")
    found: list[float] = page.evaluate(TOLD)
    context.close()
    return found


def main() -> None:
    """Prints the median of each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--causes", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--kbit", type=int, default=1500)
    asked = parser.parse_args()
    house = House()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        stage = house.stage(Path(folder))
        house.do(fill(stage, asked.cases, asked.causes))
        browser = playwright.chromium.launch(executable_path=program(), args=ARGS)
        for name, path in PAGES.items():
            rounds = [measured(browser, stage, path, asked.kbit) for _ in range(asked.rounds)]
            seen, usable, answered, size = (sorted(each)[len(each) // 2] for each in zip(*rounds, strict=True))
            print(
                f"{name:12} answered {answered:5.0f} ms   seen {seen:5.0f} ms   usable {usable:5.0f} ms   "
                f"{size / 1024:4.0f} kB"
            )
        browser.close()
        house.end()


if __name__ == "__main__":
    main()
