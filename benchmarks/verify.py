"""Whether the target shows what the source did: nothing lost, nothing twice, in order. Believes the target's dump."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from benchmarks.fields import to_target
from benchmarks.workload import Workload


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of what went wrong, all 0 for a run that counts, and what was merged without harm."""

    records: int
    lost: int
    """Records that are missing at the target or do not show their last values."""
    duplicates: int
    """Objects beyond the first of a record, and updates that changed nothing."""
    order_violations: int
    """Steps of a trail that went back or stood still."""
    coalesced: int
    """Changes that the target saw only together with a later one; a create carries the present state."""
    examples: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, doubled or out of order."""
        return not (self.lost or self.duplicates or self.order_violations)


def expected_documents(workload: Workload) -> dict[str, dict[str, Any]]:
    """Reference -> the target's document after the last change of every record, by the hand-written mapping."""
    expected = {}
    for record, ticket in enumerate(workload.tickets):
        document = to_target(ticket | {"sent_us": f"{workload.stamps.get(record, 0):016d}"})
        expected[document["reference"]] = document
    return expected


def verify(
    expected: Mapping[str, Mapping[str, Any]], dump: Iterable[Mapping[str, Any]], *, idle_updates: int = 0
) -> Verdict:
    """Compares the target's dump with what must stand there. `idle_updates`: updates that changed nothing."""
    shown: dict[str, Mapping[str, Any]] = {}
    found: Counter[str] = Counter()
    examples: list[str] = []
    steps_back = seen = 0
    for stored in dump:
        reference = str(stored["fields"].get("reference"))
        found[reference] += 1
        shown.setdefault(reference, stored["fields"])
        trail = stored["trail"]
        seen += len(set(trail))
        backward = _steps_back(trail)
        steps_back += backward
        if backward:
            examples.append(f"{reference}: trail {trail}")
    lost = [reference for reference, document in expected.items() if not _shows(shown.get(reference), document)]
    examples += [_difference(reference, shown.get(reference), expected[reference]) for reference in lost]
    twins = [reference for reference, count in found.items() if count > 1]
    strangers = [reference for reference in found if reference not in expected]
    examples += [f"{reference}: {found[reference]} objects" for reference in twins]
    examples += [f"{reference}: unknown to the source" for reference in strangers]
    return Verdict(
        records=len(expected),
        lost=len(lost),
        duplicates=sum(found[reference] - 1 for reference in twins) + len(strangers) + idle_updates,
        order_violations=steps_back,
        coalesced=max(0, sum(int(document["revision"]) for document in expected.values()) - seen),
        examples=tuple(examples[:5]),
    )


def _steps_back(trail: Sequence[int]) -> int:
    return sum(after <= before for before, after in pairwise(trail))


def _shows(document: Mapping[str, Any] | None, expected: Mapping[str, Any]) -> bool:
    return document is not None and all(document.get(name) == value for name, value in expected.items())


def _difference(reference: str, document: Mapping[str, Any] | None, expected: Mapping[str, Any]) -> str:
    if document is None:
        return f"{reference}: missing at the target"
    wrong = [name for name, value in expected.items() if document.get(name) != value]
    return f"{reference}: {wrong[0]} is {document.get(wrong[0])!r}, not {expected[wrong[0]]!r} ({len(wrong)} differ)"
