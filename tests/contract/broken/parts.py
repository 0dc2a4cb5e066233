"""Parts around the rules, each with the one line missing that keeps a promise."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import msgspec
from sqlalchemy import true

from connectors.contract.errors import CredentialsError, LockstepError, StorageError
from connectors.contract.values import Change
from gateway.app.consume import Consumer
from gateway.delivery import due, runner, sending
from gateway.delivery.breaker import Gate
from gateway.intake.hooks import Hooks
from gateway.intake.poller import Poller
from gateway.sync import retention, store
from gateway.sync.attempts import Outcome
from tests.contract.broken.rules import put


def answers_first(stack: ExitStack) -> None:
    """P1: a webhook is answered before it is durable."""

    async def append(self: Hooks, received: Any) -> None:
        entries = [(change.stream_key, msgspec.json.encode(change)) for change in received.changes]
        task = asyncio.ensure_future(self.stream.append_many(entries))
        task.add_done_callback(lambda done: done.exception())

    put(stack, Hooks, "_append", append)


def cursor_first(stack: ExitStack) -> None:
    """P1: the cursor moves before the page is durable."""

    async def turn(self: Poller) -> float:
        cursor = await self._claim()
        page = await self.connector.changes(cursor or None)
        await self._move(page.cursor)
        await self.stream.append_many([(c.stream_key, msgspec.json.encode(c)) for c in page.changes])
        return self.every_s

    put(stack, Poller, "_turn", turn)


def acknowledges_first(stack: ExitStack) -> None:
    """P1: what the stream handed over is acknowledged although no transaction holds it."""

    async def handle(self: Consumer, values: Sequence[bytes]) -> None:
        changes = [msgspec.json.decode(value, type=Change) for value in values]
        try:
            await self.decider.accept(changes)
        except StorageError:
            return

    put(stack, Consumer, "handle", handle)


def forgets_deliveries(stack: ExitStack) -> None:
    """P2: a repeated delivery is taken for a new one."""

    async def unseen(tx: Any, arrivals: Sequence[Any]) -> set[str]:
        for arrival in arrivals:
            key = f"{arrival.change.delivery_key}:{arrival.id}"
            arrival.change = msgspec.structs.replace(arrival.change, delivery_key=key)
        return {arrival.id for arrival in arrivals}

    put(stack, store, "unseen", unseen)


def purges_by_age_alone(stack: ExitStack) -> None:
    """P7: old receipts go, whoever may still need them."""
    put(stack, retention, "_settled", lambda record: true())


def breaker_off(stack: ExitStack) -> None:
    """P10: a system that is down is asked again and again."""
    put(stack, Gate, "_reopen", lambda self, state, reason: None)
    put(stack, Gate, "admits", lambda self: True)


def counts_outages(stack: ExitStack) -> None:
    """P10: failures count as the record's own although the whole system is down."""
    again = sending._again

    def counted(error: Any, gate: Gate) -> Any:
        conclusion = again(error, gate)
        conclusion.counts = True
        return conclusion

    put(stack, sending, "_again", counted)


def blames_records_for_credentials(stack: ExitStack) -> None:
    """P10: a dead password is treated as a refusal of this one record."""
    real = sending.concluded

    def concluded(error: Exception, gate: Gate, *, reading: bool = False) -> Any:
        conclusion = real(error, gate, reading=reading)
        if isinstance(error, CredentialsError):
            conclusion.outcome, conclusion.reason = Outcome.REFUSED, ""
        return conclusion

    put(stack, runner, "concluded", concluded)


def counts_throttling(stack: ExitStack) -> None:
    """P10: being asked to wait counts as a failed try."""
    real = sending.concluded

    def concluded(error: Exception, gate: Gate, *, reading: bool = False) -> Any:
        conclusion = real(error, gate, reading=reading)
        conclusion.counts = conclusion.counts or isinstance(error, LockstepError)
        return conclusion

    put(stack, runner, "concluded", concluded)


def leaves_the_dead(stack: ExitStack) -> None:
    """P1: nobody comes for the lanes of a worker that died."""
    put(stack, due, "lost", lambda connection, now, after, limit: due.due(connection, now, 0))


def blames_the_connection(stack: ExitStack) -> None:
    """P3: one record that is refused stops the whole connection."""
    real = sending.concluded

    def concluded(error: Exception, gate: Gate, *, reading: bool = False) -> Any:
        conclusion = real(error, gate, reading=reading)
        if conclusion.outcome is Outcome.REFUSED:
            gate.rejected(str(error))
        return conclusion

    put(stack, runner, "concluded", concluded)
