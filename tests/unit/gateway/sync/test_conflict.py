"""Rule 8: who wins when neither saw the other's change."""

from __future__ import annotations

import pytest

from gateway.sync.conflict import Rival, wins
from gateway.sync.flow import Merge, Policy
from gateway.sync.state import FieldVersion

LATEST = Policy(Merge.LATEST, ("a", "b"))
AUTHORITY = Policy(Merge.AUTHORITY, ("a", "b"))


def present(source: str, lo: float, hi: float) -> FieldVersion:
    return FieldVersion("old", 1, source, lo, hi)


@pytest.mark.parametrize(
    ("policy", "connection", "when", "held", "won"),
    [
        (LATEST, "b", (20.0, 21.0), present("a", 10.0, 11.0), True),
        (LATEST, "b", (10.0, 11.0), present("a", 20.0, 21.0), False),
        (LATEST, "b", (10.0, 20.0), present("a", 15.0, 25.0), False),  # overlap: clocks decide nothing, a is stronger
        (LATEST, "a", (10.0, 20.0), present("b", 15.0, 25.0), True),
        (AUTHORITY, "a", (1.0, 2.0), present("b", 50.0, 51.0), True),
        (AUTHORITY, "b", (50.0, 51.0), present("a", 1.0, 2.0), False),
        (LATEST, "b", (1.0, 2.0), present("b", 50.0, 51.0), True),  # its own newer value over its own older one
        (AUTHORITY, "c", (50.0, 51.0), present("operator", 1.0, 2.0), True),  # both unranked: time decides
    ],
)
def test_who_wins(policy: Policy, connection: str, when: tuple[float, float], held: FieldVersion, won: bool) -> None:
    assert wins(policy, Rival(connection, "x", "new", when), held) is won
