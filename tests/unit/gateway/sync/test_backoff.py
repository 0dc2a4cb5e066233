"""Waits: they grow, they are capped, they are spread."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.sync.backoff import Backoff, curve, jitter
from tests.support.gateway import NoChance


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(1, 10_000))
def test_the_curve_never_exceeds_its_cap_and_never_falls(tries: int, base: float, cap: float) -> None:
    here, there = curve(tries, base_s=base, cap_s=cap), curve(tries + 1, base_s=base, cap_s=cap)
    assert here <= there <= cap


@given(st.floats(0, 1e6), st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_half_and_whole(delay: float, chance: float) -> None:
    assert delay / 2 <= jitter(delay, chance) <= delay


@given(st.floats(0.1, 600))
def test_a_look_comes_just_after_the_settling_time(settles_s: float) -> None:
    backoff, waited, after = Backoff(NoChance()), 0.0, []
    for looks in range(4):
        waited += backoff.look(looks, settles_s)
        after.append(waited)
    assert after[0] < settles_s, "an early look may find it at once"
    assert any(settles_s <= at <= 1.5 * settles_s for at in after), "one look is the first that counts"
