"""One transaction of the sync core: routes notices, loads units, applies decisions in order, and saves what they
left.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.values import Change, ChangeKind
from dead_letter import store as cases
from dead_letter.evidence import Redactor
from dead_letter.values import Ending
from gateway.audit.ended import note_back, note_ended
from gateway.config.leaver_guard import USUAL, Assignments
from gateway.core.ids import new_id
from gateway.sync import fan_out, referee, saving, store, undecided
from gateway.sync.arrive import arrive, is_hint
from gateway.sync.cache import Cache, Entry
from gateway.sync.departed import NOBODY, Departed, Index
from gateway.sync.flow import Flow, by_object_of
from gateway.sync.items import origin_of
from gateway.sync.links import LinkBook, bound, names_of, told
from gateway.sync.natural import claim, natural_key
from gateway.sync.references import References
from gateway.sync.stage import Stage, Stages
from gateway.sync.starting import Nobody, Starter, start_lanes
from gateway.sync.state import Lane, RecordState
from gateway.sync.steps import Job
from gateway.sync.unit import Arrival, Effects, KnownItems, Unit
from gateway.sync.wakes import set_alarms

Rule = Callable[[Unit], Any]


@dataclass(frozen=True, slots=True)
class Topology:
    """All flows, found by (connection, object) and by name."""

    flows: dict[str, Flow]
    by_object: dict[tuple[str, str], Flow]
    fans: bool = False
    """Some flow makes tasks of its records."""
    names: bool = False
    """Records of some flow name other records."""
    refers: bool = False
    """Records of some flow refer to others in their texts."""
    book: LinkBook = field(default_factory=LinkBook)
    departed: Departed = field(default_factory=Departed)
    assignments: Assignments = USUAL

    @staticmethod
    def of(flows: Sequence[Flow], assignments: Assignments = USUAL) -> Topology:
        """Indexes flows. One object type of one connection belongs to one flow: raises ValueError otherwise."""
        book = LinkBook()
        flows = [bound(flow, book) for flow in flows]
        by_object = by_object_of(flows)
        return Topology(
            {flow.name: flow for flow in flows},
            by_object,
            fans=any(flow.fan_out for flow in flows),
            names=any(flow.links for flow in flows),
            refers=any(flow.refers for flow in flows),
            book=book,
            assignments=assignments,
        )

    def stages(self) -> Stages:
        """Where the flows begin; what was moved since is read with the first transaction."""
        return Stages({flow.name: flow.begins for flow in self.flows.values()})


@dataclass(slots=True)
class Decision:
    """Something to decide: a notice that arrived, or a rule to apply to a record."""

    arrival: Arrival | None = None
    record: str = ""
    rule: Rule | None = None
    connection: str = ""
    """For a rule that takes up the deferred notices of a lane."""
    found: Arrival | None = None
    """An unlinked object that was read because of hints: routed by what the read shows (rule 6)."""
    result: Any = None


@dataclass(slots=True)
class Batch:
    """State of one transaction. Made anew for every try."""

    tx: AsyncConnection
    topology: Topology
    now: float
    cache: Cache = field(default_factory=Cache)
    redactor: Redactor = field(default_factory=Redactor)
    units: dict[str, Unit] = field(default_factory=dict)
    effects: Effects = field(default_factory=Effects)
    links: dict[tuple[str, str, str], str] = field(default_factory=dict)
    naturals: dict[tuple[str, str], str] = field(default_factory=dict)
    items: KnownItems = field(default_factory=KnownItems)
    settled: list[Arrival] = field(default_factory=list)
    taken_up: list[Arrival] = field(default_factory=list)
    starter: Starter = field(default_factory=Nobody)
    departed: Index = NOBODY
    stages: Stages = field(init=False)
    """Read anew where somebody moved a flow; whoever makes many batches lends the ones it keeps."""
    started: list[tuple[Lane, Job]] = field(default_factory=list)
    """Lanes whose next job was begun in this transaction; the starter is told when it is durable, or void."""

    def __post_init__(self) -> None:
        self.stages = self.topology.stages()

    async def run(self, decisions: Sequence[Decision]) -> None:
        """Applies the decisions in order and saves. Commits nothing itself."""
        new = await store.unseen(self.tx, [d.arrival for d in decisions if d.arrival])
        waiting = await self._deferred(decisions)
        await self._load(decisions, waiting)
        for decision in decisions:
            if decision.arrival is not None:
                if decision.arrival.id in new:
                    self._arrive(decision.arrival)
                decision.result = decision.arrival
            elif decision.found is not None:
                self._discover(decision.found)
            elif decision.connection:
                self._take_up(decision, waiting[id(decision)])
            else:
                decision.result = self._apply(decision)
        refers = References(self.tx, self.topology.flows, self.units, self.effects, self.items, self.now)
        due = await refers.run() if self.topology.refers else {}
        due.update(self._fan_out() if self.topology.fans else {})
        for unit in self.units.values():
            referee.after_decisions(unit)
        start_lanes(self.units.values(), self.starter, self.started)
        if self.topology.fans or self.topology.names or self.topology.refers:
            set_alarms(self.units.values(), due)  # last: a lane that was begun may have found that it must wait
        await self._save()
        if self.topology.refers:
            await refers.save()

    async def _deferred(self, decisions: Sequence[Decision]) -> dict[int, list[Arrival]]:
        return {id(d): await store.waiting_notices(self.tx, d.record, d.connection) for d in decisions if d.connection}

    async def _load(self, decisions: Sequence[Decision], waiting: dict[int, list[Arrival]]) -> None:
        arrivals = [a for d in decisions for a in (d.arrival, d.found) if a]
        arrivals += [a for group in waiting.values() for a in group]
        self.links = await store.links_of(self.tx, {_link_key(a.change) for a in arrivals})
        ids = {d.record for d in decisions if d.record}
        ids.update(self.links[key] for a in arrivals if (key := _link_key(a.change)) in self.links)
        ids.update(_record_id(a.change.snapshot.correlation) for a in arrivals if a.change.snapshot.correlation)
        ids.update(await self._load_naturals(arrivals))
        if self.topology.fans:
            ids.update([parent for each in ids if (parent := fan_out.made_of(each))])
        entries = await self.cache.load(self.tx, ids)
        heads = self.cache.heads or await store.heads(self.tx)
        await self.stages.renew(self.tx, heads.moves)
        self.departed = await self.topology.departed.as_of(self.tx, heads.mark)
        for entry in entries:
            self._enter(entry)
        await self._load_items(arrivals, decisions)
        if self.topology.names:
            await self._load_links(arrivals)

    async def _load_links(self, arrivals: Sequence[Arrival]) -> None:
        names = {name for unit in self.units.values() for name in names_of(unit)}
        for change in (arrival.change for arrival in arrivals):
            flow = self._flow(change)
            if flow is not None and flow.links and change.snapshot.raw:
                names.update(told(flow.members[change.connection], flow.links, change.snapshot.raw))
        await self.topology.book.look_up(self.tx, names)

    async def _load_naturals(self, arrivals: Sequence[Arrival]) -> set[str]:
        keys = set()
        for arrival in arrivals:
            flow = self._flow(arrival.change)
            if flow and flow.natural and (key := natural_key(flow, arrival.change)):
                keys.add(key)
        self.naturals = await store.natural_records(self.tx, keys)
        return set(self.naturals.values())

    async def _load_items(self, arrivals: Sequence[Arrival], decisions: Sequence[Decision]) -> None:
        seen = [(a.change.connection, item) for a in arrivals for item in a.change.snapshot.items or ()]
        for decision in decisions:
            seen += getattr(decision.rule, "items", ())
        if not seen:
            return
        origins = {origin_of(connection, item) for connection, item in seen}
        known, copies = await store.load_items(self.tx, origins, {(connection, item.id) for connection, item in seen})
        self.items.origins |= known
        for origin, connection, item_id in copies:
            self.items.copies.setdefault(origin, {})[connection] = item_id
            self.items.copy_ids.add((connection, item_id))

    def _enter(self, entry: Entry) -> None:
        state, lanes = entry.state, entry.lanes
        flow = self.topology.flows.get(state.flow)
        if flow is not None:
            unit = Unit(state, flow, lanes, self.effects, self.now, items=self.items, doc=entry.doc)
            unit.lanes_before = {connection: copy.copy(lane) for connection, lane in lanes.items()}
            self._join(unit)
            referee.keep_out(unit)

    def _join(self, unit: Unit) -> None:
        """The unit is one of this transaction, with what holds in it."""
        unit.stage = self.stages.of(unit.flow.name)
        unit.departed, unit.assignments = self.departed, self.topology.assignments
        self.units[unit.state.id] = unit

    def _fan_out(self) -> dict[str, float]:
        """What was decided about tasks reaches the records they were made of, and the other way round: all of it is
        durable together, or nothing is. A task is never loaded without its record, so the lock on that covers both.
        Returns when the clock gives the next task to make, by record.
        """
        due: dict[str, float] = {}
        for unit in list(self.units.values()):
            parent = self.units.get(fan_out.made_of(unit.state.id)) if unit.state.task else None
            if parent is not None:
                fan_out.report(parent, unit)
        for unit in list(self.units.values()):
            if not unit.flow.fan_out:
                continue
            if unit.stage is not Stage.LIVE:
                due[unit.state.id] = unit.state.wake_at or unit.now  # looked at once it is
                continue
            made, due[unit.state.id] = fan_out.expand(unit, self.topology.flows)
            for child in made:
                self._join(child)
        return due

    def _apply(self, decision: Decision) -> Any:
        unit = self.units.get(decision.record)
        assert decision.rule is not None
        if unit is None:
            return None
        unit.notice = ""
        return decision.rule(unit)

    def _take_up(self, decision: Decision, arrivals: list[Arrival]) -> None:
        """Deferred notices are looked at again, in order, now that their lane is free."""
        unit = self.units.get(decision.record)
        if unit is None:
            return
        unit.lane(decision.connection).deferred = False
        for arrival in arrivals:
            arrive(unit, arrival)
            self.taken_up.append(arrival)

    def _flow(self, change: Change) -> Flow | None:
        return self.topology.by_object.get((change.connection, change.snapshot.object))

    def _arrive(self, arrival: Arrival) -> None:
        """Rule 2: by link, by our own correlation key, by natural key, else a new record."""
        self.settled.append(arrival)
        flow = self._flow(arrival.change)
        if flow is None:
            arrival.end("unmapped", f"no flow holds {arrival.change.snapshot.object} of {arrival.change.connection}")
            return
        unit = self._route(flow, arrival.change)
        if self.stages.of(flow.name) is Stage.DRAFT:
            arrival.end("unmapped", f"flow {flow.name} is a draft: it takes nothing in yet")
        elif unit is not None:
            arrive(unit, arrival)
            self._index(unit, arrival.change)
        elif arrival.change.kind is ChangeKind.DELETED:
            arrival.end("unmapped", "an object that was never in step was deleted")
        elif arrival.change.kind is ChangeKind.ITEM or is_hint(flow.members[arrival.change.connection], arrival.change):
            arrival.state, arrival.reason = "hint", "the object is not known yet; it is read first"
        else:
            self._begin(flow, arrival)

    def _route(self, flow: Flow, change: Change) -> Unit | None:
        record = self.links.get(_link_key(change))
        if record is None and change.snapshot.correlation:
            candidate = self.units.get(_record_id(change.snapshot.correlation))
            if candidate is not None and candidate.flow is flow:
                return candidate
        if record is None and flow.natural and (key := natural_key(flow, change)):
            record = self.naturals.get((flow.name, key))
        return self.units.get(record) if record else None

    def _begin(self, flow: Flow, arrival: Arrival) -> None:
        """A new record, unless the flow's filter leaves the object out."""
        change = arrival.change
        if not self._selected(flow, arrival):
            return
        unit = self._new(flow, change)
        arrive(unit, arrival)
        self._index(unit, change)

    def _new(self, flow: Flow, change: Change) -> Unit:
        state = RecordState(id=new_id("r", at=self.now), flow=flow.name, natural=natural_key(flow, change) or "")
        unit = Unit(state, flow, {}, self.effects, self.now, new=True, items=self.items)
        self._join(unit)
        return unit

    def _selected(self, flow: Flow, arrival: Arrival) -> bool:
        """Whether the object may begin a record; ends the notice if not."""
        answer, key = undecided.selects(flow, arrival.change), undecided.filter_key(flow, arrival.change)
        if isinstance(answer, undecided.Undecided):
            arrival.end("case", answer.reason)
            self.effects.cases.append(undecided.filter_case(flow, arrival.change, answer, arrival.id))
            return False
        if flow.members[arrival.change.connection].where is not None:
            self.effects.obsolete[key] = "the filter can be decided now"
        if not answer:
            arrival.end("unmapped", "the flow's filter leaves this object out")
        return answer

    def _discover(self, found: Arrival) -> None:
        """An object that was read because of hints. What the read shows is routed like a notice; its lane's read
        decides.
        """
        change = found.change
        flow = self._flow(change)
        unit = self._route(flow, change) if flow else None
        if flow is None or not change.snapshot.exists or self.stages.of(flow.name) is Stage.DRAFT:
            self._hints_end(change, "unmapped")
            return
        if unit is None:
            if not self._selected(flow, found):
                self._hints_end(change, found.disposition)
                if found.disposition == "case":
                    self.settled.append(found)  # what a retry of the case looks at again
                return
            unit = self._new(flow, change)
        arrive(unit, found)
        self._index(unit, change)
        # What was read is no notice that could be taken up later. Where it would have to wait, the hints wait instead:
        # the lane's next read may show another object, the one that it is about to create.
        waits = "deferred" if found.state == "deferred" else "hint"
        self.effects.routed.append((change.connection, change.snapshot.id, unit.state.id, waits))
        if found.state == "done":
            self._hints_end(change, found.disposition, unit.state.id)

    def _hints_end(self, change: Change, disposition: str, record: str | None = None) -> None:
        self.effects.hints_done.append((change.connection, change.snapshot.id, 0, disposition, record))

    def _index(self, unit: Unit, change: Change) -> None:
        self.links[_link_key(change)] = unit.state.id
        if unit.state.natural:
            self.naturals[(unit.flow.name, unit.state.natural)] = unit.state.id

    async def _save(self) -> None:
        await claim(self.tx, self.units)
        await store.insert_notices(self.tx, self.settled)
        await store.settle_notices(self.tx, self.taken_up)
        await saving.save_units(self.tx, list(self.units.values()))
        await saving.save_effects(self.tx, self.effects)
        if self.effects.cases:
            known = await cases.open_cases(self.tx, self.effects.cases, now=self.now, redactor=self.redactor)
            await note_back(self.tx, known.values(), self.now)
        if self.effects.worked:
            why = "what had to be written is in effect"
            ended = await cases.close_cases(
                self.tx, self.effects.worked, decision=Ending.APPLIED, reason=why, now=self.now
            )
            await note_ended(self.tx, ended, Ending.APPLIED, self.now)
        if self.effects.obsolete:
            ended = await cases.obsolete_each(self.tx, self.effects.obsolete, now=self.now)
            await note_ended(self.tx, ended, Ending.OBSOLETE, self.now)

    def keep(self) -> None:
        """The transaction is durable: its units are what the next one may start from."""
        self.cache.keep(Entry(unit.state, unit.lanes, unit.doc) for unit in self.units.values())
        for lane, job in self.started:
            self.starter.began(lane, job)

    def forget(self) -> None:
        """The transaction failed: rules may have changed the units already."""
        self.cache.forget(self.units)
        for lane, _ in self.started:
            self.starter.dropped(lane)

    def lanes_with_work(self) -> list[Lane]:
        """Lanes that somebody should come by for; one that is held is looked at by its holder."""
        return [
            lane for unit in self.units.values() for lane in unit.lanes.values() if lane.has_work and not lane.owner
        ]


def _link_key(change: Change) -> tuple[str, str, str]:
    return change.connection, change.snapshot.object, change.snapshot.id


def _record_id(correlation: str | None) -> str:
    """The record behind a correlation key; its incarnation is cut off."""
    return (correlation or "").split("-", 1)[0]
