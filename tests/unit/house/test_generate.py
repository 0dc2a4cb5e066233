"""The generated reference: written once, fresh after that, and found stale when somebody edits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import generate


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    # The command line's page takes a process of its own; `make check-docs` looks at the real one.
    monkeypatch.setattr(generate, "command_line", lambda: "# `lockstep`\n")


def test_what_was_written_is_fresh(tmp_path: Path) -> None:
    generate.write(tmp_path)
    assert generate.stale(tmp_path) == []


def test_what_was_never_written_is_stale(tmp_path: Path) -> None:
    assert "docs/reference/schemas/lockstep.schema.json" in generate.stale(tmp_path)


def test_what_was_edited_is_stale(tmp_path: Path) -> None:
    generate.write(tmp_path)
    page = tmp_path / "docs/reference/cli.md"
    page.write_text(page.read_text() + "one line more\n")
    assert generate.stale(tmp_path) == ["docs/reference/cli.md"]
