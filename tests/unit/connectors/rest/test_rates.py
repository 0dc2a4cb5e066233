"""Rate headers of several vendors, as each names them."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from connectors.contract.limits import Told
from connectors.rest.rates import USUAL, RateHeader, pressing, told

NOW = 1_700_000_000.0
SFORCE = RateHeader(name="api-usage", usage="sforce-limit-info", per_s=86_400.0)
HUBSPOT = RateHeader(
    name="hubspot",
    limit="x-hubspot-ratelimit-max",
    remaining="x-hubspot-ratelimit-remaining",
    interval_ms="x-hubspot-ratelimit-interval-milliseconds",
)


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        (
            {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "7", "x-ratelimit-reset": str(int(NOW) + 30)},
            Told(name="x-ratelimit", limit=100, remaining=7, resets_in_s=30.0),
        ),
        (
            {"ratelimit-limit": "2000", "ratelimit-remaining": "1990", "ratelimit-reset": "60"},
            Told(name="ratelimit", limit=2000, remaining=1990, resets_in_s=60.0),
        ),
        (
            {"ratelimit": '"burst";r=50;t=30', "ratelimit-policy": '"burst";q=100;w=60, "daily";q=5000;w=86400'},
            Told(name="burst", limit=100, remaining=50, resets_in_s=30.0, per_s=60.0),
        ),
        (
            {"ratelimit": "limit=100, remaining=50, reset=5"},
            Told(name="ratelimit", limit=100, remaining=50, resets_in_s=5.0),
        ),
        (
            {"sforce-limit-info": "api-usage=18/5000"},
            Told(name="api-usage", limit=5000, remaining=4982, per_s=86_400.0),
        ),
        (
            {
                "x-hubspot-ratelimit-max": "100",
                "x-hubspot-ratelimit-remaining": "99",
                "x-hubspot-ratelimit-interval-milliseconds": "10000",
            },
            Told(name="hubspot", limit=100, remaining=99, per_s=10.0),
        ),
    ],
    ids=["x-ratelimit", "ratelimit", "structured", "draft-03", "salesforce", "hubspot"],
)
def test_what_is_left_is_read_from_the_headers_that_a_system_sends(headers: dict[str, str], wanted: Told) -> None:
    assert told(headers, (*USUAL, SFORCE, HUBSPOT), NOW) == [wanted]


@pytest.mark.parametrize("text", ["2023-11-14T22:13:50Z", formatdate(NOW + 30, usegmt=True), str(int(NOW + 30) * 1000)])
def test_a_point_in_time_is_compared_with_the_answers_own_date(text: str) -> None:
    headers = {"x-ratelimit-remaining": "7", "x-ratelimit-reset": text, "date": formatdate(NOW, usegmt=True)}
    (found,) = told(headers, USUAL, NOW - 5000)
    assert found.resets_in_s == pytest.approx(30.0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-limit": "many", "x-ratelimit-reset": "soon"},
        {"sforce-limit-info": "api-usage=?"},
        {"ratelimit": ";;=,"},
        {"x-ratelimit-remaining": "9" * 40},
    ],
)
def test_what_cannot_be_read_says_nothing(headers: dict[str, str]) -> None:
    assert told(headers, (*USUAL, SFORCE), NOW) == []


def test_the_limit_of_which_the_least_is_left_presses() -> None:
    day, minute = Told(name="day", limit=5000, remaining=4000), Told(name="minute", limit=100, remaining=3)
    assert pressing([day, minute, Told(name="silent")]) is minute
    assert pressing([Told(name="silent")]) is None
