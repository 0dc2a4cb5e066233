"""Takes away what people who leave have: claims a person in a system, asks, sends, reads back. One worker's part.

Requests go out before all others (`Purpose.LEAVER`), through the connection's gate: while a system is down nothing is
tried, and nothing is counted. Between two transactions this may die anywhere; whoever goes on finds what it needs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy import select

from connectors.comments import marker
from connectors.contract.access import Account, Ending, EndsAccess, Holdings, Whom
from connectors.contract.clock import Clock
from connectors.contract.errors import LockstepError, Refused, Retryable, StorageError
from connectors.contract.limits import Purpose, purpose
from gateway.core.background import Background
from gateway.delivery.breaker import Gate
from gateway.delivery.sending import concluded
from gateway.offboarding import store
from gateway.offboarding.beginning import Beginning
from gateway.offboarding.correlate import judge
from gateway.offboarding.deciding import Book, Round, Stopped
from gateway.offboarding.lease import Lease, Lost
from gateway.offboarding.moves import BEGUN, REPLAN_S, Check, Find, Job, Look, Read, Rest, Send, next_job
from gateway.offboarding.succession import successor_of
from gateway.offboarding.values import HANDED_OVER, UNDER_WAY, Event, Leaver, Step, SystemState
from gateway.storage.database import Database
from gateway.sync import tables as sync
from gateway.sync.attempts import Conclusion, Outcome
from gateway.sync.backoff import curve

LOOK_S = 1.0
"""How soon a departure that is due, or that a person asked for, is noticed."""
MOST_DUE = 500
"""Of what is due, so much is looked through at a time."""
AT_ONCE = 4
"""People of one connection that are worked on at the same time."""
TURN_S = 180.0
"""What the requests of one turn may take."""
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 300.0
STORAGE_WAIT_S = 0.5
NO_CONNECTION = "this connection is not in the configuration any more"
NO_WAY = "its connector cannot end access"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class System:
    """One connection, as departures use it."""

    connector: object
    gate: Gate
    settles_s: float = 60.0
    timeout_s: float = 20.0

    @property
    def ends(self) -> EndsAccess | None:
        """None: it cannot end access."""
        return self.connector if isinstance(self.connector, EndsAccess) else None


class _TooSlow(Retryable):
    """A reading as a whole took too long."""


class _NotApplied(Exception):
    """What was sent had no effect; the gate has heard of it."""

    def __init__(self, held: Round, conclusion: Conclusion) -> None:
        super().__init__(conclusion.error)
        self.held, self.conclusion = held, conclusion


@dataclass(slots=True)
class Offboarder(Background):
    """Runs until it is stopped; killed anywhere, the next one goes on."""

    database: Database
    clock: Clock
    book: Book
    beginning: Beginning
    systems: Mapping[str, System]
    wanted: frozenset[str] = frozenset()
    """Connections that the configuration names: people are asked where their connectors cannot."""
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever did something that is due at once."""
    _running: dict[tuple[int, str], asyncio.Task[None]] = field(default_factory=dict)

    async def start(self) -> None:
        """Begins to look for what is due."""
        self._keep("offboarder", self._loop())

    async def stop(self) -> None:
        """Ends at once; what was under way is unknown until somebody reads it back."""
        await super(Offboarder, self).stop()
        running, self._running = list(self._running.values()), {}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _loop(self) -> None:
        purpose.set(Purpose.LEAVER)  # of this task and of those it starts
        while True:
            self.stirred.clear()
            try:
                await self.beginning.once()
                await self._take_up()
            except StorageError as error:
                log.warning("departures wait for the database", error=str(error))
            except Exception as error:
                log.error("departures met a defect", exc_info=error)
            try:
                async with asyncio.timeout(LOOK_S):
                    await self.stirred.wait()
            except TimeoutError:
                continue

    async def _take_up(self) -> None:
        self._running = {key: task for key, task in self._running.items() if not task.done()}
        full = self._full()
        while True:
            async with self.database.read() as tx:
                now, worker = self.clock.now(), self.book.worker
                due = await store.due_places(tx, now, worker, limit=MOST_DUE, without=full)
            for place in due:
                key = (place.number, place.connection)
                if key not in self._running and place.connection not in self._full():
                    self._running[key] = asyncio.create_task(self._guarded(*key), name=f"leaver-{key[0]}-{key[1]}")
            before, full = full, self._full()
            if len(due) < MOST_DUE or full == before:  # else what fills a system may have hidden what others have
                return

    def _full(self) -> set[str]:
        """Systems in which as many people are worked on as may be."""
        busy = Counter(connection for _, connection in self._running)
        return {connection for connection, count in busy.items() if count >= AT_ONCE}

    async def _guarded(self, number: int, connection: str) -> None:
        try:
            await self.work(number, connection)
        except Lost:
            return
        except StorageError as error:
            log.warning("a departure waits for the database", leaver=number, error=str(error))
            await asyncio.sleep(STORAGE_WAIT_S)
        except Exception as error:
            log.error("a departure met a defect", leaver=number, connection=connection, exc_info=error)
            await asyncio.sleep(STORAGE_WAIT_S)
        finally:
            self.stirred.set()

    async def work(self, number: int, connection: str) -> None:
        """Brings one person in one system as far as it gets. Raises Lost, StorageError, and what is a defect."""
        began = self.clock.monotonic()
        held = await self.book.claim(number, connection)
        if held is None:
            return None
        system = self.systems.get(connection)
        if system is None:
            if held.leaver.state in BEGUN and self.clock.now() >= held.place.due_at:
                return await self.book.cannot(held, NO_CONNECTION, by_hand=True)
            return await self.book.rest(held, self.clock.now() + REPLAN_S, NO_CONNECTION)
        if (ends := system.ends) is None:
            return await self.book.cannot(held, NO_WAY, by_hand=connection in self.wanted)
        renew = partial(self.book.renew, number, connection, held.place.fence)
        try:
            async with Lease(self.clock, self.book.lease_s, began + self.book.lease_s, renew) as lease:
                await self._drive(held, lease, system, ends)
        except Stopped as stopped:
            await self.book.rest(held, self.clock.now() + FIRST_WAIT_S * 5, str(stopped))
        finally:
            system.gate.released()

    async def _drive(self, held: Round, lease: Lease, system: System, ends: EndsAccess) -> None:
        leaver = held.leaver
        if leaver.kind is Event.LEAVER and leaver.state in BEGUN and not leaver.doc.left:
            await self.beginning.gone.leave(leaver)
            held = await self.book.left(held)
        while True:
            job = self._next(held, system)
            if isinstance(job, Rest):
                return await self.book.rest(held, job.until)
            if not system.gate.admits():
                why = system.gate.reason or "it is paused"
                return await self.book.rest(held, self.clock.now() + max(system.gate.wait_s(), LOOK_S), why)
            try:
                async with asyncio.timeout(TURN_S):
                    held = await self._do(held, lease, job, system, ends)
            except TimeoutError:
                slow = concluded(_TooSlow("the reads did not end in time"), system.gate, reading=True)
                return await self._hindered(held, system, slow)
            except _NotApplied as none:
                return await self._hindered(none.held, system, none.conclusion)
            except StorageError:
                raise
            except LockstepError as error:
                conclusion = concluded(error, system.gate, reading=True)
                return await self._hindered(held, system, conclusion, refused=isinstance(error, Refused))

    def _next(self, held: Round, system: System) -> Job:
        rules = self.book.rules
        return next_job(held.leaver, held.place, held.steps, rules, system.settles_s, self.clock.now())

    async def _do(self, held: Round, lease: Lease, job: Job, system: System, ends: EndsAccess) -> Round:
        if isinstance(job, Send):
            return await self._send(held, lease, job.step, system, ends)
        async with lease.requests():
            match job:
                case Find():
                    return await self._find(held, system, ends)
                case Read():
                    return await self._read(held, system, ends, check=False)
                case Look():
                    return await self._look(held, system, ends)
                case Check():
                    return await self._check(held, system, ends)
        return held

    async def _hindered(self, held: Round, system: System, conclusion: Conclusion, *, refused: bool = False) -> None:
        """It did not work: nothing is concluded from that. A system that is down costs nobody a try."""
        counts = conclusion.counts or refused
        tries = held.place.tries + 1
        wait_s = REPLAN_S if refused else curve(tries, base_s=FIRST_WAIT_S, cap_s=LONGEST_WAIT_S) if counts else LOOK_S
        wait_s = max(system.gate.wait_s(), conclusion.retry_after_s or 0.0, wait_s)
        kind = conclusion.reason or ("refused" if refused else "no answer")
        log.info("a departure waits", leaver=held.leaver.number, connection=held.place.connection, why=conclusion.error)
        until = self.clock.now() + wait_s
        await self.book.rest(held, until, f"{kind}: {conclusion.error}", counts=counts, refused=refused)

    async def _find(self, held: Round, system: System, ends: EndsAccess) -> Round:
        person, doc = held.leaver.doc.person, held.place.doc
        linked = [one for id in await self._linked(held) for one in await ends.accounts(Whom(account=id))]
        named = (
            list(await ends.accounts(person.whom))
            if any((person.email, person.user_name, person.employee_number))
            else []
        )
        system.gate.succeeded()
        others = set(doc.others)
        known = {each.account.id for each in doc.accounts}
        left = [each for each in named if each.id not in others | known]
        joined = [each for each in linked if each.id not in others | known]
        asked = {"email": person.email, "user_name": person.user_name, "employee_number": person.employee_number}
        verdict = judge(joined, left, person.whom)
        return await self.book.found(held, verdict, asked, [*linked, *named])

    async def _linked(self, held: Round) -> list[str]:
        """Ids of the objects there that the person's records are joined with."""
        records = held.leaver.doc.person.records
        row = sync.link.c
        query = select(row.object_id).where(
            row.record.in_(records), row.connection == held.place.connection, row.state == "primary"
        )
        async with self.database.read() as tx:
            return [id for (id,) in await tx.execute(query)] if records else []

    async def _read(self, held: Round, system: System, ends: EndsAccess, *, check: bool) -> Round:
        found = [(each.account, await ends.holdings(each.account.id)) for each in held.place.doc.accounts]
        work = any(grant.kind in HANDED_OVER for _, holdings in found for grant in holdings.grants)
        successor: tuple[Account | None, str] = (None, "")
        if work:
            theirs = {account.id for account, _ in found}
            successor = await successor_of(held.leaver, self.book.rules, ends, theirs)
        system.gate.succeeded()
        found = [(holdings.account or account, holdings) for account, holdings in found]
        return await self.book.planned(held, found, ends.ends, successor, check=check)

    async def _send(self, held: Round, lease: Lease, step: Step, system: System, ends: EndsAccess) -> Round:
        to = held.place.doc.successor if step.kind in HANDED_OVER else None
        account = next(each.account for each in held.place.doc.accounts if each.account.id == step.account)
        held, step = await self.book.start(held, step.id, to)
        assert step.doc.grant is not None, "only grants are sent"
        ending = Ending(
            account=account,
            grant=step.doc.grant,
            operation=step.doc.operation,
            to=to,
            note=_note(held.leaver, step.doc.operation),
            timeout_s=system.timeout_s,
        )
        async with lease.requests():
            conclusion = await _sent(ends, ending, system.gate)
        while True:
            try:
                held = await self.book.sent(held, step.id, conclusion, system.settles_s)
            except StorageError:
                # What came back is known and must not be lost while this process lives; the fence guards the rest.
                await asyncio.sleep(STORAGE_WAIT_S)
            else:
                break
        if conclusion is not None and conclusion.outcome is Outcome.NOT_APPLIED:
            raise _NotApplied(held, conclusion)
        return held

    async def _look(self, held: Round, system: System, ends: EndsAccess) -> Round:
        accounts = sorted({each.account for each in held.steps if each.state in UNDER_WAY})
        found: Sequence[tuple[str, Holdings]] = [(each, await ends.holdings(each)) for each in accounts]
        system.gate.succeeded()
        return await self.book.read_back(held, found, system.settles_s)

    async def _check(self, held: Round, system: System, ends: EndsAccess) -> Round:
        """Looks for the person anew, and at all that the accounts have."""
        checks = held.place.doc.checks
        held = await self._find(held, system, ends)
        if held.place.state is SystemState.DONE:
            held = await self._read(held, system, ends, check=True)
        settled = held.place.state in (SystemState.DONE, SystemState.NONE, SystemState.OVER)
        return await self.book.checked(held, checks) if settled else held


async def _sent(ends: EndsAccess, ending: Ending, gate: Gate) -> Conclusion | None:
    """None: the system took it."""
    try:
        await ends.end(ending)
    except StorageError:
        raise
    except Exception as error:  # noqa: BLE001 - a defect of a connector leaves the outcome unknown, like no answer
        return concluded(error, gate)
    gate.succeeded()
    return None


def _note(leaver: Leaver, operation: str) -> str:
    """Marked as ours: each system gets its own, and where they are in step none is to come to the others as well."""
    who = leaver.doc.person.name or leaver.doc.person.email or leaver.doc.person.user_name
    return f"handed over from {who}, who has left ({leaver.label})\n{marker(f'leaver:{operation}')}"
