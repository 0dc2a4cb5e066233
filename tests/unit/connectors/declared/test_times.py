"""Times in a system's own form: read to the second, and no bound is ever later than was meant."""

from __future__ import annotations

import pytest

from connectors.contract.values import Ref
from connectors.declared.scripted import NOW
from connectors.declared.times import coarse_s, format_time, parse_time
from tests.unit.connectors.declared.support import engine, told

OWN = "%Y-%m-%d.%H:%M:%S"


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (OWN, "2026-11-21.12:00:00"),
        (OWN + ";", "2026-11-21.12:00:00;"),
        ("%d/%m/%Y %H:%M:%S %z", "21/11/2026 12:00:00 +0000"),
    ],
)
def test_a_time_in_a_pattern_is_read_as_it_is_written(form: str, shown: str) -> None:
    assert format_time(NOW, form) == shown
    assert parse_time(shown, form) == NOW


def test_a_zone_that_is_shown_counts_and_one_that_is_not_is_utc() -> None:
    assert parse_time("2026-11-21 13:00 +0100", "%Y-%m-%d %H:%M %z") == NOW
    assert parse_time("2026-11-21 12:00", "%Y-%m-%d %H:%M") == NOW


def test_what_does_not_fit_the_pattern_is_no_time() -> None:
    assert parse_time("2026-11-21T12:00:00Z", OWN) is None
    assert parse_time(None, OWN) is None


@pytest.mark.parametrize(
    "form", ["rfc3339", "epoch_s", "epoch_ms", "date", OWN, "%Y-%m-%d %H:%M", "%Y%m%d", "%Y%m%d%H%M%S.%f"]
)
def test_a_bound_is_earlier_by_less_than_its_form_is_coarse(form: str) -> None:
    at = NOW + 3599.9876
    bound = parse_time(format_time(at, form), form)
    assert bound is not None
    assert at - coarse_s(form) - 1e-6 <= bound <= at


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("iso8601", "value: 'iso8601' is no form of a time; try one of: rfc3339"),
        ("%Y-%m-%d %I", "value: '%I' means nothing here; try %Y"),
        ("%H:%M", "value: a time has one year, month and day"),
        ("%Y-%m-%d %Y", "value: a time has one year, month and day"),
    ],
)
def test_a_pattern_that_cannot_be_read_back_is_a_problem(form: str, said: str) -> None:
    [problem] = told(("ticket.updated", {"at": "$.changed", "as": form}))
    assert problem.startswith(said)


async def test_a_poll_asks_in_the_systems_own_form() -> None:
    asked: list[str] = []

    def answer(request: object) -> object:
        params = request.url.params  # type: ignore[attr-defined]
        asked.append(params.get("activity", ""))
        return {"items": [{"id": 7, "changed": "2026-11-21.11:59:59"}]}

    connector = engine(
        answer,
        ("ticket.version", None),
        ("ticket.updated", {"at": "$.changed", "as": OWN}),
        ("ticket.since", {"param": "activity", "as": OWN + ";", "order": "oldest_first", "overlap": "60s"}),
    )
    page = await connector.changes(None)
    assert "2026-11-21.11:59:00;" in asked
    assert [(each.snapshot.id, each.snapshot.updated_at) for each in page.changes] == [("7", NOW - 1)]
    assert (await connector.read(Ref(object="ticket", id="7"))).exists is False
