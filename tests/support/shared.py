"""The corpus of vendor payloads and specifications: `LOCKSTEP_SHARED`, or the folder `shared` beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.real import missing

REPOSITORY = Path(__file__).resolve().parents[2]


def shared_dir() -> Path | None:
    """The corpus, or None where there is none. Read only: tests write nothing there."""
    named = os.environ.get("LOCKSTEP_SHARED")
    place = Path(named) if named else REPOSITORY.parent / "shared"
    return place if (place / "vendor").is_dir() else None


def require_shared(*parts: str) -> Path:
    """A file or folder of the corpus, `require_shared("vendor", "fixtures", "jira")`; skips (in CI fails) if absent."""
    root = shared_dir()
    if root is None:
        missing("the corpus is absent: set LOCKSTEP_SHARED or put it in ../shared")
    place = root.joinpath(*parts)
    if not place.exists():
        missing(f"the corpus has no {'/'.join(parts)}")
    return place


def corpus_files(*parts: str) -> list[Path]:
    """The JSON payloads below a folder of the corpus, sorted, for parametrising; empty where the corpus is absent.

    A suite that parametrises with it also has one plain test that calls `require_shared`: an empty list of parameters
    is a skip that no fixture sees.
    """
    root = shared_dir()
    return sorted(root.joinpath(*parts).rglob("*.json")) if root else []
