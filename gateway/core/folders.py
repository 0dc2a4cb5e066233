"""The directory in which an installation keeps what it knows of people: for its owner only."""

from __future__ import annotations

from pathlib import Path

OWNERS_ONLY = 0o700


def private(directory: Path) -> None:
    """Makes it where it is missing; one that is there stays as it is, for somebody may have chosen its rights. Folders
    above it are made as any other. Raises OSError.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(exist_ok=True, mode=OWNERS_ONLY)
