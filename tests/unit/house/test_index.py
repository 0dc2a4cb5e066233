"""docs/index.md leads to every page, and each decision stands where its number is looked for."""

from __future__ import annotations

import re

from tests.support.shared import REPOSITORY

DOCS = REPOSITORY / "docs"
LINK = re.compile(r"\]\(([^)#]+\.md)")


def test_every_page_is_linked_and_decisions_stand_in_order() -> None:
    linked = LINK.findall((DOCS / "index.md").read_text(encoding="utf-8"))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"index.md"}
    assert not pages - set(linked)
    decisions = [each for each in linked if each.startswith("adr/")]
    assert decisions == sorted(set(decisions))
