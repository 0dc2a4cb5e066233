"""When a shown value was typed: an interval of our clock, never later than we were told of it (rule 8)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from connectors.contract.values import Snapshot
from gateway.sync.absorb import Observation
from tests.support.gateway import mapping_of

TOLD = 1_000.0
MEMBER: Any = SimpleNamespace(spec=SimpleNamespace(granularity_s=1.0), skew_s=2.0, mapping=mapping_of("plain"))
BLUR = 3.0


def seen(*, offset_s: float = 0.0, **shown: Any) -> Observation:
    snapshot = Snapshot(object="thing", id="1", raw={"x": "1"}, **shown)
    return Observation("b", snapshot, {}, rev=None, received_at=TOLD, offset_s=offset_s)


@pytest.mark.parametrize(
    ("at", "offset_s", "expected"),
    [
        (900.0, 0.0, 900.0),
        (900.0, 50.0, 850.0),  # its clock is ahead, and that was measured
        (1_500.0, 0.0, TOLD),  # its clock is ahead, and nobody knew: an edit cannot come after its own notice
    ],
)
def test_a_time_of_the_field_is_corrected_clamped_and_blurred(at: float, offset_s: float, expected: float) -> None:
    when = seen(offset_s=offset_s, field_times={"x": at}).when(MEMBER, "x", 0.0)
    assert when == (expected - BLUR, expected + BLUR)


def test_a_time_of_the_object_reaches_back_to_the_last_observation() -> None:
    assert seen(updated_at=900.0).when(MEMBER, "x", 700.0) == (700.0 - BLUR, 900.0 + BLUR)
    assert seen(updated_at=1_500.0).when(MEMBER, "x", 700.0) == (700.0 - BLUR, TOLD + BLUR)


def test_without_a_time_it_may_have_been_at_any_moment_since() -> None:
    assert seen().when(MEMBER, "x", 700.0) == (700.0, TOLD)
