"""What may go wrong around the records of a schedule: systems, credentials, clocks, workers, the stream, the database;
and the sweeps that run in between. Every operation is of small effect, can be printed, and can be left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from connectors.contract.errors import StorageError
from connectors.contract.values import Change
from gateway.app.consume import Consumer
from gateway.delivery.breaker import Gate, GateState
from gateway.streams.port import Stream
from gateway.sweeps.book import Book, ask
from gateway.sweeps.ids import IdSweep
from gateway.sweeps.readback import Readback
from gateway.sweeps.sweeper import Kind, Sweeper
from gateway.sync import retention
from gateway.sync.state import LaneState
from tests.promises.simulated import Watch
from tests.promises.stream import Log
from tests.promises.weather import TROUBLES

if TYPE_CHECKING:
    from tests.promises.direct import DirectDatabase
    from tests.promises.story import Op, Story

Act = Callable[..., Awaitable[None]]
DAY_S = 86_400.0
LEASE_S, TIMEOUT_S = 30.0, 5.0
JUMPS_S = (-3600, -600, -5, 5, 600, 3600)
FAULTS = ("away", "full", "torn", "lost")
OUTAGES_S = (20, 300, 3600)
LONGEST_OUTAGE = 150
"""Rounds of work in one outage: by then a gateway that asks too often has been seen to."""
SWEEPS = ("ids", "readback")


class Troubles:
    """The troubles of one story."""

    def __init__(self, told: Story, database: DirectDatabase, watches: dict[str, Watch]) -> None:
        self.told, self.database, self.watches = told, database, watches
        self.wrong_clocks = False
        """Whether any clock was ever wrong: then times tell a judge nothing."""
        consumers = {worker: Consumer(decider) for worker, decider in told.deciders.items()}
        self.log = Log(told.truth, consumers)
        self.ops: dict[str, Act] = {
            "trouble": self._trouble,
            "mend": self._mend,
            "outage": self._outage,
            "slow": self._slow,
            "freeze": self._freeze,
            "jump": self._jump,
            "skew": self._skew,
            "kill": self._kill,
            "stop": self._stop,
            "acknowledge": self._acknowledge,
            "rebalance": self._rebalance,
            "zombie": self._zombie,
            "database": self._database,
            "intake": self._intake,
            "sweep": self._sweep,
            "forget": self._forget,
        }

    def chances(self) -> list[tuple[float, Op]]:
        """What could go wrong now, with weights; all of it together is about as likely as one edit."""
        out: list[tuple[float, Op]] = [(0.3, ("acknowledge",)), (0.6, ("rebalance",)), (0.3, ("zombie",))]
        out += [(0.3, ("stop", "one")), (0.5, ("kill", "one")), (0.3, ("kill", "two")), (0.3, ("intake",))]
        out += [(0.3, ("forget",))]
        out += [(0.1, ("jump", str(by))) for by in JUMPS_S] + [(0.1, ("skew", "two", str(by))) for by in JUMPS_S]
        out += [(0.2, ("database", fault, number)) for fault in FAULTS for number in (1, 3)]
        for name, system in self.told.systems.items():
            if system.weather.trouble:
                out.append((3, ("mend", name)))
            else:
                out += [(0.15, ("trouble", name, kind)) for kind in TROUBLES]
            out += [(0.03, ("outage", name, kind, long)) for kind in TROUBLES for long in OUTAGES_S]
            out += [(0.3, ("sweep", name, kind)) for kind in SWEEPS if system.probes]
        for key, task in self.told.tasks.items():
            if task in self.told.pace.waiting:
                out.append((0.5, ("slow", *key, "gone")))
                if "late" in self.told.setting.feats:
                    out.append((0.5, ("slow", *key, "lands")))
                if self.told.pace.waiting[task][0] == "send" and key[2] == "one":
                    out.append((10, ("freeze", *key[:2])))
        return out

    @property
    def clocks_differ(self) -> bool:
        """Whether the workers go by different times now."""
        return len({watch.wrong_by_s for watch in self.watches.values()}) > 1

    # ---- gates ----
    def may_begin(self, name: str, worker: str) -> bool:
        """Whether the gate of a worker would let a lane through; asking changes nothing."""
        gate = self.told.runners[(name, worker)].gate
        return gate.state is GateState.CLOSED or gate.wait_s() <= 0

    def admits(self, name: str, worker: str) -> bool:
        return self.told.runners[(name, worker)].gate.admits()

    # ---- systems ----
    async def _trouble(self, name: str, kind: str) -> None:
        self.told.systems[name].weather.begin(kind)

    async def _mend(self, name: str) -> None:
        self.told.systems[name].weather.end()

    async def _outage(self, name: str, kind: str, long: int) -> None:
        """A system is in trouble for long, and the dispatcher goes on meanwhile."""
        system, clock = self.told.systems[name], self.told.bench.clock
        system.weather.begin(kind)
        began = self.told.bench.clock.monotonic()
        for _ in range(LONGEST_OUTAGE):
            if clock.monotonic() >= began + long:
                break
            await self._turn(name)
            if system.weather.too_many(clock.monotonic() - began):
                self.told.truth.flag("P10", f"{name} was asked {system.weather.asked} times while it was {kind}")
                break
        await self.look()
        system.weather.end()

    async def _turn(self, name: str) -> None:
        """Works what is due at one system, then lets time pass until something is."""
        clock, runner = self.told.bench.clock, self.told.runners[(name, "one")]
        at_work = self.told.at_work()
        mine = [
            lane
            for lane in await self.told.view.lanes()
            if lane.connection == name and lane.has_work and (lane.record, name) not in at_work
        ]
        for lane in mine:
            if lane.next_try_at <= clock.now() and runner.gate.admits():
                try:
                    await runner.run(lane.record)
                except StorageError:
                    pass
                finally:
                    runner.gate.released()
        waits = [max(lane.next_try_at - clock.now(), runner.gate.wait_s()) for lane in mine]
        await self._pass(max(0.5, min(waits, default=5.0)))

    async def _pass(self, seconds: float) -> None:
        await self.told.pass_time(self.told.bench.clock.now() + seconds)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.told.settle_ended()

    async def _slow(self, record: int, name: str, worker: str, how: str) -> None:
        """A call takes longer than we wait for it. What else is under way lands in that time as in any other."""
        key = (record, name, worker)
        task = self.told.tasks.get(key)
        if task is None or task not in self.told.pace.waiting:
            return
        system = self.told.systems[name]
        system.cut = how if self.told.pace.waiting[task][0] == "apply" else ""
        await self.told.pass_time(self.told.bench.clock.now() + LEASE_S * 0.8 + 0.1)
        await self.told.pace.until_it_waits_again(task)
        system.cut = ""
        self.told.settle_ended()

    async def _freeze(self, record: int, name: str) -> None:
        """A worker is stopped before its request leaves, for longer than its lease, and another one takes over. When it
        goes on it can know how long that was: what it sends then is excused by nothing.
        """
        task = self.told.tasks.get((record, name, "one"))
        if task is None or self.told.pace.waiting.get(task, ("",))[0] != "send":
            return
        await self._pass(LEASE_S + 1.0)
        await self.told.do(("begin", record, name, "two"))

    # ---- clocks ----
    async def _jump(self, by: str) -> None:
        """The clock of the machine is set: every worker's."""
        self.wrong_clocks = True
        for watch in self.watches.values():
            watch.wrong_by_s += float(by)

    async def _skew(self, worker: str, by: str) -> None:
        """One worker's clock is wrong."""
        self.wrong_clocks = True
        self.watches[worker].wrong_by_s = self.watches["one"].wrong_by_s + float(by)

    # ---- workers and the stream ----
    async def _kill(self, worker: str) -> None:
        """A worker dies; others live on, so its leases run out by themselves."""
        await self.told.kill((worker,))
        await self.again("two" if worker == "one" else "one")

    async def _stop(self, worker: str) -> None:
        """A graceful stop: what is under way concludes."""
        for key in [key for key in self.told.tasks if key[2] == worker]:
            for _ in range(20):
                if key not in self.told.tasks:
                    break
                await self.told.go_on(key)
        await self.told.kill((worker,))
        await self.again("one")

    def restart(self, workers: Sequence[str]) -> None:
        """A new process begins with open gates, and with a database that is there."""
        self.database.faults.clear()
        for (_, worker), runner in self.told.runners.items():
            if worker in workers:
                runner.gate = Gate(self.watches[worker])

    async def again(self, worker: str) -> None:
        """A worker reads the partition anew."""
        self.log.again()
        await self.deliver(worker)

    async def _acknowledge(self) -> None:
        self.log.acknowledge()

    async def _rebalance(self) -> None:
        await self.again("two")

    async def _zombie(self) -> None:
        """Two workers have the same partition for a moment."""
        self.log.again()
        batch = list(self.log.waiting)
        await asyncio.gather(*(each.handle(batch) for each in self.log.consumers.values()), return_exceptions=True)
        await self.deliver("one")

    async def take_in(self, changes: Sequence[Change]) -> None:
        """Intake and consumer. A webhook that was not answered with yes is sent again later."""
        self.told.network += await self.log.accept(changes)
        await asyncio.sleep(0)
        await self.deliver("one")

    async def deliver(self, worker: str) -> None:
        """Hands over what waits in the stream, and looks at objects nobody knew."""
        if not await self.log.hand_over(worker):
            return
        decider = self.told.deciders[worker]
        if decider.unrouted.is_set():
            decider.unrouted.clear()
            try:
                await self.told.bench.scout.once()
            except StorageError:
                decider.unrouted.set()

    async def _intake(self) -> None:
        self.log.refuses = 1

    async def _database(self, fault: str, number: int) -> None:
        self.database.faults.extend([fault] * number)

    # ---- sweeps ----
    def _kind(self, name: str, kind: str) -> Kind:
        told = self.told
        system, bench, stream = told.systems[name], told.bench, cast(Stream, self.log)
        if kind == "ids":
            return IdSweep(name, ["thing"], system, stream, bench.database, bench.clock, DAY_S)
        return Readback(name, ["thing"], system, bench.decider, stream, bench.database, bench.clock, 0.01)

    async def _sweep(self, name: str, kind: str) -> None:
        """One whole round, as a person asks for it."""
        bench = self.told.bench
        gate = self.told.runners[(name, "one")].gate
        sweeper = Sweeper(name, [self._kind(name, kind)], Book(bench.database, bench.clock, "one"), gate)
        try:
            await ask(bench.database, name, [kind], {"by": "nadia"}, now=bench.clock.now())
            await sweeper.once()
        except StorageError:
            return
        await self.deliver("one")

    async def _forget(self) -> None:
        """A hundred days pass in the journal: the old is deleted, except what something waits for (P7)."""
        before = await self._guarded()
        self.forgot = True  # even if it fails: a commit that is answered by an error may be durable
        age: dict[str, Any] = {"journal_s": -1.0, "receipts_s": -1.0, "cases_s": DAY_S, "audit_s": -1.0}
        try:
            await retention.sweep(self.told.bench.database, **age, now=self.told.bench.clock.now())
        except StorageError:
            return
        gone = before - {notice.id for notice in await self.told.bench.notices()}
        if gone:
            self.told.truth.flag("P7", f"receipts that something waits for are gone: {sorted(gone)}")

    forgot = False
    """Whether the journal was ever shortened."""

    async def _guarded(self) -> set[str]:
        busy = {
            lane.record
            for lane in await self.told.view.lanes()
            if lane.has_work or lane.owner or lane.state is not LaneState.IDLE
        }
        busy |= {case.record for case in await self.told.view.cases()}
        return {notice.id for notice in await self.told.bench.notices() if notice.record in busy}

    # ---- looking ----
    async def look(self) -> None:
        """P10 and P3 at every moment: no lane counted what was not its own, no gate is shut for one record's sake."""
        self.told.settle_ended()
        own = {name: system.weather for name, system in self.told.systems.items()}
        for lane in await self.told.view.lanes():
            if lane.tries > own[lane.connection].own["tries"]:
                self.told.truth.flag("P10", f"{lane.connection} counts {lane.tries} tries that were not the record's")
        for (name, worker), runner in self.told.runners.items():
            if runner.gate.state is GateState.CREDENTIALS and "credentials" not in own[name].seen:
                self.told.truth.flag("P3", f"{name} is shut for all lanes of {worker}, and its credentials are good")

    async def end(self) -> None:
        """All is well again, and stays so."""
        self.database.faults.clear()
        self.log.refuses = 0
        for system in self.told.systems.values():
            system.weather.end()
        self.watches["two"].wrong_by_s = self.watches["one"].wrong_by_s
        await self.again("one")
