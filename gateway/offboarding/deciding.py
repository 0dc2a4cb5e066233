"""What becomes durable while one person in one system is worked on: a transaction for each thing that was found, begun
or proved. Whoever lost the lease loses here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.access import Account, GrantKind, Holdings
from connectors.contract.clock import Clock
from dead_letter.classify import Cause
from gateway.config.leavers import Leavers
from gateway.core.ids import new_id
from gateway.offboarding import planning, store
from gateway.offboarding.beginning import ask_of
from gateway.offboarding.blast.admitting import admit
from gateway.offboarding.correlate import Verdict
from gateway.offboarding.lease import LEASE_S, Lost
from gateway.offboarding.moves import BEGUN, MOST_TRIES, check_at, proves_nothing_happened
from gateway.offboarding.places import all_by_hand
from gateway.offboarding.ports import Gone
from gateway.offboarding.summing import settle, sum_up
from gateway.offboarding.telling import Teller, Trail
from gateway.offboarding.values import (
    SETTLED,
    UNDER_WAY,
    Event,
    EvidenceKind,
    Leaver,
    Look,
    Place,
    Step,
    StepState,
    SystemState,
)
from gateway.storage.database import Database
from gateway.sync.attempts import Conclusion, Outcome


class Stopped(Exception):
    """The guard lets nothing begin in this system; the text says why."""


@dataclass(slots=True)
class Round:
    """One person in one system, inside one transaction."""

    teller: Teller
    leaver: Leaver
    place: Place
    steps: list[Step]

    @property
    def tx(self) -> AsyncConnection:
        """The transaction."""
        return self.teller.tx

    @property
    def now(self) -> float:
        """Of the transaction."""
        return self.teller.now

    async def evidence(self, kind: EvidenceKind, content: Any, step: str = "") -> str:
        """Kept for good, with its digest."""
        where = {"number": self.leaver.number, "connection": self.place.connection}
        return await store.add_evidence(self.tx, self.now, kind, content, step=step, **where)  # type: ignore[arg-type]

    async def say(self, kind: str, text: str, *, step: str = "", **detail: Any) -> None:
        """To the history and the trail."""
        await self.teller.say(self.leaver, kind, text, connection=self.place.connection, step=step, **detail)


@dataclass(slots=True)
class Book:
    """For one worker. Every method raises StorageError with nothing done, and Lost."""

    database: Database
    clock: Clock
    worker: str
    rules: Leavers
    trail: Trail
    gone: Gone
    lease_s: float = LEASE_S
    """Every transaction renews it, and while the work goes on so does `lease.Lease`."""

    async def claim(self, number: int, connection: str) -> Round | None:
        """Takes it for this worker; None: somebody else has it. What a dead holder began is unknown from now on."""
        async with self.database.begin("leaver.claim") as tx:
            leaver = await store.take(tx, number)
            place = await store.place_of(tx, number, connection)
            now = self.clock.now()
            if leaver is None or place is None or place.next_at is None or place.next_at > now:
                return None
            if place.owner not in ("", self.worker) and place.lease_until >= now:
                return None
            round = Round(Teller(self.trail, tx, now), leaver, place, await store.steps_of(tx, [number], connection))
            for step in round.steps:
                if step.state is StepState.DOING and not step.doc.answered:
                    step.state = StepState.UNKNOWN
            place.owner, place.fence, place.lease_until = self.worker, place.fence + 1, now + self.lease_s
            await store.save_steps(tx, round.steps)
            await store.save_place(tx, place)
        return round

    async def renew(self, number: int, connection: str, fence: int) -> None:
        """Makes the lease of that claim last from now on. It changes nothing that anybody decided, so no version."""
        async with self.database.begin("leaver.renew") as tx:
            await store.take(tx, number)
            place = await store.place_of(tx, number, connection)
            if place is None or (place.owner, place.fence) != (self.worker, fence):
                raise Lost
            await store.lease(tx, place, self.clock.now() + self.lease_s)

    async def left(self, held: Round) -> Round:
        """The person's records have their tombstones."""
        async with self.database.begin("leaver.left") as tx:
            round = await self._mine(tx, held)
            round.leaver.doc.left = True
            return await self._keep(round)

    async def _mine(self, tx: AsyncConnection, held: Round) -> Round:
        """As it is now, locked; raises Lost. The lease is renewed."""
        leaver = await store.take(tx, held.leaver.number)
        place = await store.place_of(tx, held.leaver.number, held.place.connection)
        if leaver is None or place is None or (place.owner, place.fence) != (self.worker, held.place.fence):
            raise Lost
        now = self.clock.now()
        place.lease_until = now + self.lease_s
        steps = await store.steps_of(tx, [leaver.number], place.connection)
        return Round(Teller(self.trail, tx, now), leaver, place, steps)

    async def _keep(self, round: Round) -> Round:
        """Stores all of it, with what follows for the departure as a whole."""
        settle(round.leaver, round.place, round.steps, self.rules, round.now)
        await store.save_steps(round.tx, round.steps)
        await store.save_place(round.tx, round.place)
        await sum_up(round.teller, round.leaver)
        return round

    async def rest(
        self, held: Round, until: float | None, waits: str = "", *, counts: bool = False, refused: bool = False
    ) -> None:
        """Lets it go. `waits`: why, for people; `counts`: a failure that is not the system's being down; `refused`: and
        a person has to see to it.
        """
        async with self.database.begin("leaver.rest") as tx:
            round = await self._mine(tx, held)
            place = round.place
            if place.version != held.place.version:
                until = self.clock.now()  # somebody decided something meanwhile: it is looked at afresh
            began = not place.waits and waits
            place.owner, place.lease_until, place.next_at = "", 0.0, until
            place.waits = waits[:500]
            place.tries = place.tries + 1 if counts else place.tries if waits else 0
            for step in round.steps:
                if step.state in (StepState.PLANNED, StepState.WAITING):
                    step.state = StepState.WAITING if waits else StepState.PLANNED
            if began:
                await round.say("leaver_waits", waits[:500])
            if refused:
                title = f"{place.connection} does not let us look"
                await round.teller.ask(round.leaver, Cause.LEAVER_FAILED, title, connection=place.connection)
            await store.save_steps(tx, round.steps)
            await store.save_place(tx, place)

    async def cannot(self, held: Round, why: str, *, by_hand: bool) -> None:
        """We do not end access there: nothing to do, or everything that is left by hand where it is wanted. What people
        were asked to do there, or did, stands.
        """
        async with self.database.begin("leaver.cannot") as tx:
            round = await self._mine(tx, held)
            place = round.place
            looked, place.state, place.next_at, place.waits = place.state, SystemState.OVER, None, ""
            left = [each for each in round.steps if each.state not in SETTLED]
            for each in left if by_hand else ():
                each.state, each.doc.why = StepState.HAND, why
                each.doc.instruction = each.doc.instruction or f"end {each.kind} {each.name} in {place.connection}"
            if left and by_hand:
                place.state = SystemState.HAND
            elif by_hand and not round.steps and looked is not SystemState.NONE:
                round.steps.append(all_by_hand(place, why, round.now))
                place.state = SystemState.HAND
            await self._keep(round)

    async def found(self, held: Round, verdict: Verdict, asked: Any, shown: Sequence[Account]) -> Round:
        """Which accounts the person has there. Where none was before, or all was gone, another one is a drift."""
        async with self.database.begin("leaver.found") as tx:
            round = await self._mine(tx, held)
            place, doc = round.place, round.place.doc
            proof = await round.evidence(EvidenceKind.ACCOUNTS, {"asked": asked, "shown": shown})
            place.waits, place.tries = "", 0
            known = {each.account.id for each in doc.accounts}
            extra = tuple(each for each in verdict.accounts if each.account.id not in known)
            if verdict.choices:
                await self._ask_which(round, verdict)
            elif extra:
                if place.state in (SystemState.NONE, SystemState.DONE):
                    await self._appeared(round, [each.account.name for each in extra], proof)
                place.state, doc.accounts = SystemState.READ, (*doc.accounts, *extra)
                await self._departs(round)
            elif place.state is SystemState.FIND:
                place.state = SystemState.READ if known else SystemState.NONE
                doc.settled_at = round.now
                await self._departs(round)  # also from those that a person chose
                if not known:
                    await round.say("leaver_none", "no account there", evidence=proof)
            return await self._keep(round)

    async def _ask_which(self, round: Round, verdict: Verdict) -> None:
        where = round.place.connection
        round.place.state, round.place.doc.choices = SystemState.WHICH, verdict.choices
        await round.say("leaver_which", verdict.why, choices=len(verdict.choices))
        title = f"which account of {where} is meant? {len(verdict.choices)} could be"
        await round.teller.ask(round.leaver, Cause.LEAVER_WHICH, title, connection=where)

    async def _appeared(self, round: Round, names: Sequence[str], proof: str) -> None:
        where = round.place.connection
        round.place.doc.drifted += 1
        await round.say("leaver_drifted", f"there is another account: {', '.join(names)}", evidence=proof)
        title = f"there is an account in {where} that was not there before"
        await round.teller.ask(round.leaver, Cause.LEAVER_DRIFT, title, connection=where)

    async def _departs(self, round: Round) -> None:
        """From now on nothing is given to these accounts any more."""
        if round.leaver.begun_at is not None and round.leaver.kind is Event.LEAVER:
            await self.gone.departs(round.tx, round.leaver, [round.place], round.now)

    async def planned(
        self,
        held: Round,
        found: Sequence[tuple[Account, Holdings]],
        ends: Mapping[GrantKind, str],
        successor: tuple[Account | None, str],
        *,
        check: bool = False,
    ) -> Round:
        """All that the accounts have: the plan, or a plan made anew. `check`: it was to be gone."""
        async with self.database.begin("leaver.planned") as tx:
            round = await self._mine(tx, held)
            place, doc = round.place, round.place.doc
            kind = EvidenceKind.CHECK if check else EvidenceKind.HOLDINGS
            shown = [{"account": account, "holdings": holdings} for account, holdings in found]
            proof = await round.evidence(kind, shown)
            seen = planning.plan(round.leaver, self.rules, place.connection, found, ends, round.now)
            before, all_of = {each.key for each in round.steps}, {account.id: holdings for account, holdings in found}
            for step in round.steps:
                step.doc.hidden = planning.hidden(step, all_of[step.account]) if step.account in all_of else ""
            round.steps, drifted = planning.merged(round.steps, seen, round.now)
            there = (each for each in round.steps if each.key not in before)
            fresh = [each for each in there if each.state not in (StepState.NONE, StepState.GONE)]
            present = {account.id: account for account, _ in found}
            doc.accounts = tuple(
                msgspec.structs.replace(each, account=present.get(each.account.id, each.account))
                for each in doc.accounts
            )
            doc.read_at, doc.digest = round.now, store.digest_of(store.canonical(shown))
            doc.successor, doc.successor_why = successor
            doc.unseen = {str(key): why for _, each in found for key, why in each.unseen.items()}
            place.waits, place.tries = "", 0
            place.privileged = any(each.privileged for each in round.steps)
            back = await self._told(round, drifted, fresh, proof, check=check)
            place.state = SystemState.DONE if check and not back else SystemState.WORK
            return await self._keep(round)

    async def _told(
        self, round: Round, drifted: Sequence[Step], fresh: Sequence[Step], proof: str, *, check: bool
    ) -> list[Step]:
        """Gives what is there again."""
        back = [*drifted, *(fresh if check else ())]
        where = round.place.connection
        for step in back:
            step.doc.drifted_at = round.now
            detail = {"what": step.kind, "name": step.name, "evidence": proof}
            await round.say("leaver_drifted", f"{step.kind} {step.name} is there again", step=step.id, **detail)
        if back:
            round.place.doc.drifted += 1
            title = f"what was taken away in {where} is there again: {len(back)} of it"
            await round.teller.ask(round.leaver, Cause.LEAVER_DRIFT, title, connection=where)
        elif fresh:
            text = f"{len(fresh)} to end there"
            await round.say("leaver_planned", text, steps=[f"{each.kind}: {each.name}"[:200] for each in fresh][:50])
        return back

    async def start(self, held: Round, step_id: str, to: Account | None) -> tuple[Round, Step]:
        """From here on a request may be under way. Raises Lost where the step is not to be sent any more, and Stopped
        where the guard keeps it from beginning.
        """
        async with self.database.begin("leaver.admit") as tx:
            why = await self._stopped(await self._mine(tx, held))
        if why:
            raise Stopped(why)
        async with self.database.begin("leaver.start") as tx:
            round = await self._mine(tx, held)
            step = next((each for each in round.steps if each.id == step_id), None)
            sendable = step is not None and step.state in (StepState.PLANNED, StepState.WAITING)
            if step is None or not sendable or round.leaver.state not in BEGUN:
                raise Lost
            step.state, step.doc.operation, step.doc.sent_at = StepState.DOING, new_id("lo", at=round.now), round.now
            step.doc.answered, step.doc.error, step.doc.why = False, "", ""
            step.doc.to = to.name if to is not None else ""
            asked = {
                "operation": step.doc.operation,
                "what": step.kind,
                "grant": step.grant_id,
                "account": step.account,
            }
            proof = await round.evidence(EvidenceKind.SENT, asked | {"to": step.doc.to}, step.id)
            await round.say("leaver_step", f"ends {step.kind} {step.name}", step=step.id, evidence=proof, **asked)
            return await self._keep(round), step

    async def _stopped(self, round: Round) -> str:
        """The first step of somebody in a system is counted there, too. What the guard wrote stays if it stops."""
        if any(each.doc.sent_at for each in round.steps):
            return ""
        ask = await ask_of(round.tx, round.leaver, round.place.connection)
        return (await admit(round.tx, self.rules.guard, ask, now=round.now, note=self.trail)).on_the_way

    async def sent(self, held: Round, step_id: str, conclusion: Conclusion | None, settles_s: float) -> Round:
        """What came back. None: the system took it; only reading shows whether it is gone."""
        async with self.database.begin("leaver.sent") as tx:
            round = await self._mine(tx, held)
            step = next(each for each in round.steps if each.id == step_id)
            told = {"outcome": "taken"} if conclusion is None else _said(conclusion)
            await round.evidence(EvidenceKind.ANSWER, told, step.id)
            if step.state not in UNDER_WAY:
                return await self._keep(round)
            if conclusion is None:
                step.doc.answered = True
            elif conclusion.outcome is Outcome.UNKNOWN:
                step.state, step.doc.error = StepState.UNKNOWN, conclusion.error[:500]
                await round.say("leaver_unknown", f"no answer: {conclusion.error}"[:500], step=step.id)
            elif conclusion.outcome is Outcome.REFUSED:
                await self._failed(round, step, conclusion.error)
            else:
                step.state, step.doc.error = StepState.WAITING, conclusion.error[:500]
                step.doc.tries += 1 if conclusion.counts or conclusion.moved else 0
                if step.doc.tries >= MOST_TRIES:
                    await self._failed(round, step, conclusion.error)
            return await self._keep(round)

    async def _failed(self, round: Round, step: Step, why: str) -> None:
        step.state, step.doc.error = StepState.FAILED, why[:500]
        await round.say("leaver_failed", f"{step.kind} {step.name}: {why}"[:500], step=step.id)
        title = f"something in {round.place.connection} cannot be taken away"
        await round.teller.ask(round.leaver, Cause.LEAVER_FAILED, title, connection=round.place.connection, error=why)

    async def read_back(self, held: Round, found: Sequence[tuple[str, Holdings]], settles_s: float) -> Round:
        """What is there after something was sent: the only proof that something is gone."""
        async with self.database.begin("leaver.read") as tx:
            round = await self._mine(tx, held)
            there = {account: {(str(g.kind), g.id) for g in holdings.grants} for account, holdings in found}
            shown = dict(found)
            for step in round.steps:
                if step.state in UNDER_WAY and step.account in there:
                    kept = (step.kind, step.grant_id) in there[step.account]
                    if blind := "" if kept else planning.hidden(step, shown[step.account]):
                        kept, step.doc.error = True, f"it cannot be seen whether it is gone: {blind}"[:500]
                    proof = await round.evidence(EvidenceKind.READ, shown[step.account], step.id)
                    step.doc.looks = (*step.doc.looks, Look(at=round.now, there=kept, evidence=proof))[-20:]
                    await self._judged(round, step, settles_s, kept=kept, proof=proof)
            return await self._keep(round)

    async def _judged(self, round: Round, step: Step, settles_s: float, *, kept: bool, proof: str) -> None:
        if not kept:
            step.state, step.gone_at, step.doc.error = StepState.GONE, round.now, ""
            await round.say("leaver_gone", f"{step.kind} {step.name} is gone", step=step.id, evidence=proof)
        elif proves_nothing_happened(step, round.now, settles_s):
            step.doc.tries += 1
            step.state = StepState.PLANNED
            if step.doc.tries >= MOST_TRIES:
                await self._failed(round, step, step.doc.error or "it is there still, although the system took it")

    async def checked(self, held: Round, before: int) -> Round:
        """Looked at again, and all is still gone. `before`: how many checks there had been."""
        async with self.database.begin("leaver.checked") as tx:
            round = await self._mine(tx, held)
            place = round.place
            place.doc.checks = before + 1
            for step in round.steps:
                if step.state is StepState.GONE and not step.doc.hidden:
                    step.checked_at, step.checks = round.now, step.checks + 1
            if check_at(place, self.rules) is None:
                place.state = SystemState.OVER
            await round.say("leaver_checked", f"looked at again, and still gone ({place.doc.checks})")
            return await self._keep(round)


def _said(conclusion: Conclusion) -> dict[str, Any]:
    return {
        "outcome": str(conclusion.outcome),
        "status": conclusion.status,
        "error": conclusion.error[:2000],
        "evidence": msgspec.to_builtins(conclusion.evidence, str_keys=True, enc_hook=str),
    }
