"""What `make scale` concludes from its readings, and that its balancer gives no webhook up."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
from rich.console import Console

from benchmarks.load import Percentiles
from benchmarks.scale import LEAST_WARM, orders, parse
from benchmarks.scale_doors import Doors
from benchmarks.scale_fit import Bytes, Line, foretold, in_tables, of_all, of_workers, ratio, spread_at, stored
from benchmarks.scale_meter import BROKER, DATABASE, WORKERS, Rates, Reading, Spent
from benchmarks.scale_report import as_json, points, ratios, tell
from benchmarks.scale_run import Asked, Outcome, Steady
from benchmarks.scale_scene import STEPS, Order, Step
from benchmarks.scale_store import Held, Size
from benchmarks.verify import Verdict
from benchmarks.wire import request_bytes

GOOD = Verdict(records=9, lost=0, duplicates=0, order_violations=0, coalesced=0)
WAITS = Percentiles(1.0, 2.0, 3.0)
RATE = 32.0
CREATE, UPDATE = 500, 200
EMPTY = 8192


def _held(creates: int, updates: int) -> Held:
    rows = EMPTY + CREATE * creates + UPDATE * updates
    log = 10 * (creates + updates)
    return Held(tables={"notice": Size(rows, 0), "cases": Size(0, EMPTY)}, log_bytes=log, wal_bytes=0, statements={})


def _steady(cpu_us: float, *, warm: int = 100, creates: int = 30, updates: int = 70) -> Steady:
    parts = {WORKERS: cpu_us, DATABASE: 10.0, BROKER: 1.0}
    return Steady(
        changes=creates + updates,
        creates=creates,
        seconds=10.0,
        idle=Rates(dict.fromkeys(parts, 0.01)),
        spent=Spent(parts, parts),
        asked=Asked(2.0, 20.0, 1.0, 0.0, 0.0, 9000.0),
        to_target_ms=WAITS,
        connections=8,
        memory_mb=[150.0],
        fresh=_held(0, 0),
        created=_held(warm, 0),
        held=_held(warm + creates, updates),
    )


def _outcome(order: Order, steady: Steady | None, verdict: Verdict = GOOD, *, cases: int = 0) -> Outcome:
    return Outcome(
        order=order,
        partitions=[8],
        steady=steady,
        steps=[] if steady else [Step(name, 1, WAITS) for name in STEPS],
        changes=200,
        resent=0,
        repeated=0,
        refused_writes=0,
        cases=cases,
        defects=0,
        verdict=verdict,
    )


def _rounds(*factors: float) -> list[list[Outcome]]:
    """One round per factor: four workers cost that many times what one does, whose own cost drifts."""
    found = []
    for number, factor in enumerate(factors):
        played = []
        for workers, rate in points(RATE):
            cost = 1000.0 * (number + 1) * (factor if workers == 4 else 1.0)
            played.append(_outcome(Order(workers=workers, rate=rate, warm=100), _steady(cost)))
        found.append([*played, _outcome(Order(workers=1, rate=RATE), None)])
    return found


def test_what_processes_use_anyway_is_taken_off_in_proportion_to_time() -> None:
    idle = Rates.between(
        Reading(0.0, {WORKERS: 1.0, DATABASE: 0.0, BROKER: 0.0}),
        Reading(10.0, {WORKERS: 2.0, DATABASE: 0.5, BROKER: 0.0}),
    )
    before = Reading(10.0, {WORKERS: 2.0, DATABASE: 0.5, BROKER: 0.0})
    after = Reading(30.0, {WORKERS: 6.0, DATABASE: 2.5, BROKER: 1.0})
    spent = Spent.on(1000, before, after, idle)
    assert spent.total == pytest.approx({WORKERS: 4000.0, DATABASE: 2000.0, BROKER: 1000.0})
    assert spent.net == pytest.approx({WORKERS: 2000.0, DATABASE: 1000.0, BROKER: 1000.0})


def test_ratios_are_taken_within_a_round() -> None:
    # The machine became slower from round to round: medians of both sides first would say 2.2.
    rounds = _rounds(1.1, 1.0, 1.2)
    found = ratio(rounds, (4, RATE), (1, RATE), of_workers)
    assert (found.least, found.median, found.most) == pytest.approx((1.0, 1.1, 1.2))
    assert spread_at(rounds, (1, RATE), of_workers).median == 2000.0
    assert ratios(rounds, RATE)["4 for 1 worker, 16/s each"]["workers"].median == pytest.approx(1.1)
    assert of_all(_steady(100.0)) == 111.0


def test_bytes_of_creates_and_of_updates_are_told_apart() -> None:
    outcome = _outcome(Order(workers=1, rate=RATE, warm=100), _steady(1.0))
    found = stored(outcome)
    assert found["notice"] == Bytes(CREATE, UPDATE)
    assert found["(log of the broker)"] == Bytes(10.0, 10.0)
    assert in_tables(found) == Bytes(CREATE, UPDATE)
    larger = _outcome(Order(workers=4, rate=RATE, warm=100), _steady(1.0, creates=300, updates=700))
    assert foretold(in_tables(found), larger) == pytest.approx(1.0)
    assert foretold(Bytes(2 * CREATE, 2 * UPDATE), larger) == pytest.approx(2.0)


def test_a_line_goes_through_its_points() -> None:
    found = Line.through([(1.0, 5.0), (2.0, 7.0), (3.0, 9.0)])
    assert (found.fixed, found.slope) == pytest.approx((3.0, 2.0))
    assert Line.through([(2.0, 5.0), (2.0, 7.0)]) == Line(6.0, 0.0)


def test_commits_are_counted_apart_from_statements() -> None:
    calls = {"BEGIN": 5, "COMMIT": 3, "ROLLBACK": 2, "SELECT 1": 7, "INSERT INTO notice": 4}
    held = Held(tables={}, log_bytes=0, wal_bytes=0, statements=calls)
    assert (held.commits, held.calls) == (3, 11)


@pytest.mark.parametrize(
    ("verdict", "cases"),
    [
        (Verdict(records=9, lost=1, duplicates=0, order_violations=0, coalesced=0), 0),
        (Verdict(records=9, lost=0, duplicates=1, order_violations=0, coalesced=0), 0),
        (Verdict(records=9, lost=0, duplicates=0, order_violations=1, coalesced=0), 0),
        (Verdict(records=9, lost=0, duplicates=0, order_violations=0, coalesced=1), 0),
        (GOOD, 1),
    ],
)
def test_a_run_does_not_hold_when_a_change_had_no_effect_of_its_own(verdict: Verdict, cases: int) -> None:
    order = Order(workers=1, rate=RATE)
    assert _outcome(order, _steady(1.0)).holds
    assert not _outcome(order, _steady(1.0), verdict, cases=cases).holds


def test_every_round_plays_the_same_runs_and_begins_elsewhere() -> None:
    asked = parse(["--rate", "32"])
    played = [orders(asked, number) for number in range(3)]
    for each in played:
        assert {(order.workers, order.rate) for order, moving in each if not moving} == set(points(RATE))
        assert each[-1][1]
    assert len({(each[0][0].workers, each[0][0].rate) for each in played}) == 3
    assert len({each[0][0].seed for each in played}) == 3


def test_too_few_records_are_refused() -> None:
    with pytest.raises(SystemExit) as refused:
        parse(["--warm", str(LEAST_WARM - 1)])
    assert refused.value.code == 2


def test_the_result_can_be_read_by_programs_and_people() -> None:
    rounds = _rounds(1.0, 1.0)
    result = orjson.loads(orjson.dumps(as_json(rounds, RATE, 10.0)))
    assert {"figures", "ratios", "bytes", "foretold_size", "moves", "verdict", "machine", "runs"} <= result.keys()
    assert result["verdict"]["holds"] is True
    assert result["verdict"]["changes"] == 200 * len(rounds) * len(rounds[0])
    assert len(result["moves"]) == 2
    told = io.StringIO()
    tell(Console(file=told, width=250), rounds, RATE)
    assert "the 2nd was killed" in told.getvalue()


@asynccontextmanager
async def _worker(*, answers: bool) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that takes requests, and answers them or breaks off."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while body := (await reader.readuntil(b"\r\n\r\n")) and await reader.readexactly(1):
                seen.append(body)
                if not answers:
                    break
                writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


async def _sent(doors: Doors, body: bytes) -> int:
    answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    doors.send(request_bytes("127.0.0.1", "/hooks/src", {}, body), answered.set_result)
    return await answered


async def test_webhooks_go_to_the_workers_in_turn() -> None:
    async with _worker(answers=True) as (first, one), _worker(answers=True) as (second, other):
        doors = Doors()
        await doors.add(first, 2)
        await doors.add(second, 2)
        assert [await _sent(doors, b"x") for _ in range(6)] == [202] * 6
        assert (len(one), len(other)) == (3, 3)
        doors.close()


async def test_a_worker_that_breaks_off_counts_as_busy_and_another_takes_the_next() -> None:
    async with _worker(answers=False) as (broken, _), _worker(answers=True) as (sound, seen):
        doors = Doors()
        await doors.add(broken, 1)
        assert await _sent(doors, b"x") == 503  # it took the webhook, and nobody knows whether it kept it
        assert await _sent(doors, b"x") == 503  # its connection is gone
        await doors.add(sound, 1)
        doors.remove(broken)
        assert await _sent(doors, b"y") == 202
        assert seen == [b"y"]
        doors.close()
        assert await _sent(doors, b"z") == 503
