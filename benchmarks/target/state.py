"""What the stand-in holds: one space per connection, objects with a version, a trail of effects per object."""

from __future__ import annotations

import time
from typing import Any

Document = dict[str, Any]

SEQUENCE = "revision"
"""Field of a document that counts the changes of its record, from 1; the trail is made of it."""
STAMP = "sent_us"
"""Field with the microsecond of the monotonic clock at which the change was due to be sent."""


def monotonic_us() -> int:
    """Microseconds of the machine's monotonic clock, comparable between processes of one machine."""
    return time.monotonic_ns() // 1000


class StoredObject:
    """One object: its document, version (1 after the create, +1 per effect), marker and trail."""

    __slots__ = ("document", "highest", "id", "marker", "trail", "updated_at", "version")

    def __init__(self, id: str, marker: str, document: Document) -> None:
        self.id, self.marker, self.document = id, marker, document
        self.version = 1
        self.updated_at = 0.0
        self.trail: list[int] = []
        self.highest = 0

    @property
    def etag(self) -> str:
        """The strong validator of the present version."""
        return f'"{self.version}"'

    def shown(self) -> Document:
        """The object as the API answers it."""
        return {
            "id": self.id,
            "version": self.version,
            "updated_at": self.updated_at,
            "marker": self.marker,
            "fields": self.document,
        }


class Space:
    """All objects of one connection, with counts of what was done to them.

    Not safe for threads; the server calls it from one event loop, so that every method is one atomic step.
    """

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.by_marker: dict[str, list[StoredObject]] = {}
        self.creates = self.updates = self.reads = self.mismatches = self.idle_updates = self.twin_creates = 0
        self.covered = 0
        """Sum of the last revision of every object: how many changes of the workload the space shows."""
        self.latencies_us: list[int] = []
        self.last_effect_us = 0

    def create(self, marker: str, document: Document, *, unless_marked: bool) -> StoredObject | None:
        """Stores a new object; None where `unless_marked` and an object carries the marker already."""
        if marker and marker in self.by_marker:
            if unless_marked:
                self.mismatches += 1
                return None
            self.twin_creates += 1
        stored = StoredObject(f"t{len(self.objects) + 1}", marker, document)
        self.objects[stored.id] = stored
        if marker:
            self.by_marker.setdefault(marker, []).append(stored)
        self.creates += 1
        self._note(stored, document)
        return stored

    def update(self, stored: StoredObject, fragment: Document, *, if_match: str | None) -> bool:
        """Changes the fields named in `fragment`; False, and no effect, where `if_match` is not the present ETag."""
        if if_match is not None and if_match != stored.etag:
            self.mismatches += 1
            return False
        document = stored.document
        if all(name in document and document[name] == value for name, value in fragment.items()):
            self.idle_updates += 1
        document.update(fragment)
        stored.version += 1
        self.updates += 1
        self._note(stored, fragment)
        return True

    def find(self, marker: str) -> list[StoredObject]:
        """Objects that carry the marker, at most one but for creates without a condition."""
        return self.by_marker.get(marker, [])

    def find_by(self, fragment: Document) -> list[StoredObject]:
        """Objects whose fields equal those of `fragment`, compared as text."""
        return [
            stored
            for stored in self.objects.values()
            if all(str(stored.document.get(name)) == value for name, value in fragment.items())
        ]

    def progress(self) -> dict[str, int]:
        """The counts, cheap enough to be asked for many times a second."""
        return {
            "objects": len(self.objects),
            "creates": self.creates,
            "updates": self.updates,
            "reads": self.reads,
            "mismatches": self.mismatches,
            "idle_updates": self.idle_updates,
            "twin_creates": self.twin_creates,
            "covered": self.covered,
            "last_effect_us": self.last_effect_us,
        }

    def _note(self, stored: StoredObject, fragment: Document) -> None:
        self.last_effect_us = monotonic_us()
        stored.updated_at = time.time()
        revision = fragment.get(SEQUENCE)
        if isinstance(revision, int):
            stored.trail.append(revision)
            if revision > stored.highest:
                self.covered += revision - stored.highest
                stored.highest = revision
        stamp = fragment.get(STAMP)
        if isinstance(stamp, str) and stamp.isdigit():
            self.latencies_us.append(self.last_effect_us - int(stamp))
