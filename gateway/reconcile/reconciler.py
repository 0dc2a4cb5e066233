"""Works the runs that people asked for, one at a time and one step at a time, as a sweep of the whole gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from gateway.delivery.breaker import Gate
from gateway.reconcile import store
from gateway.reconcile.reading import Reader
from gateway.reconcile.repair import Repair
from gateway.reconcile.scan import Scan
from gateway.reconcile.values import Run, RunState
from gateway.streams.port import Stream
from gateway.sweeps.book import Cursor, Round
from gateway.sweeps.ids import Guard
from gateway.sweeps.sweeper import Step
from gateway.sync.decider import Decider

EVERY_S = 86400.0
"""Without being asked it only drops old plans."""


@dataclass(slots=True)
class Reconciler:
    """A kind of sweep. Where a run stands is stored with what its last step found, so a killed one goes on there."""

    decider: Decider
    connectors: Mapping[str, Connector]
    gates: Mapping[str, Gate]
    stream: Stream
    clock: Clock
    guards: Mapping[str, Guard]
    every_s: float = EVERY_S
    name: str = store.SWEEP

    async def step(self, round: Round, cursor: Cursor) -> Step:
        """One step of the oldest run that has something to do."""
        database = self.decider.database
        run = await store.next_run(database)
        if run is None:
            await store.forget(database, before=self.clock.now() - store.KEPT_S)
            return Step({"counts": {}}, done=True)
        if not self._configured(run):
            await store.turn(database, run.id, [run.state], RunState.STOPPED, now=self.clock.now())
            return Step(cursor)
        reader = Reader(self.connectors, self.gates, self.clock)
        least_s = await self._step(run, round, reader)
        rate = run.wish.rate
        paced_s = reader.requests * 60.0 / rate if rate else 0.0
        return Step(cursor, pause_s=max(least_s, paced_s))

    def _configured(self, run: Run) -> bool:
        """The flow and its members may have gone from the configuration since."""
        flow = self.decider.topology.flows.get(run.flow)
        return flow is not None and set(run.wish.connections) <= set(flow.members)

    async def _step(self, run: Run, round: Round, reader: Reader) -> float:
        database, topology = self.decider.database, self.decider.topology
        if run.state is RunState.PLANNING:
            await Scan(topology, database, self.clock, reader, self.guards).step(run, first_known=round.since)
            return 0.0
        repair = Repair(self.decider, self.stream, database, self.clock, reader)
        return await repair.step(run)
