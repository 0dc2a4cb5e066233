"""One schedule under way: every operation that people, the network, lanes, crashes and operators can do.

An operation is a small tuple, so that it can be printed, replayed and left out. One that has become meaningless (its
object or lane is not there any more) does nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import update

from connectors.contract.errors import StorageError
from connectors.contract.values import Change
from dead_letter import actions
from gateway.app.recover import recover
from gateway.delivery.runner import Runner
from gateway.sync import tables as t
from gateway.sync.attempts import Attempt, Conclusion
from gateway.sync.cache import Cache
from gateway.sync.decider import Decider
from gateway.sync.lane_port import Lanes
from gateway.sync.state import Lane
from gateway.sync.steps import Job
from tests.promises.eager import Eager
from tests.promises.ghost import VERSION, Edit, Pace, Traced, Truth
from tests.promises.settings import Setting, start_of
from tests.promises.troubles import Troubles
from tests.promises.view import View
from tests.support.gateway import Bench

TICK_S = 0.1
SETTLES_S = 4.0
MOVES = {"new": ["doing"], "doing": ["reviewing", "new"], "reviewing": ["done", "doing"], "done": ["doing"]}
STATES = ("new", "doing", "reviewing", "done")
Op = tuple[Any, ...]


class TracingRunner(Runner):
    """Notes which decisions an attempt carries. With a `pace` it stops once the attempt is durable, before it sends."""

    __slots__ = ("pace", "truth")
    truth: Truth
    pace: Pace | None

    async def _attempt(self, attempt: Attempt) -> Conclusion:
        if self.pace is not None:
            await self.pace.pause("send")
        return await super()._attempt(attempt)

    def _write(self, attempt: Attempt) -> Any:
        self.truth.attempts[attempt.id] = attempt
        return super()._write(attempt)


@dataclass
class Story:
    """One schedule under way."""

    setting: Setting
    bench: Bench
    truth: Truth
    pace: Pace
    systems: dict[str, Traced]
    runners: dict[tuple[str, str], TracingRunner]
    deciders: dict[str, Decider]
    """Worker -> its way into the database, with what it remembers."""
    view: View
    network: list[Change] = field(default_factory=list)
    """Webhooks and polled rows on their way."""
    tasks: dict[tuple[int, str, str], asyncio.Task[Any]] = field(default_factory=dict)
    """(number of the record, system, worker) -> a lane at work."""
    stolen: set[asyncio.Task[Any]] = field(default_factory=set)
    ids: dict[int, str] = field(default_factory=dict)
    """Number of a record -> its id, of those that were worked."""
    eager: Eager | None = None
    troubles: Troubles | None = None
    before: set[tuple[str, str]] = field(default_factory=set)
    """(system, delivery key) of what was taken in before the schedule began."""

    # ---- doing ----
    async def do(self, op: Op) -> None:
        self.bench.clock.advance(TICK_S)
        if self.troubles is not None and op[0] in self.troubles.ops:
            await self.troubles.ops[op[0]](*op[1:])
        else:
            await getattr(self, f"_{op[0]}")(*op[1:])
        if self.eager is not None:
            await self.eager.go_to_work()
        self.gather()
        if self.troubles is not None:
            await self.troubles.look()

    def begin_at_once(self) -> None:
        """From now on a decision that makes a lane due begins it, where nobody works it."""
        self.bench.decider.starter = self.eager = Eager(self)

    def at_work(self) -> set[tuple[str, str]]:
        """(record, system) of the lanes at work, whoever works them."""
        return {(self.ids[number], name) for number, name, _ in self.tasks}

    def gather(self) -> None:
        for system in self.systems.values():
            self.network += system.take()

    async def _edit(self, name: str, thing_id: str, each: str, mode: str) -> None:
        system = self.systems[name]
        thing = system.things.get(thing_id)
        if thing is None or not thing.exists or len(self.truth.edits) >= self.setting.edits:
            return
        value = self._value(system, thing, each, mode)
        if value is not None:
            system.typed(thing_id, each, value)

    def _value(self, system: Traced, thing: Any, each: str, mode: str) -> Any:
        number, shown = len(self.truth.edits) + 1, thing.raw.get(each)
        if each == "tags":
            return self._tags(list(shown or ()), number, mode)
        if each == "status":
            at = STATES.index(shown) if shown in STATES else 0
            return STATES[(at + (1 if mode == "new" else 2)) % 4]
        if mode == "back":
            older = [entry.after[each] for entry in thing.history if each in entry.after and entry.after[each] != shown]
            return older[-1] if older else None
        return f"{chr(64 + number)}{number}Tail{number}" if "lossy" in self.setting.feats else f"{number}7"

    def _tags(self, shown: list[str], number: int, mode: str) -> list[str] | None:
        if mode == "new":
            self.truth.added.add(f"t{number}")
            return sorted([*shown, f"t{number}"])
        victim = f"p{number % 4}"
        if victim not in shown:
            return None
        self.truth.removed.add(victim)
        return [tag for tag in shown if tag != victim]

    async def _poll(self, name: str, thing_id: str) -> None:
        if thing_id in self.systems[name].things and self.systems[name].probes:
            self.network.append(self.systems[name].poll(thing_id))

    async def _comment(self, name: str, thing_id: str) -> None:
        if thing_id in self.systems[name].things:
            self.truth.comments += 1
            self.systems[name].comment(thing_id, f"k{self.truth.comments}")

    async def _leave(self, name: str, thing_id: str) -> None:
        thing = self.systems[name].things.get(thing_id)
        if thing is not None and not self.truth.departed:
            self.truth.departed = thing_id
            self.systems[name].edit(thing_id, active=False)

    async def _create(self, name: str) -> None:
        system = self.systems[name]
        if self.truth.departed or system.things:
            return
        token = len(self.truth.edits) + 1
        value = system.normalise("x", f"{token}7")
        now = self.bench.clock.now()
        edit = self.truth.edits[token] = Edit(name, "", "x", value, now, 1, False)
        edit.thing = system.born({"x": token}, **{**start_of(self.setting), "x": value})

    def _find(self, key: str) -> Change | None:
        return next((c for c in self.network if f"{c.connection}/{c.delivery_key}" == key), None)

    async def _hook(self, key: str, *, keep: bool = False) -> None:
        change = self._find(key)
        if change is None:
            return
        if not keep:
            self.network.remove(change)
        await self.bring([change])

    async def _twice(self, key: str) -> None:
        await self._hook(key, keep=True)

    async def _lose(self, key: str) -> None:
        change = self._find(key)
        if change is not None and change.via == "webhook":
            self.network.remove(change)

    async def _flood(self) -> None:
        changes, self.network = self.network[::-1], []
        await self.bring(changes)

    async def bring(self, changes: Sequence[Change]) -> None:
        """The stream hands these over; what it takes long to bring was received when it was sent."""
        for change in changes:
            if change.via == "webhook" and VERSION in change.snapshot.raw:
                self.truth.brought.add((change.connection, change.snapshot.id, change.snapshot.raw[VERSION]))
        now = self.bench.clock.now()
        fresh = [c if c.via == "poll" else msgspec.structs.replace(c, received_at=now) for c in changes]
        if self.troubles is None:
            await self.bench.bring(fresh)
        else:
            await self.troubles.take_in(fresh)

    async def _begin(self, record: int, name: str, worker: str) -> None:
        ids = list(await self.view.order())
        key = (record, name, worker)
        if record >= len(ids) or key in self.tasks:
            return
        lanes = await self.view.lanes()
        lane = next((lane for lane in lanes if (lane.record, lane.connection) == (ids[record], name)), None)
        if lane is None or (self.troubles is not None and not self.troubles.admits(name, worker)):
            return
        if lane.next_try_at > self.bench.clock.now() and not lane.deferred and self.troubles is None:
            await self.pass_time(lane.next_try_at)
        await self.work(ids[record], name, worker)
        await self._robbed((record, name, "one"), lane)

    async def _robbed(self, key: tuple[int, str, str], before: Lane) -> None:
        """A worker whose clock differs took the lane of one that still had it. Where the store has no clock that counts
        for both, nothing tells them; what the first one sends then is late.
        """
        if key not in self.tasks or self.troubles is None or not self.troubles.clocks_differ:
            return
        lanes = await self.view.lanes()
        if any(
            (lane.record, lane.connection) == (before.record, before.connection)
            and lane.fence > before.fence
            and lane.owner != "one"
            for lane in lanes
        ):
            self.stolen.add(self.tasks[key])

    async def work(self, record: str, name: str, worker: str, job: Job | None = None) -> None:
        """Works a lane until it waits for its system; `job`: what it was claimed for already."""
        number = (await self.view.order())[record]
        key = (number, name, worker)
        task = asyncio.create_task(self.runners[(name, worker)].run(record, job))
        self.tasks[key], self.ids[number] = task, record
        self.pace.follow(task)
        await self.pace.until_it_waits(task)
        self._ended(key)

    async def _go(self, record: int, name: str, worker: str, verdict: str) -> None:
        key = (record, name, worker)
        task = self.tasks.get(key)
        if task is None or task not in self.pace.waiting:
            return
        where = self.pace.waiting[task][0]
        if where == "apply" and verdict in ("ok", "lost"):
            if task in self.stolen:  # no worker can take back what another one has under way: the ledger tells of it
                verdict = "stale"
            else:
                await self._parked_values(record, name)
        await self.pace.go(task, verdict)
        self._ended(key)

    async def go_on(self, key: tuple[int, str, str]) -> None:
        """The next answer of a lane at work is good; one that pauses before the database is waited for."""
        task = self.tasks[key]
        if task in self.pace.waiting:
            await self._go(*key, "ok")
        else:
            await self.pace.until_it_waits(task)
            self._ended(key)

    async def _parked_values(self, record: int, name: str) -> None:
        """Nobody writes over a value that waits for a person's choice."""
        state = (await self.view.records())[record]
        lane = next(lane for lane in await self.view.lanes() if (lane.record, lane.connection) == (state.id, name))
        attempt = self.truth.attempts.get(lane.attempt)
        for each in attempt.fields if attempt else ():
            shadow = state.members[name].shadow.get(each)
            if shadow is not None and shadow.held.startswith("conflict:"):
                self.truth.flag("P4", f"{name}.{each}: a value parked in a conflict is written over")

    def _ended(self, key: tuple[Any, ...]) -> None:
        task = self.tasks[key]
        if not task.done():
            return
        del self.tasks[key]
        self.stolen.discard(task)
        self.runners[key[1:]].gate.released()
        error = None if task.cancelled() else task.exception()
        if error is not None and not (self.troubles is not None and isinstance(error, StorageError)):
            self.truth.flag("DEFECT", repr(error))

    def settle_ended(self) -> None:
        """Tasks that came to an end without being asked to: a time-out, a pause that was over."""
        for key in list(self.tasks):
            self._ended(key)

    async def _steal(self, record: int, name: str) -> None:
        """A worker is paused for longer than its lease, and another one takes the lane over."""
        task = self.tasks.get((record, name, "one"))
        if task is None or (record, name, "two") in self.tasks:
            return
        here = (
            t.lane.c.record == list(await self.view.order())[record],
            t.lane.c.connection == name,
            t.lane.c.owner != "",
        )
        if self.troubles is not None:
            self.troubles.database.faults.clear()
        async with self.bench.database.begin() as tx:
            await tx.execute(update(t.lane).where(*here).values(lease_until=0.0))
        self.forget()
        self.stolen.add(task)
        await self._begin(record, name, "two")

    async def _crash(self) -> None:
        """The process dies and comes back: whatever was under way is forgotten, every lease is a dead one's."""
        await self.kill(tuple(self.deciders))
        await recover(self.bench.database)
        if self.troubles is not None:
            await self.troubles.again("one")

    async def kill(self, workers: Sequence[str]) -> None:
        """The tasks of these workers end where they are, and their memory is gone."""
        doomed = {key: task for key, task in self.tasks.items() if key[2] in workers}
        for key, task in doomed.items():
            task.cancel()
            del self.tasks[key]
            self.stolen.discard(task)
        await asyncio.gather(*doomed.values(), return_exceptions=True)
        if self.eager is not None and "one" in workers:
            self.eager.begun.clear()
        if self.troubles is not None:
            self.troubles.restart(workers)
        self.forget()

    def forget(self) -> None:
        """Another process has nothing in memory."""
        for decider in self.deciders.values():
            decider.cache = Cache()

    async def _land(self, name: str) -> None:
        system = self.systems[name]
        if system.landing:
            _, write = system.landing.pop(0)
            system.arrive_late(write)

    async def _wait(self) -> None:
        waiting = [lane.next_try_at for lane in await self.view.lanes() if lane.has_work]
        due = [at for at in waiting if at > self.bench.clock.now()]
        if due:
            await self.pass_time(min(due))

    async def pass_time(self, until: float) -> None:
        """Late requests land within twice the settling time, and a poll sees what they did before their memory ends.
        `until` is by the clock of worker "one", which may be wrong; requests land by the time of the world.
        """
        passing = max(0.0, until - self.bench.clock.now()) + 0.001
        for system in self.systems.values():
            for write in system.late_ones(system.clock.now() + passing):
                system.arrive_late(write)
            for thing_id in sorted(system.landed):
                await self.bring([system.poll(thing_id)])
            system.landed.clear()
        self.bench.clock.advance(passing)

    async def _operator(self, connection: str, cls: str, verb: str) -> None:
        mine = [case for case in await self.view.cases() if (str(case.cls), case.connection) == (cls, connection)]
        case = mine[0] if mine else None
        if case is None:
            return
        now = self.bench.clock.now()
        offered = {str(a.name): a for a in actions.actions_for(case, now=now) if a.allowed}
        if verb not in offered:
            return
        if verb == "declare_applied" and not self._really(case):
            verb = "declare_not_applied"
            if verb not in offered:
                return
        with suppress(StorageError):  # a person sees it, and looks again
            await self._decide(case, verb, now)

    async def _decide(self, case: Any, verb: str, now: float) -> None:
        topology = self.bench.decider.topology
        async with self.bench.database.begin() as tx:
            lanes = Lanes(tx, topology, now=now, actor="nadia")
            choice = case.connection if verb == "resolve" else None
            await actions.decide(
                tx,
                case.number,
                verb,
                actor="nadia",
                reason="because",
                proof="seen",
                expected_version=case.version,
                choice=choice,
                lanes=lanes,
                now=now,
            )

    def _really(self, case: Any) -> bool:
        """What a person sees who looks into the target."""
        attempt = self.truth.attempts.get(str(case.evidence.get("attempt", "")))
        return attempt is not None and any(
            sent.fver is not None and self.truth.applied.get((case.object_id, name)) == (sent.fver, True)
            for name, sent in attempt.fields.items()
        )
