"""Pages link to what exists, the index knows every page, and the README's configuration is a good one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.config import read
from tests.unit.docs.places import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"])
VARIABLES = {
    "SNOW_URL": "https://snow.example",
    "JIRA_URL": "https://jira.example",
    **dict.fromkeys(("SNOW_USER", "SNOW_PASSWORD", "SNOW_HOOK", "JIRA_USER", "JIRA_TOKEN", "JIRA_HOOK"), "x"),
}


def _links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


def _anchors(page: Path) -> set[str]:
    """Headings as a forge turns them into anchors."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_its_links_lead_somewhere(page: Path) -> None:
    for link in _links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in _anchors(target), f"{link}: there is no such heading"


def test_the_index_knows_every_page_but_decisions() -> None:
    known = {(DOCS / link).resolve() for link in _links(DOCS / "index.md")}
    pages = {page for page in DOCS.rglob("*.md") if page.name != "index.md" and page.parent.name != "adr"}
    assert len(pages) > 8
    assert pages <= known


def test_the_readme_shows_a_good_configuration(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(lockstep: 1\n.*?)```", (REPOSITORY / "README.md").read_text(), flags=re.DOTALL)
    assert len(blocks) == 1
    file = tmp_path / "lockstep.yaml"
    file.write_text(blocks[0])
    loaded, problems = read(file, VARIABLES)
    assert not problems
    assert loaded is not None
    assert set(loaded.connections) == {"snow", "jira"}
