"""A house in which people leave: systems in memory that end access, with faults, and all parts of a departure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.access import Account, Ending, Grant, GrantKind, Holdings, Whom
from connectors.contract.clock import Clock
from connectors.contract.errors import CredentialsError, OutcomeUnknown, Refused, Retryable
from connectors.contract.limits import Purpose, purpose
from gateway.config.leavers import Leavers
from gateway.delivery.breaker import Gate, GateSettings
from gateway.offboarding import store
from gateway.offboarding import tables as t
from gateway.offboarding.beginning import Beginning
from gateway.offboarding.deciding import Book
from gateway.offboarding.executor import Offboarder, System
from gateway.offboarding.lease import LEASE_S, Lost
from gateway.offboarding.opening import Desk, Opened, Told
from gateway.offboarding.telling import Teller
from gateway.offboarding.values import Event, Leaver, Person, Place, Step
from gateway.storage.database import Database
from gateway.work.trail import note
from tests.support.tables import make_tables
from tests.support.world import FakeClock

ANN = Person(name="Ann Lee", email="ann@example.com", user_name="ann", employee_number="17", manager="bob@example.com")
DAY = 86400.0


class Killed(BaseException):
    """The worker is gone; nothing of the product handles it."""


@dataclass
class Memory:
    """A system that knows people. `faults` are met one by one by `end`; `down` by everything."""

    accounts_by_id: dict[str, Account] = field(default_factory=dict)
    grants: dict[str, list[Grant]] = field(default_factory=dict)
    reasons: dict[GrantKind, str] = field(default_factory=lambda: dict.fromkeys(GrantKind, ""))
    faults: list[str] = field(default_factory=list)
    down: bool = False
    dead: bool = False
    late: list[tuple[str, Grant]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    asked: int = 0
    purposes: set[Purpose] = field(default_factory=set)
    handed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unseen: dict[GrantKind, str] = field(default_factory=dict)
    hidden: dict[GrantKind, str] = field(default_factory=dict)
    """Kinds of which nothing is shown, though they are there."""

    @property
    def ends(self) -> Mapping[GrantKind, str]:
        return self.reasons

    def give(self, id: str, *grants: tuple[GrantKind, str], email: str = "", name: str = "", admin: str = "") -> None:
        """An account that is on, with these; `admin`: the grant that is privileged."""
        self.accounts_by_id[id] = Account(id=id, name=name or id, email=email, active=True)
        had = [Grant(kind=kind, id=what, name=what, privileged=what == admin) for kind, what in grants]
        self.grants[id] = [*had, Grant(kind=GrantKind.ACCOUNT, id=id, name=name or id)]

    def has(self, id: str) -> list[str]:
        return [f"{each.kind}:{each.name}" for each in self.grants.get(id, [])]

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        self._reached()
        if whom.account:
            return [each for each in self.accounts_by_id.values() if each.id == whom.account]
        found = []
        for each in self.accounts_by_id.values():
            by = [
                name
                for name, value in (("email", each.email), ("user_name", each.name))
                if value and value.casefold() == str(getattr(whom, name)).casefold()
            ]
            if by:
                found.append(
                    Account(id=each.id, name=each.name, email=each.email, active=each.active, matched=tuple(by))
                )
        return found

    async def holdings(self, account: str) -> Holdings:
        self._reached()
        grants = tuple(each for each in self.grants.get(account, []) if each.kind not in self.hidden)
        known = self.accounts_by_id.get(account)
        return Holdings(account=known, grants=grants, unseen={**self.unseen, **self.hidden})

    async def end(self, ending: Ending) -> None:
        self._reached()
        self.sent.append((ending.grant.id, ending.operation))
        self.notes.append(ending.note)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "killed before":
            raise Killed
        if fault == "refused":
            raise Refused("it is protected", status=403)
        if fault == "lost":
            raise OutcomeUnknown("no answer")
        if fault == "again":
            raise Retryable("busy")
        if fault == "late":
            self.late.append((ending.account.id, ending.grant))
            return
        if fault != "ignored":
            self._take(ending.account.id, ending.grant)
            if ending.to is not None:
                self.handed[ending.grant.id] = ending.to.id
        if fault == "killed after":
            raise Killed
        if fault == "cut":
            raise OutcomeUnknown("cut off")

    def settle(self) -> None:
        """What was taken and did not show yet shows now."""
        for account, grant in self.late:
            self._take(account, grant)
        self.late.clear()

    def _take(self, account: str, grant: Grant) -> None:
        self.ended.append(f"{grant.kind}:{grant.id}")
        left = [each for each in self.grants[account] if (each.kind, each.id) != (grant.kind, grant.id)]
        self.grants[account] = left

    def _reached(self) -> None:
        self.asked += 1
        self.purposes.add(purpose.get())
        if self.down:
            raise Retryable("nobody answers", down=True)
        if self.dead:
            raise CredentialsError("401", status=401)


@dataclass
class Nobody:
    """Remembers whom it was told of."""

    departed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    async def departs(self, tx: AsyncConnection, leaver: Leaver, places: Sequence[Place], now: float) -> None:
        self.departed.append(leaver.label)

    async def leave(self, leaver: Leaver) -> None:
        self.left.append(leaver.label)


@dataclass
class House:
    """Everything in one place; `worker()` makes one more of those who do the work."""

    database: Database
    systems: dict[str, Memory]
    rules: Leavers = field(default_factory=Leavers)
    clock: FakeClock = field(default_factory=FakeClock)
    gone: Nobody = field(default_factory=Nobody)
    gates: dict[str, Gate] = field(default_factory=dict)
    first: Offboarder | None = None

    def worker(self, name: str = "w1", *, clock: Clock | None = None, lease_s: float = LEASE_S) -> Offboarder:
        """`clock`: instead of the one that a test moves."""
        clock = clock or self.clock
        for each in self.systems:
            self.gates.setdefault(each, Gate(clock, GateSettings(failures=2, retry_s=5.0)))
        book = Book(self.database, clock, name, self.rules, note, self.gone, lease_s)
        beginning = Beginning(self.database, clock, self.rules, note, self.gone)
        systems = {n: System(each, self.gates[n], settles_s=30.0) for n, each in self.systems.items()}
        return Offboarder(self.database, clock, book, beginning, systems)

    async def tell(self, person: Person = ANN, *, ends_in: float = 0.0, **more: Any) -> Opened:
        said: dict[str, Any] = {"event": Event.LEAVER, "source": "hr", "by": "hr", **more}
        async with self.database.begin() as tx:
            teller = Teller(note, tx, self.clock.now())
            told = Told(person=person, ends_at=self.clock.now() + ends_in, **said)
            return await Desk(teller, self.rules, tuple(self.systems)).tell(told)

    async def run(self, seconds: float = 0.0, worker: Offboarder | None = None) -> None:
        """Lets time go by from one thing that is due to the next, and the worker do what is due."""
        worker = worker or self.first or self.worker()
        self.first = self.first or worker
        token = purpose.set(Purpose.LEAVER)
        try:
            until = self.clock.now() + seconds
            while True:
                for _ in range(50):
                    if not await self._once(worker):
                        break
                if self.clock.now() >= until:
                    return
                self.clock.advance(min(max(await self._next() - self.clock.now(), 1.0), until - self.clock.now()))
        finally:
            purpose.reset(token)

    async def _once(self, worker: Offboarder) -> int:
        """Everything that is due now, one after the other; how many turns that were."""
        await worker.beginning.once()
        async with self.database.read() as tx:
            due = await store.due_places(tx, self.clock.now(), worker.book.worker, limit=500)
        for place in due:
            with contextlib.suppress(Lost):
                await worker.work(place.number, place.connection)
        return len(due)

    async def _next(self) -> float:
        """When something is due: nothing happens before."""
        now, place, one = self.clock.now(), t.leaver_system.c, t.leaver.c
        queries = [
            select(func.min(place.next_at)),
            select(func.min(one.ends_at)).where(one.ends_at > now),
            select(func.min(one.due_at)).where(one.due_at >= now),
            select(func.min(one.hold_until)).where(one.hold_until > now),
        ]
        async with self.database.read() as tx:
            found = [(await tx.execute(query)).scalar() for query in queries]
        return min((each for each in found if each is not None), default=now + DAY)

    async def leaver(self, number: int = 1) -> Leaver:
        async with self.database.read() as tx:
            found = await store.get(tx, number)
        assert found is not None
        return found

    async def steps(self, number: int = 1) -> dict[str, Step]:
        async with self.database.read() as tx:
            return {f"{each.connection}/{each.kind}:{each.name}": each for each in await store.steps_of(tx, [number])}

    async def places(self, number: int = 1) -> dict[str, Place]:
        async with self.database.read() as tx:
            return {each.connection: each for each in await store.places_of(tx, [number])}

    async def told(self, number: int = 1) -> list[str]:
        async with self.database.read() as tx:
            return [each["kind"] for each in await store.history_of(tx, number)]

    async def cases(self) -> set[str]:
        from dead_letter.tables import cases

        async with self.database.read() as tx:
            rows = await tx.execute(select(cases.c.cause).where(cases.c.closed_at.is_(None)))
            return {cause for (cause,) in rows}

    async def leavers(self) -> list[Leaver]:
        """All, in the order in which they were told."""
        return [await self.leaver(each + 1) for each in range(await self.count())]

    async def count(self) -> int:
        async with self.database.read() as tx:
            return len((await tx.execute(select(t.leaver.c.number))).all())


@asynccontextmanager
async def house(url: str, *names: str, rules: Leavers | None = None) -> Any:
    database = Database(url)
    await make_tables(database)
    made = House(database, {name: Memory() for name in names or ("wiki",)}, rules or Leavers())
    try:
        yield made
    finally:
        await database.close()
