"""Takes the pictures of the console that the documentation shows: `python -m scripts.console_pictures [FOLDER]`.

They are of the browser tests' stage, so they show what the tests look at.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import ARGS, NARROW, WIDE
from tests.browser.filling import fill
from tests.browser.stage import COOKIE, House, Stage
from tests.support.browsing import program

PICTURES = {
    "console-now": ("/now", WIDE, False),
    "console-now-narrow": ("/now", NARROW, False),
    "console-cases": ("/cases?connection=jira&by=none", WIDE, False),
    "console-case": ("/c/{refused}", WIDE, False),
    "console-plan": ("/replays/{plan}", WIDE, False),
    "console-run": ("/runs/{run}", WIDE, True),
}


def main() -> None:
    """Writes them into the folder, docs/images without one."""
    into = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    house = House()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        stage = house.stage(Path(folder))
        house.do(fill(stage))
        browser = playwright.chromium.launch(executable_path=program(), args=ARGS)
        for name in PICTURES:
            _take(browser, stage, name, into / f"{name}.png")
        browser.close()
        house.end()


def _take(browser: Browser, stage: Stage, name: str, file: Path) -> None:
    path, size, dark = PICTURES[name]
    context = browser.new_context(viewport=size, color_scheme="dark" if dark else "light", reduced_motion="reduce")
    context.add_cookies([{"name": COOKIE, "value": stage.cookies["nadia"], "url": stage.url}])
    page = context.new_page()
    page.goto(stage.url + path.format_map(stage.known))
    page.wait_for_selector("html[data-ready]")
    page.screenshot(path=file)
    context.close()


if __name__ == "__main__":
    main()
