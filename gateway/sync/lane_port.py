"""How a person's decision about a case reaches the lanes: inside the decision's own transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import ConfigError
from dead_letter.errors import CorrectionMoved
from dead_letter.values import Case
from gateway.sync import operator, store
from gateway.sync.batch import Batch, Decision, Topology
from gateway.sync.bounds import ACTOR, label
from gateway.sync.retried import ask_again
from gateway.sync.unit import Unit

Accept = Callable[[AsyncConnection, Case, str, float], Awaitable[None]]
"""What lets a stopped sweep pass, of the package that sweeps: (transaction, case, who decided, when)."""


class Lanes:
    """dead_letter's LanePort for one open transaction."""

    def __init__(
        self, tx: AsyncConnection, topology: Topology, *, now: float, actor: str, accept: Accept | None = None
    ) -> None:
        self.tx, self.topology, self.now, self.actor = tx, topology, now, label(actor, ACTOR)
        self._accept = accept

    async def retry(self, case: Case) -> None:
        """What to write is computed anew; a notice that could not be processed is looked at again."""
        if case.evidence.get("notice") or not case.record:
            await ask_again(self.tx, case, now=self.now)
            return
        await self._apply(case, lambda unit: operator.retry(unit, case.connection, case.key, actor=self.actor))

    async def discard(self, case: Case) -> None:
        """Waives the fields of the case at their present versions."""
        if case.record:
            await self._apply(case, lambda unit: operator.discard(unit, case.connection, case.key, actor=self.actor))

    async def seen_to(self, case: Case) -> None:
        """A lane that was parked with this case looks again."""
        if case.record and case.flow in self.topology.flows:
            await self._apply(case, lambda unit: operator.seen_to(unit, case.connection, case.key, actor=self.actor))

    async def accept(self, case: Case) -> None:
        """The sweep runs again, and these deletions pass."""
        if self._accept is None:
            raise RuntimeError(f"{case.number}: whoever takes this decision has to know the sweeps")
        await self._accept(self.tx, case, self.actor, self.now)

    async def look(self, case: Case) -> None:
        """One more look at the target. A case of a whole connection has no lane: its gate tries by itself."""
        if case.record:
            await self._apply(case, lambda unit: operator.look(unit, case.connection, actor=self.actor))

    async def declare(self, case: Case, applied: bool) -> None:
        """Takes a person's word for the outcome of the attempt named in the evidence. If that attempt was forgotten,
        the lane goes on from what a read shows.
        """
        attempt = await store.load_attempt(self.tx, str(case.evidence.get("attempt", "")))
        if attempt is None:
            await self.retry(case)
            return
        await self._apply(
            case,
            lambda unit: operator.declare(unit, case.connection, attempt, case.key, applied=applied, actor=self.actor),
        )

    async def resolve(self, case: Case, winner: str) -> None:
        """Makes one side's value canonical."""
        await self._apply(
            case,
            lambda unit: operator.resolve(unit, case.connection, case.field, winner, case.key, actor=self.actor),
        )

    async def correct(self, case: Case, field: str, old: Any, new: Any) -> None:
        """Makes another value of a field canonical, if it still holds the one that the corrector saw."""

        def rule(unit: Unit) -> None:
            known = unit.state.fields.get(field)
            if (known.now.value if known else None) != old:
                raise CorrectionMoved(case.number, field)
            operator.correct(unit, case.connection, field, new, case.key, actor=self.actor)

        await self._apply(case, rule)

    async def enter(self, case: Case, value: Any) -> None:
        """Makes a value that neither side holds canonical."""
        await self._apply(
            case,
            lambda unit: operator.enter(unit, case.connection, case.field, value, case.key, actor=self.actor),
        )

    async def _apply(self, case: Case, rule: Callable[[Unit], None]) -> None:
        if case.flow not in self.topology.flows:
            raise ConfigError(
                [f"flow: error[unknown-flow]: {case.number} is of flow {case.flow!r}, which is not configured"]
            )
        batch = Batch(self.tx, self.topology, self.now)

        def of_the_case(unit: Unit) -> None:
            unit.notice = case.number
            rule(unit)

        await batch.run([Decision(record=case.record, rule=of_the_case)])
