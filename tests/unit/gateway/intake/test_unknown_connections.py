"""Webhooks for a connection that is not configured: counted, and in the log, without filling either."""

from __future__ import annotations

from typing import Any, cast

from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from gateway.intake.hooks import NAME_SHOWN, UNKNOWN, UNKNOWN_EVERY_S, Hooks
from gateway.intake.pressure import Pressure
from gateway.streams.port import Stream
from tests.support.world import FakeClock


async def post(hooks: Hooks, name: str) -> str:
    request = make_mocked_request("POST", f"/hooks/{name}", match_info={"connection": name})
    answer = await hooks.receive(request)
    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    return str(answer.text)


async def test_they_are_counted_as_one_and_told_now_and_then() -> None:
    clock = FakeClock()
    hooks = Hooks({"snow": cast(Any, None)}, cast(Stream, None), clock, cast(Pressure, None))
    with capture_logs() as told:
        for number in range(5):
            await post(hooks, f"servicenow{number}")
        clock.advance(UNKNOWN_EVERY_S)
        await post(hooks, "servicenow")
    assert dict(hooks.refused) == {UNKNOWN: 6}
    assert [(line["connection"], line["so_far"]) for line in told] == [("servicenow0", 1), ("servicenow", 6)]
    assert told[0]["known"] == ["snow"]


async def test_a_long_name_is_shown_in_part() -> None:
    hooks = Hooks({}, cast(Stream, None), FakeClock(), cast(Pressure, None))
    with capture_logs() as told:
        said = await post(hooks, "x" * 5000)
    assert len(told[0]["connection"]) == NAME_SHOWN
    assert len(said) < 400
