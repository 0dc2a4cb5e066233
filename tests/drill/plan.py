"""`python -m tests.drill.plan N`: how long a plan over N cases takes. The suite makes a small one of the same kind."""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import sys
import tempfile
import time
from typing import Any

from sqlalchemy import insert, select

from dead_letter.tables import cases
from gateway.sync import tables as t
from gateway.work import replays
from replay.values import Wish
from tests.support.replaying import NADIA, Stage, staged

BATCH = 2_000
ANYBODY = {"approve_above": 1_000_000}
"""Nobody has to approve it here."""


async def multiply(stage: Stage, count: int) -> None:
    """Copies the only record in trouble, with its lanes and its case, until there are `count` of them."""
    (case,) = await stage.trouble(1)
    async with stage.g.database.read() as tx:
        record = dict((await tx.execute(select(t.record))).mappings().one())
        lanes = [dict(row) for row in (await tx.execute(select(t.lane))).mappings()]
        stored = dict((await tx.execute(select(cases))).mappings().one())
    for start in range(1, count, BATCH):
        copies = range(start, min(count, start + BATCH))
        async with stage.g.database.begin("drill") as tx:
            await tx.execute(insert(t.record), [_record(record, case.record, n) for n in copies])
            await tx.execute(insert(t.lane), [{**lane, "record": _name(n)} for n in copies for lane in lanes])
            await tx.execute(insert(cases), [_case(stored, case.record, n) for n in copies])


def _name(n: int) -> str:
    return f"r{n:09}"


def _record(record: dict[str, Any], name: str, n: int) -> dict[str, Any]:
    doc = record["doc"].replace(name, _name(n)).replace('"x":{"now":{"value":"1"', f'"x":{{"now":{{"value":"{n % 7}"')
    return {**record, "id": _name(n), "doc": doc}


def _case(case: dict[str, Any], name: str, n: int) -> dict[str, Any]:
    copied = {key: value for key, value in case.items() if key != "number"}
    return {**copied, "key": case["key"].replace(name, _name(n)), "record": _name(n), "object_key": f"OPS-{n}"}


async def measured(stage: Stage, count: int) -> dict[str, Any]:
    """Seconds for selecting, planning, checking for what moved, and starting the run (which checks again)."""
    began = time.perf_counter()
    selected = await replays.select(stage.place, NADIA, Wish(cause="target.refused"))
    chosen, busy = time.perf_counter(), time.process_time()
    plan = await replays.plan(stage.place, NADIA, selected["selection"])
    planned, busy = time.perf_counter(), time.process_time() - busy
    moved = await replays.moved(stage.place, NADIA, plan["plan"])
    checked = time.perf_counter()
    run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
    started = time.perf_counter()
    assert run["count"] == plan["sends"] == sum(step["size"] for step in run["steps"])
    assert plan["count"] == count and plan["sends"] > 0.8 * count, plan["totals"]
    assert moved is not None and moved["moved"] == []
    return {
        "cases": count,
        "select_s": round(chosen - began, 2),
        "plan_s": round(planned - chosen, 2),
        "plan_cpu_s": round(busy, 2),
        "check_s": round(checked - planned, 2),
        "start_s": round(started - checked, 2),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


async def main(count: int, url: str) -> None:
    """Prints the figures. The collector is calmed as in a gateway (`gateway.app.run`)."""
    with tempfile.TemporaryDirectory() as folder:
        async with staged(url or f"sqlite+aiosqlite:///{folder}/store.db", settings=ANYBODY) as stage:
            await multiply(stage, count)
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            sys.stdout.write(f"{await measured(stage, count)}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.drill.plan", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--url", default="", help="an empty database; default: SQLite in a temporary folder")
    given = parser.parse_args()
    asyncio.run(main(given.count, given.url))
