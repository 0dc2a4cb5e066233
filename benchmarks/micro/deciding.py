"""`python -m benchmarks.micro.deciding [--together N]`: what the database and the rules cost for one change, no HTTP.

Runs the three transactions of a change (Tb decide, Ts start an attempt, Tc conclude) over batches, with the target's
answers made up on the spot. Prints processor time per change, median of the batches, database threads included.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from benchmarks.etag_system.connector import OBJECT, SPECS, to_snapshot
from benchmarks.loop import run
from benchmarks.mapped import load_pair
from benchmarks.micro.timing import show
from benchmarks.workload import Planned, Workload
from connectors.contract.clock import SystemClock
from connectors.contract.values import Change, ChangeKind, Receipt, Ref
from gateway.core.ids import new_id
from gateway.storage.database import Database
from gateway.storage.schema import PARTS
from gateway.sync.attempts import Attempt, Conclusion, Outcome
from gateway.sync.backoff import Backoff
from gateway.sync.batch import Batch, Decision, Topology
from gateway.sync.cache import Cache
from gateway.sync.flow import Flow, Member, Merge, Policy
from gateway.sync.steps import Job, Send, claim, conclude
from gateway.sync.unit import Arrival
from gateway.sync.worker import Worker

WORKER = Worker("bench", 60.0, 20.0, Backoff(random.Random(1)))


def topology() -> Topology:
    """One flow, source to target, as `benchmarks/config/lockstep.yaml` has it."""
    pair, spec = load_pair(), SPECS[OBJECT]
    members = {
        "src": Member("src", OBJECT, pair.source, spec, 1.0),
        "dst": Member("dst", OBJECT, pair.target, spec, 1.0),
    }
    default = Policy(Merge.LATEST, ("src", "dst"))
    flow = Flow("tickets", "bench_ticket", members, {}, default, frozenset({"dst"}), sets=frozenset({"tags"}))
    return Topology.of([flow])


@dataclass
class Deciding:
    """Plays the gateway and the target, and keeps the processor time of each transaction."""

    database: Database
    topology: Topology
    cache: Cache = field(default_factory=Cache)
    spent: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def carry(self, changes: list[Planned]) -> None:
        """Brings a batch of changes of different records all the way."""
        arrivals = [Arrival(new_id("n"), _change(change)) for change in changes]
        await self._commit("decide (Tb)", [Decision(arrival=arrival) for arrival in arrivals])
        records = [arrival.record or "" for arrival in arrivals]
        claims = [Decision(record=record, rule=lambda unit: claim(unit, "dst", WORKER)) for record in records]
        jobs = await self._commit("start (Ts)", claims)
        ends = [Decision(record=record, rule=self._end(job)) for record, job in zip(records, jobs, strict=True)]
        await self._commit("conclude (Tc)", ends)

    async def _commit(self, name: str, decisions: list[Decision]) -> list[Job]:
        begun = time.process_time()
        async with self.database.begin() as tx:
            batch = Batch(tx, self.topology, SystemClock().now(), self.cache)
            await batch.run(decisions)
        batch.keep()
        self.spent[name].append((time.process_time() - begun) / len(decisions))
        return [decision.result for decision in decisions]

    def _end(self, job: Job) -> Any:
        assert isinstance(job, Send), f"a write was due, not {job}"
        conclusion = Conclusion(Outcome.APPLIED, self._answer(job.attempt))
        return lambda unit: conclude(unit, "dst", WORKER, job.attempt, conclusion)

    def _answer(self, attempt: Attempt) -> Receipt:
        ticket = self.stored.setdefault(attempt.record, {"id": f"t-{attempt.record}", "version": 0, "fields": {}})
        ticket["version"] += 1
        ticket["updated_at"], ticket["marker"] = time.time(), attempt.correlation
        ticket["fields"] |= attempt.values
        snapshot = to_snapshot(orjson.loads(orjson.dumps(ticket)))
        return Receipt(ref=Ref(object=OBJECT, id=snapshot.id), version=snapshot.version, snapshot=snapshot)


def _change(planned: Planned) -> Change:
    event, now = orjson.loads(planned.stamped(1)), time.time()
    snapshot = to_snapshot(event["ticket"])
    return Change(
        connection="src",
        delivery_key=event["delivery"],
        kind=ChangeKind.SNAPSHOT,
        snapshot=snapshot,
        received_at=now,
        occurred_at=now,
    )


async def measure(together: int, batches: int) -> dict[str, float]:
    """Microseconds of processor time per change and transaction, for batches of `together` changes."""
    workload = Workload(together * batches, 1, together)
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        database = Database(f"sqlite+aiosqlite:///{Path(folder) / 'store.sqlite'}")
        async with database.begin() as tx:
            for part in PARTS:
                await tx.run_sync(part.create_all)
        deciding = Deciding(database, topology())
        await deciding.carry([workload.next_create() for _ in range(together)])
        deciding.spent.clear()
        for _ in range(batches):
            latest = {change.record: change for change in [workload.next() for _ in range(together)]}
            await deciding.carry(list(latest.values()))
        await database.close()
    figures = {name: statistics.median(spent) * 1e6 for name, spent in deciding.spent.items()}
    return {**figures, "all three": sum(figures.values())}


def main() -> None:
    """Prints the three transactions and their sum."""
    parser = argparse.ArgumentParser(prog="benchmarks.micro.deciding", description=__doc__)
    parser.add_argument("--together", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--changes", type=int, default=4096)
    given = parser.parse_args()
    for together in given.together:
        figures = run(measure(together, max(1, given.changes // together)))
        show(f"deciding, {together} changes a transaction", figures, unit="us of CPU a change", base="all three")


if __name__ == "__main__":
    main()
