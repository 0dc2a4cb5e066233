"""Clock offset and budget out of headers."""

from __future__ import annotations

from email.utils import formatdate

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.rest.limits import Budget, ClockOffset, budget


@settings(deadline=None)
@given(
    offset=st.floats(-5000, 5000),
    exchanges=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40),
)
def test_offset_is_measured_within_its_uncertainty(offset: float, exchanges: list[tuple[float, float, float]]) -> None:
    """Each exchange: pause, time there, time back. The error is at most half a second and half the round trip."""
    measured, ours = ClockOffset(), 1_700_000_000.0
    for pause, there, back in exchanges:
        sent = ours + pause
        ours = sent + there + back
        measured.learn(formatdate(int(sent + there + offset), usegmt=True), sent, ours)
    assert abs(measured.seconds - offset) <= 1.5 + 1e-3 or (measured.seconds == 0.0 and abs(offset) <= 2.0)


def test_many_exchanges_measure_finer_than_a_second() -> None:
    measured = ClockOffset()
    for step in range(100):
        sent = 1_700_000_000.0 + step * 1.07
        measured.learn(formatdate(int(sent + 7.3), usegmt=True), sent, sent + 0.01)
    assert abs(measured.seconds - 7.3) < 0.1


def test_same_clocks_are_told_as_no_offset() -> None:
    measured = ClockOffset()
    measured.learn(formatdate(1_700_000_000, usegmt=True), 1_700_000_000.2, 1_700_000_000.3)
    assert measured.seconds == 0.0


def test_a_clock_that_was_set_is_measured_afresh() -> None:
    measured = ClockOffset()
    measured.learn(formatdate(1_700_000_000, usegmt=True), 1_700_000_000.2, 1_700_000_000.3)
    measured.learn(formatdate(1_700_003_600, usegmt=True), 1_700_000_001.2, 1_700_000_001.3)
    assert abs(measured.seconds - 3599) < 1


def test_what_is_no_date_teaches_nothing() -> None:
    measured = ClockOffset()
    for text in ("", "yesterday", "Tue, 99 Foo 2026 00:00:00 GMT"):
        measured.learn(text, 0.0, 1.0)
    assert measured.seconds == 0.0


def test_budget_from_headers() -> None:
    first = budget(
        {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "3", "x-ratelimit-reset": "1700000000"}, Budget()
    )
    assert (first.limit, first.remaining, first.reset_at) == (100, 3, 1_700_000_000.0)
    near = budget({"x-ratelimit-nearlimit": "true", "ratelimit-reason": "jira-burst-based"}, first)
    assert (near.near_limit, near.reason, near.limit, near.remaining) == (True, "jira-burst-based", 100, None)
    assert budget({"content-type": "text/html"}, near) is near
    assert budget({"x-ratelimit-limit": "many"}, Budget()).limit is None


def test_a_system_that_tells_no_date_has_our_clock() -> None:
    """Taken for a date, the missing one would be that of 1970, and every poll would reach back to there."""
    offset = ClockOffset()
    offset.learn("", 1_795_262_400.0, 1_795_262_401.0)
    assert offset.seconds == 0.0
