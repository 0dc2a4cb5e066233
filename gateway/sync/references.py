"""Which records the names mean that a record mentions, now and when it comes to be known later (ADR 0206); and the way
of what it says to them (ADR 0207).

One of these belongs to one transaction. What is looked up again is in the table of references, what was said and not
heard yet in that of remarks; `Waker` brings both back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.storage.database import insert
from gateway.storage.prepared import Many
from gateway.sync import store
from gateway.sync import tables as t
from gateway.sync.flow import Flow
from gateway.sync.remarks import Remark, hear, origin_of, silent, speak
from gateway.sync.stage import Stage
from gateway.sync.state import LinkState, RecordState
from gateway.sync.unit import Effects, KnownItems, Unit
from mappings.refers import Refers

PAUSES_S = (2.0, 20.0, 200.0)
"""After so long a name that nobody has is looked up again, and then no more. Who takes it says so; the clock is for one
that is taken in another transaction at the very moment at which it is looked up.
"""

Place = tuple[str, str, str]
"""Connection, object, key or id."""
_decode = msgspec.json.Decoder(Remark).decode


def _upserting_references(insert: Any) -> Any:
    """Not deleted and put anew: who takes the name meanwhile waits for the row, and would find it gone."""
    statement = insert(t.reference)
    put = {name: statement.excluded[name] for name in ("flow", "looks", "due")}
    return statement.on_conflict_do_update(index_elements=["record", "connection", "name"], set_=put)


_upsert_references = Many(_upserting_references)


def look_again(unit: Unit) -> bool:
    """The rule for a record whose references are to be looked up once more."""
    unit.looks_up = True
    return True


@dataclass(slots=True)
class References:
    """Of the records of one transaction."""

    tx: AsyncConnection
    flows: Mapping[str, Flow]
    units: Mapping[str, Unit]
    effects: Effects
    items: KnownItems
    now: float
    heard: list[str] = field(default_factory=list)
    rows: dict[Place, dict[str, Any]] = field(default_factory=dict)
    """As they are to be of the records that were looked at."""
    over: set[Place] = field(default_factory=set)
    """Those that were there before, and are not needed any more."""
    over_with: list[str] = field(default_factory=list)
    """Records that were to look again and refer to nothing any more: they have left, or their flow does not."""

    async def run(self) -> dict[str, float]:
        """After the decisions: what was said is heard, what is referred to is looked up, and what follows is said.

        Returns records that say nothing before their flow is live, and when they are to be looked at.
        """
        await self._hear()
        speakers = [each for each in self.units.values() if each.flow.refers and each.state.tombstoned_at is None]
        asking = [each for each in speakers if each.state.fields and (each.looks_up or _names_others(each))]
        if asking:
            await self._look_up(asking)
        looked = {each.state.id for each in asking}
        self.over_with = [
            each.state.id for each in self.units.values() if each.looks_up and each.state.id not in looked
        ]
        for unit in self.units.values():
            if unit.state.tombstoned_at is not None:
                silent(unit)
        for unit in speakers:
            if unit.stage is Stage.LIVE and unit.state.fields:
                speak(unit)
        return {each.state.id: each.state.wake_at or self.now for each in speakers if each.stage is not Stage.LIVE}

    async def _hear(self) -> None:
        told = {flow for each in self.flows.values() for refers in each.refers for flow in refers.to}
        ids = [
            unit.state.id
            for unit in self.units.values()
            if (unit.flow.name in told or unit.looks_up) and not unit.new  # said, before nobody referred to it any more
        ]
        found: list[Remark] = []
        for part in store.chunks(ids):
            query = select(t.remark.c.doc, t.remark.c.record).where(t.remark.c.record.in_(part))
            rows = (await self.tx.execute(query.order_by(t.remark.c.said_at, t.remark.c.id))).all()
            remarks = [(_decode(row.doc), self.units[row.record]) for row in rows]
            known, _ = await store.load_items(self.tx, [origin_of(each) for each, _ in remarks if each.comment], ())
            self.items.origins |= known
            for remark, unit in remarks:
                hear(unit, remark)
                found.append(remark)
        self.heard += [remark.id for remark in found]

    async def _look_up(self, units: Sequence[Unit]) -> None:
        before = await self._waiting([unit.state.id for unit in units])
        wanted = {place for unit in units for refers in unit.flow.refers for place in self._places(unit, refers)}
        found = await self._find(wanted)
        between = await self._between(units, found)
        for unit in units:
            named: dict[str, dict[str, list[str]]] = {}
            for refers in unit.flow.refers:
                named[refers.field] = self._named(unit, refers, found, between)
                self._remember(unit, refers, named[refers.field], before)
            if named != unit.state.named:
                unit.state.named = named
                self._told_of(unit)
        self.over |= before.keys() - self.rows.keys()

    def _told_of(self, unit: Unit) -> None:
        """Those that refer to others through this record are to look again."""
        for connection, held in unit.state.members.items():
            if held.link is LinkState.PRIMARY:
                self.effects.named.update({(connection, each) for each in (held.id, held.key) if each})

    def _places(self, unit: Unit, refers: Refers) -> Iterator[Place]:
        for flow, connection in (refers.through or refers.to).items():
            for name in refers.names(unit.state.values()):
                yield connection, self.flows[flow].members[connection].object, name

    def _named(
        self, unit: Unit, refers: Refers, found: Mapping[Place, set[str]], between: Mapping[str, RecordState]
    ) -> dict[str, list[str]]:
        """Each name with the records meant; what is found on the way through others also under their names for it."""
        named: dict[str, list[str]] = {}
        for name in refers.names(unit.state.values()):
            targets: set[str] = set()
            for flow, connection in (refers.through or refers.to).items():
                met = found.get((connection, self.flows[flow].members[connection].object, name), set())
                if not refers.through:
                    targets.update(f"{flow}:{record}" for record in met)
                for state in (between[record] for record in met if refers.through and record in between):
                    for other, passed in _passed_on(state, refers):
                        targets.update(passed)
                        named[f"{name}\n{other}"] = sorted(passed)
            named[name] = sorted(target for target in targets if target.partition(":")[2] != unit.state.id)
        return dict(sorted(named.items()))

    def _remember(
        self, unit: Unit, refers: Refers, named: Mapping[str, list[str]], before: Mapping[Place, int]
    ) -> None:
        """A name that nobody has is looked up again; one that leads through others, whenever they change."""
        for name in refers.names(unit.state.values()):
            if named[name] and not refers.through:
                continue
            for connection in set((refers.through or refers.to).values()):
                key = (unit.state.id, connection, name)
                looks = before.get(key, -1) + 1
                due = self.now + PAUSES_S[looks] if looks < len(PAUSES_S) and not named[name] else None
                row = {"record": unit.state.id, "connection": connection, "name": name}
                self.rows[key] = {**row, "flow": unit.flow.name, "looks": looks, "due": due}

    async def _waiting(self, records: Collection[str]) -> dict[Place, int]:
        """(record, connection, name) -> looks. Locked first: who takes a name after that waits for this transaction,
        who took it before is seen by it.
        """
        row = t.reference.c
        found: dict[Place, int] = {}
        for part in store.chunks(records):
            query = select(row.record, row.connection, row.name, row.looks).where(row.record.in_(part))
            query = query.order_by(row.record, row.connection, row.name).with_for_update()
            found |= {(each[0], each[1], each[2]): each[3] for each in await self.tx.execute(query)}
        return found

    async def _find(self, wanted: Collection[Place]) -> dict[Place, set[str]]:
        """Records whose object is called so now, was called so, or has this id."""
        found: dict[Place, set[str]] = {}
        link, former = t.link.c, t.former_key.c
        for connection, object in sorted({(place[0], place[1]) for place in wanted}):
            here = and_(link.connection == connection, link.object == object, link.state == LinkState.PRIMARY.value)
            moved = and_(
                former.connection == link.connection, former.object == link.object, former.object_id == link.object_id
            )
            for names in store.chunks({place[2] for place in wanted if place[:2] == (connection, object)}):
                called = select(link.object_key, link.record).where(here, link.object_key.in_(names))
                ids = select(link.object_id, link.record).where(here, link.object_id.in_(names))
                once = select(former.object_key, link.record).where(
                    here, moved, former.connection == connection, former.object == object, former.object_key.in_(names)
                )
                for query in (called, ids, once):
                    met: dict[Place, set[str]] = {}
                    for name, record in await self.tx.execute(query):
                        met.setdefault((connection, object, name), set()).add(record)
                    found = {**met, **found}  # who is called so now goes before who was called so
        return found

    async def _between(self, units: Sequence[Unit], found: Mapping[Place, set[str]]) -> dict[str, RecordState]:
        """Records that lead to others, as this transaction has them, or as they are stored."""
        if not any(refers.through for unit in units for refers in unit.flow.refers):
            return {}
        records = {record for met in found.values() for record in met}
        here = {record: self.units[record].state for record in records if record in self.units}
        return {**await store.load_records(self.tx, records - here.keys()), **here}

    async def save(self) -> None:
        """After the records: what is looked up again, what was said, and whom it concerns that something is known."""
        for part in store.chunks(self.heard):
            await self.tx.execute(delete(t.remark).where(t.remark.c.id.in_(part)))
        if self.effects.remarks:
            await self.tx.execute(insert(self.tx, t.remark).on_conflict_do_nothing(), self.effects.remarks)
        row = t.reference.c
        for record, connection, name in sorted(self.over):
            here = (row.record == record, row.connection == connection, row.name == name)
            await self.tx.execute(delete(t.reference).where(*here))
        for part in store.chunks(sorted(self.over_with)):
            await self.tx.execute(update(t.reference).where(row.record.in_(part)).values(due=None))
        await _upsert_references.run(self.tx, list(self.rows.values()))
        await self._stir()

    async def _stir(self) -> None:
        """Who mentions a name that somebody has now looks it up again."""
        row = t.reference.c
        looked_in = {
            each
            for flow in self.flows.values()
            for refers in flow.refers
            for each in (refers.through or refers.to).values()
        }
        by_connection: dict[str, set[str]] = {}
        for connection, name in self.effects.named:
            if connection in looked_in:
                by_connection.setdefault(connection, set()).add(name)
        for connection, names in sorted(by_connection.items()):
            for part in store.chunks(names):
                mention = (row.connection == connection, row.name.in_(part))
                later = or_(row.due.is_(None), row.due > self.now)
                query = select(row.record, row.name).where(*mention, later).order_by(row.record, row.name)
                if (await self.tx.execute(query.with_for_update())).first() is not None:
                    await self.tx.execute(update(t.reference).where(*mention).values(due=self.now))


def _names_others(unit: Unit) -> bool:
    """Whether the record mentions other names than those that were looked up last."""
    values, named = unit.state.values(), unit.state.named
    return any(
        refers.names(values) != sorted(name for name in named.get(refers.field, {}) if "\n" not in name)
        for refers in unit.flow.refers
    )


def _passed_on(state: RecordState, refers: Refers) -> Iterator[tuple[str, set[str]]]:
    """What a record in between refers to, as far as it is meant."""
    for named in state.named.values():
        for name, targets in named.items():
            meant = {target for target in targets if target.partition(":")[0] in refers.to}
            if meant:
                yield name.partition("\n")[2] or name, meant
