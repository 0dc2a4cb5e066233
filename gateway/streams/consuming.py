"""The consuming side: keeps one Faust application reading, and replaces it when it crashes or stalls."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import cast

from faust.streams import Stream
from faust.types import TP, StreamT
from faust.types.tuples import Message

from connectors.contract.clock import Chance, Clock
from gateway.streams.app import StreamApp
from gateway.streams.backend import Backend
from gateway.streams.bounded import ended, within
from gateway.streams.guard import SafeCommit
from gateway.streams.port import Handler, StreamHealth, StreamOptions
from gateway.streams.runner import Runner, pause_s
from gateway.streams.watchdog import Watchdog, Watchdogs

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_ANSWER_S = 5.0
_START_S = 120.0
_CLOSE_S = 10.0
_TRIM_EVERY_S = 300.0
_STARVED = 5
"""A partition may wait for so many times `stall_s` while others move on: a long backlog takes turns in megabytes."""
_STEADY_S = 60.0
"""A consumer that ran for this long was well: the pause before its next start is short again."""


class Consuming:
    """Owns the handler's runner and the application that feeds it, one life after the other."""

    def __init__(
        self, backend: Backend, handler: Handler, clock: Clock, chance: Chance, options: StreamOptions
    ) -> None:
        self._backend, self._clock, self._chance, self._options = backend, clock, chance, options
        self._watchdog = Watchdog(clock, options.stall_s)
        self._starving = Watchdogs[int](clock, options.stall_s * _STARVED)
        self._runner = Runner(handler, self._finished, batch_entries=options.batch_entries, clock=clock, chance=chance)
        self._app: StreamApp | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self._gaps: set[tuple[TP, int]] = set()
        self._lag: dict[int, int] = {}
        self._at: dict[int, int] = {}
        """Partition -> its lowest offset that is not handled."""
        self._reason: str | None = "the consumer is starting"
        self._restarts = 0

    def start(self) -> None:
        """Begin, in the background."""
        works = {"consumer": self._supervise(), "trimmer": self._trim(), "handler": self._runner.run()}
        self.tasks = [asyncio.create_task(work, name=f"stream {name}") for name, work in works.items()]

    async def stop(self) -> None:
        """End the batch in hand within `stop_s`, commit, leave the group."""
        self._reason = "the stream is being stopped"
        supervisor, trimmer, runner = self.tasks
        await _cancel(supervisor, trimmer)
        await self._end_life()
        await _cancel(runner)

    def health(self) -> StreamHealth:
        """See the port."""
        reason = self._reason or self._runner.trouble
        return StreamHealth(
            ready=reason is None,
            reason=reason,
            lag=dict(self._lag),
            last_progress=self._runner.last_progress,
            restarts=self._restarts,
            retries=self._runner.retries,
        )

    # One life.

    async def _begin_life(self) -> None:
        app = StreamApp(
            self._backend.name,
            self._backend.broker,
            settle=self._settle,
            gap_is_news=self._gap_is_news,
            **self._backend.settings,
        )
        app.transport = self._backend.transport(app)
        app.agent(app.topic(self._backend.name), name="sync", concurrency=1)(self._feed)
        self._app = app
        starting = asyncio.create_task(app.start())
        try:
            await ended(_START_S, starting)
        finally:
            # Cut off half-way it would leave connections and a thread's loop open, which only a started part closes.
            await asyncio.wait({starting}, timeout=_CLOSE_S)
            starting.cancel()

    async def _end_life(self) -> None:
        await self._settle()  # first: what finishes now is still reported to this life, and committed by its stop
        app, self._app = self._app, None
        if app is None:
            return
        try:
            await within(_CLOSE_S, app.stop())
        except Exception as error:  # noqa: BLE001 - it is being thrown away; what it left uncommitted is read again
            logger.warning("a stream application did not stop cleanly: %s: %s", type(error).__name__, error)
        self._consumer(app).release()

    async def _feed(self, stream: StreamT[bytes]) -> None:
        """The Faust agent. It never raises for what a value says, and it acknowledges nothing."""
        async for event in cast("Stream[bytes]", stream).noack().events():
            await self._runner.offer(event.message)

    def _finished(self, message: Message) -> None:
        if self._app is not None:
            self._consumer(self._app).finished(message)

    async def _settle(self) -> None:
        await self._runner.settle(self._options.stop_s)

    def _gap_is_news(self, tp: TP, offset: int) -> bool:
        if (tp, offset) in self._gaps:
            logger.warning(
                "%s[%d]: the broker has no message at offset %d; going on behind it", tp.topic, tp.partition, offset
            )
            return False
        self._gaps.add((tp, offset))
        return True

    # From life to life.

    async def _supervise(self) -> None:
        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                await self._begin_life()
                self._reason = None
                trouble = await self._watch()
            except Exception as error:  # noqa: BLE001 - whatever keeps it from running, the answer is to try again
                trouble = f"the consumer cannot run: {type(error).__name__}: {error}"
            failures = 1 if self._clock.monotonic() - began > _STEADY_S else failures + 1
            self._restarts += 1
            self._reason = f"the consumer is restarted: {trouble}"
            logger.error("restarting the consumer of stream %s: %s", self._backend.name, trouble)
            await self._end_life()
            await asyncio.sleep(pause_s(failures, self._chance))

    async def _watch(self) -> str:
        """Look at the application until it must be replaced; returns why."""
        app = cast(StreamApp, self._app)
        self._watchdog.reset()
        self._starving.reset()
        while True:
            with suppress(TimeoutError):
                await within(_LOOK_EVERY_S, app.wait_crashed())
                return f"it crashed: {app.crash_reason!r}"
            waiting = await self._look(self._consumer(app))
            mark = (self._runner.handled, self._runner.retries)
            if self._watchdog.stalled(mark=mark, waiting=waiting):
                return f"no progress for {self._options.stall_s:g} s while messages wait"
            if starved := self._starved():
                return f"no progress in partitions {starved} for {self._options.stall_s * _STARVED:g} s"

    def _starved(self) -> list[int]:
        marks = {partition: (at, self._runner.retries) for partition, at in self._at.items()}
        return self._starving.stalled(marks, {partition: bool(lag) for partition, lag in self._lag.items()})

    async def _look(self, consumer: SafeCommit) -> bool:
        """Compare what is handled with where the log ends. True when messages wait, or when nobody tells."""
        held = consumer.assignment()
        try:
            ends = await within(_ANSWER_S, consumer.highwaters(*held)) if held else {}
        except Exception as error:  # noqa: BLE001 - whatever it is, we do not know where the log ends
            self._reason = f"the broker does not answer: {type(error).__name__}: {error}"
            return True
        positions = consumer.ledger.positions()
        self._at = {tp.partition: positions.get(tp, ends[tp]) for tp in sorted(held)}
        self._lag = {tp.partition: max(0, ends[tp] - self._at[tp.partition]) for tp in sorted(held)}
        self._reason = None
        return any(self._lag.values())

    async def _trim(self) -> None:
        while True:
            await asyncio.sleep(_TRIM_EVERY_S)
            if self._app is None or self._reason is not None:
                continue
            committed = self._consumer(self._app).ledger.committed()
            try:
                await self._backend.trim({tp.partition: offset for tp, offset in committed.items()})
            except self._backend.failures as error:
                logger.warning("handled messages were not deleted: %s: %s", type(error).__name__, error)

    @staticmethod
    def _consumer(app: StreamApp) -> SafeCommit:
        return cast(SafeCommit, app.consumer)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=_CLOSE_S)
