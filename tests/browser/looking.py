"""What is asked of every page, whatever it shows."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _axe() -> str:
    package = find_spec("axe_playwright_python")
    assert package is not None
    assert package.origin is not None
    return (Path(package.origin).parent / "axe.min.js").read_text()


def violations(page: Page, *, colours: bool = False) -> list[str]:
    """What axe finds, one line for each rule and element. `colours`: only by the rule that depends on them."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    found: dict[str, Any] = page.evaluate(
        "only => axe.run(document, {runOnly: only, resultTypes: ['violations'], preload: false})",
        ["color-contrast"] if colours else {"type": "tag", "values": TAGS},
    )
    return [
        f"{each['id']}: {node['html'][:140]} {node['failureSummary'][:240]}"
        for each in found["violations"]
        for node in each["nodes"][:3]
    ]


def too_wide(page: Page) -> list[str]:
    """Elements that make a reader scroll sideways; what lies in a region that scrolls by itself does not (1.4.10)."""
    if page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        return []
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter(e =>
            e.getBoundingClientRect().right > innerWidth + 1
            && !e.closest(".scroll, .hide, pre, thead, details:not([open]) > :not(summary)")
            && e.checkVisibility())
          .slice(0, 8).map(e => `${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 60)}`)"""
    )
    return found or ["something"]


def long_words(page: Page) -> None:
    """Puts a word of 88 characters into every sentence on the page, as a path, a key or an address is."""
    page.evaluate(
        """() => document.querySelectorAll("main p, main li, main dd, main label, main h2").forEach(
            e => e.checkVisibility() && e.append(" " + "srvlockstep".repeat(8)))"""
    )
