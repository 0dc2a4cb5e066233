"""Which armed fault a request meets."""

from __future__ import annotations

import random

import pytest

from connectors.sandbox.faults import Fault, FaultBox, Match, Subject

ALL = frozenset({"status", "slow", "down", "drop_before"})
WRITE = Subject(method="POST", path="/api/now/table/incident?x=1", write=True, actor="gateway")


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box(clock: Clock) -> FaultBox:
    return FaultBox(clock, random.Random(7))


def _met(box: FaultBox, subject: Subject = WRITE) -> list[str]:
    return [fault.kind for fault in box.meet(subject, ALL)]


def test_a_fault_without_limits_stays_until_cleared(box: FaultBox) -> None:
    box.arm(Fault(kind="status"))
    assert [_met(box) for _ in range(3)] == [["status"]] * 3
    box.clear()
    assert _met(box) == []


def test_count_skip_and_seconds(box: FaultBox, clock: Clock) -> None:
    box.arm(Fault(kind="status", count=1, skip=1))
    assert [_met(box) for _ in range(3)] == [[], ["status"], []]
    box.arm(Fault(kind="down", seconds=2.0))
    clock.now = 1.9
    assert _met(box) == ["down"]
    clock.now = 2.0
    assert _met(box) == []


def test_slow_goes_with_another_and_only_one_decides(box: FaultBox) -> None:
    for kind in ("slow", "status", "drop_before"):
        box.arm(Fault(kind=kind))
    assert _met(box) == ["slow", "status"]


def test_kinds_of_the_other_side_are_left_alone(box: FaultBox) -> None:
    box.arm(Fault(kind="hook_lose", count=1))
    assert _met(box) == []
    assert box.listed()[0]["left"] == 1


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        (Match(), True),
        (Match(method="post"), True),
        (Match(method="GET"), False),
        (Match(path_regex=r"table/incident"), True),
        (Match(path_regex=r"^/rest"), False),
        (Match(write=True, actor="gateway"), True),
        (Match(write=False), False),
        (Match(actor="human"), False),
        (Match(event="."), False),
    ],
)
def test_match(match: Match, fits: bool) -> None:
    assert WRITE.fits(match) is fits


def test_chance_meets_a_share_and_repeats_with_its_seed(clock: Clock) -> None:
    def hits(seed: int) -> list[bool]:
        box = FaultBox(clock, random.Random(seed))
        box.arm(Fault(kind="status", chance=0.25))
        return [bool(_met(box)) for _ in range(400)]

    assert hits(1) == hits(1) != hits(2)
    assert 60 <= sum(hits(1)) <= 140


def test_only_an_unnarrowed_down_silences_webhooks(box: FaultBox) -> None:
    box.arm(Fault(kind="down", match=Match(actor="gateway")))
    assert not box.is_down()
    box.arm(Fault(kind="down"))
    assert box.is_down()
