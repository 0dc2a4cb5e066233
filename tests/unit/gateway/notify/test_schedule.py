"""When a failed delivery is tried again."""

from __future__ import annotations

import pytest

from gateway.notify.schedule import DELAYS_S, LONGEST_S, delay_s, jittered, retry_after_s
from tests.support.gateway import NoChance

NOW = 1_700_000_000.0


class Most:
    def random(self) -> float:
        return 1.0


def test_the_curve_takes_three_days_and_ends() -> None:
    waits = [delay_s(attempt, NoChance()) for attempt in range(1, 11)]
    assert waits == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, None]
    assert 3 * 86400 < sum(DELAYS_S) < 4 * 86400


def test_jitter_only_adds_and_is_bounded() -> None:
    assert jittered(300, NoChance()) == 300
    assert jittered(300, Most()) == pytest.approx(330)
    assert jittered(10 * LONGEST_S, Most()) == pytest.approx(1.1 * LONGEST_S)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 0 ", 0),
        ("99999999999999999999", LONGEST_S),
        ("Tue, 14 Nov 2023 22:15:20 GMT", 120),
        ("Tue, 14 Nov 2000 22:15:20 GMT", 0),
        ("Tue, 14 Nov 2090 22:15:20 GMT", LONGEST_S),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOW) == seconds
