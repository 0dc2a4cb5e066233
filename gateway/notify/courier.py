"""Sends what waits: each channel by itself, one event after the other, so that a dead receiver holds up no other.

Sent at least once: the record comes after the answer, and a kill between the two has the same event sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Chance, Clock
from connectors.contract.errors import StorageError
from gateway.config.notifications import LOG, Notifications
from gateway.core.points import reached
from gateway.notify import channels, outbox
from gateway.notify.channels import Health, after_delivery, after_failure, keep_health
from gateway.notify.facts import Facts, Kind
from gateway.notify.outbox import Due
from gateway.notify.schedule import delay_s, jittered
from gateway.notify.sending import Outcome, Sends
from gateway.storage.database import Database

EVERY_S = 1.0

log = structlog.get_logger()


class Courier:
    """Sends for one worker. Several may: the database says who sends what."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        chance: Chance,
        worker: str,
        config: Notifications,
        senders: Mapping[str, Sends],
    ) -> None:
        self.database, self.clock, self.chance, self.worker = database, clock, chance, worker
        self.config, self.senders = config, senders
        self._busy: set[str] = set()

    async def loop(self) -> None:
        """Until cancelled. A database that is away is waited for."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._begin(group)
                await asyncio.sleep(EVERY_S)

    async def once(self) -> None:
        """Sends everything that is due now, over all channels at the same time."""
        async with asyncio.TaskGroup() as group:
            await self._begin(group)

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        """Begins with every channel that something is due for, and that is not at it already."""
        try:
            async with self.database.read() as tx:
                due = await outbox.due_channels(tx, self.clock.now())
                health = await channels.all_health(tx)
        except StorageError as error:
            log.warning("notifications wait for the database", error=str(error))
            return
        for name in sorted(due - self._busy):
            self._busy.add(name)
            group.create_task(self._serve(name, health.get(name, Health(name=name))), name=f"notify-{name}")

    async def _serve(self, name: str, health: Health) -> None:
        try:
            if name not in self.senders or health.state is channels.State.DISABLED:
                await self._hand_over(name)
            elif health.wait_until <= self.clock.now():
                await self._drain(name)
        except StorageError as error:
            log.warning("notifications wait for the database", channel=name, error=str(error))
        finally:
            self._busy.discard(name)

    async def _drain(self, name: str) -> None:
        """Sends over one channel until nothing is due, or it does not work."""
        while True:
            async with self.database.begin("notify.claim") as tx:
                due = await outbox.claim(tx, name, self.worker, self.clock.now())
            if due is None:
                return
            reached("notify.before_send")
            outcome = await self.senders[name].send(due)
            reached("notify.after_answer")
            await self._record(due, outcome)
            if not outcome.delivered:
                return

    async def _record(self, due: Due, outcome: Outcome) -> None:
        now = self.clock.now()
        async with self.database.begin("notify.record") as tx:
            before = await channels.health_of(tx, due.channel)
            if outcome.delivered:
                ended = {"state": outbox.State.DELIVERED, "ended_at": now}
                await outbox.record(tx, due, self.worker, **ended, answer=outcome.answer, attempts=due.attempts + 1)
                await self._healthier(tx, before, after_delivery(before, now), now)
                return
            wait_s = self._wait_s(due, outcome)
            await outbox.record(tx, due, self.worker, **self._failed(due, outcome, wait_s, now))
            slow_s = jittered(outcome.slow_s, self.chance) if outcome.slow_s else 0.0
            after = after_failure(before, outcome.answer, now, gone=outcome.gone, wait_s=slow_s)
            await keep_health(tx, after)
            await self._tell_of_failure(tx, due, before, after, given_up=wait_s is None, now=now)

    def _wait_s(self, due: Due, outcome: Outcome) -> float | None:
        """Until the next attempt; None: there is no more."""
        if outcome.hopeless:
            return None
        wait_s = delay_s(due.attempts + 1, self.chance)
        return None if wait_s is None else max(wait_s, outcome.retry_after_s)

    def _failed(self, due: Due, outcome: Outcome, wait_s: float | None, now: float) -> dict[str, Any]:
        told: dict[str, Any] = {"answer": outcome.answer, "attempts": due.attempts + 1}
        if wait_s is None:
            return {**told, "state": outbox.State.FAILED, "ended_at": now}
        return {**told, "state": outbox.State.WAITING, "next_at": now + wait_s}

    async def _healthier(self, tx: AsyncConnection, before: Health, after: Health, now: float) -> None:
        await keep_health(tx, after)
        if before.state is not channels.State.WORKING:
            text = f"The channel {after.name} works again"
            await self._tell(tx, after.name, Kind.CHANNEL_RECOVERED, text, "", now)

    async def _tell_of_failure(
        self, tx: AsyncConnection, due: Due, before: Health, after: Health, *, given_up: bool, now: float
    ) -> None:
        """The fallback hears that the channel is in trouble, and gets what will not be sent over it any more."""
        if after.state is not before.state:
            log.error("a channel does not work", channel=after.name, state=str(after.state), reason=after.reason)
            text = f"The channel {after.name} is {after.state}: {after.reason}"
            await self._tell(tx, after.name, Kind.CHANNEL_FAILED, text, str(after.state), now)
        if after.state is channels.State.DISABLED:
            await self._move(tx, after.name, now)
        elif given_up:
            text = f"The channel {after.name} did not take an event in {due.attempts + 1} tries: {after.reason}"
            log.error("an event was not delivered", channel=after.name, id=due.event, reason=after.reason)
            await self._tell(tx, after.name, Kind.CHANNEL_FAILED, text, "given_up", now)
            await outbox.hand_over(tx, after.name, self._fallback(after.name), LOG, now, [due.event])

    async def _tell(self, tx: AsyncConnection, name: str, kind: Kind, text: str, why: str, now: float) -> None:
        """Tells a channel's fallback about it. The log has none: what goes there is read or lost."""
        if name == LOG:
            return
        thread = await outbox.thread_of(tx, f"channel:{name}")
        facts = Facts(text=text, path="/settings", channel=name, why=why)
        after, event = outbox.told(thread, kind, facts, now)
        ended = msgspec.structs.replace(after, ended=kind is Kind.CHANNEL_RECOVERED)
        await outbox.keep(tx, [ended], now)
        await outbox.emit(tx, event, {self._fallback(name): now}, self.config.base, now)

    def _fallback(self, name: str) -> str:
        """The log for a channel that is not configured any more."""
        channel = self.config.channels.get(name)
        return channel.fallback if channel else LOG

    async def _hand_over(self, name: str) -> None:
        """Of a channel that its receiver or somebody who changed the configuration took away."""
        async with self.database.begin("notify.move") as tx:
            await self._move(tx, name, self.clock.now())

    async def _move(self, tx: AsyncConnection, name: str, now: float) -> None:
        await outbox.hand_over(tx, name, self._fallback(name), LOG, now)
