"""P10: a system that is down, throttled or closed to us costs no attempts; its queue waits, and goes on in order."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.errors import CredentialsError, DeliveryError, Retryable, Throttled
from tests.promises.gated import work
from tests.scenarios.world_of_two import START, Two, two
from tests.support.broken import rejects

RECORDS = 12
OUTAGE_S = 600
TURN_S = 5


async def wait_out(url: str, error: DeliveryError, *, most: int) -> None:
    """All calls fail in the same way for ten minutes, while people go on editing; then all of it arrives, in order."""
    async with two(url, linked=False) as w:
        ids = [w.a.create(**{**START, "y": str(number)}) for number in range(RECORDS)]
        await w.g.settle()
        w.b.writes.clear()
        calls = _break(w, error)
        for turn in range(3):
            for thing_id in ids:
                w.a.edit(thing_id, x=str(turn + 1))
            await w.bring(w.a)
            for _ in range(OUTAGE_S // TURN_S // 3):
                await work(w.g)
                w.g.clock.advance(TURN_S)
        lanes = await w.g.lanes()
        assert {lane.tries for lane in lanes} == {0}, "an outage used up tries"
        assert await w.g.cases() == [], "a person was asked because of an outage"
        assert len(calls) <= most, f"{len(calls)} calls to a system that does not work"
        _mend(w)
        for _ in range(60):
            await work(w.g)
            w.g.clock.advance(TURN_S)
        await w.g.settle()
        for thing in w.b.things.values():
            written = [values["x"] for thing_id, values in w.b.writes if thing_id == thing.id]
            assert written == ["1", "2", "3"], f"{thing.id} was written {written}"


def _break(w: Two, error: DeliveryError) -> list[str]:
    calls: list[str] = []

    async def fail(*given: Any, **named: Any) -> Any:
        calls.append("call")
        raise error

    w.b.apply, w.b.read = fail, fail
    return calls


def _mend(w: Two) -> None:
    del w.b.apply, w.b.read  # the class's own are there again


async def down(url: str) -> None:
    await wait_out(url, Retryable("connection refused", down=True), most=RECORDS + 30)


async def throttled(url: str) -> None:
    await wait_out(url, Throttled("too many requests", status=429, retry_after_s=60), most=RECORDS + 12)


async def credentials_dead(url: str) -> None:
    await wait_out(url, CredentialsError("401", status=401), most=RECORDS + 30)


async def told_when_to_come_back(url: str) -> None:
    """Retry-After is kept to the second."""
    async with two(url) as w:
        calls = _break(w, Throttled("too many requests", status=429, retry_after_s=60))
        w.edit_a(x="1")
        await w.bring(w.a)
        await work(w.g)
        assert len(calls) == 1
        _mend(w)
        w.g.clock.advance(59)
        await work(w.g)
        assert w.b.writes == []
        w.g.clock.advance(1.01)
        await work(w.g)
        assert [values for _, values in w.b.writes] == [{"x": "1"}]


async def only_this_record_fails(url: str) -> None:
    """What fails for one record alone while the others succeed does use up its tries, and ends as a case."""
    async with two(url, linked=False) as w:
        ids = [w.a.create(**{**START, "y": str(number)}) for number in range(3)]
        await w.g.settle()
        sick = next(thing.id for thing in w.b.things.values() if thing.raw["y"] == "0")

        def answer(write: Any) -> None:
            if write.ref is not None and write.ref.id == sick:
                raise Retryable("an error of this record", status=500)

        w.b.answer = answer
        for turn in range(30):
            for thing in ids:
                w.a.edit(thing, x=f"{turn}")
            await w.bring(w.a)
            await work(w.g)
            w.g.clock.advance(400)
        (case,) = await w.g.cases()
        assert (case.object_id, case.cause) == (sick, "tries.exhausted")


CHECKS = {
    "BREAKER": down,
    "FREE OUTAGE": down,
    "FREE CREDENTIALS": credentials_dead,
    "FREE THROTTLE": throttled,
}


@pytest.mark.parametrize("check", [down, throttled, credentials_dead, told_when_to_come_back, only_this_record_fails])
async def test_holds(check: Any, store_url: str) -> None:
    await check(store_url)


@pytest.mark.parametrize("mechanism", CHECKS)
async def test_is_broken_without(mechanism: str, embedded_url: str) -> None:
    await rejects(CHECKS[mechanism], mechanism, embedded_url)
