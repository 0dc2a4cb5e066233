"""Carries events out: on workers, on the broker, on the database, on the stand-ins."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import aiohttp

from gateway.demo.stand_ins import StandIn
from scripts.real_parts import Servers
from tests.whole.crew import Crew
from tests.whole.schedule import Event


class Acts:
    """One run's troubles. `done` counts what was carried out, by kind."""

    def __init__(
        self, crew: Crew, servers: Servers, stand_ins: Mapping[str, StandIn], say: Callable[[str], None]
    ) -> None:
        self._crew, self._servers, self._stand_ins, self._say = crew, servers, stand_ins, say
        self._broker, self._database = asyncio.Lock(), asyncio.Lock()
        self.done: Counter[str] = Counter()

    async def carry_out(self, events: list[Event]) -> None:
        """Each at its moment from now; one worker or server goes through one thing at a time."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for event in events:
                await asyncio.sleep(max(0.0, began + event.at_s - time.monotonic()))
                group.create_task(self._one(event))

    async def _one(self, event: Event) -> None:
        self._say(str(event))
        match event.kind:
            case "kill":
                await self._crew.kill(event.worker, event.for_s, event.ahead_s)
            case "stop" | "clock":
                await self._crew.stop(event.worker, event.for_s, event.ahead_s)
            case "freeze":
                await self._crew.freeze(event.worker, event.for_s)
            case "join":
                await self._crew.join(event.for_s, event.ahead_s)
            case "broker_stop" | "broker_kill":
                await self._restart_broker(event)
            case "database_crash" | "database_cut" | "database_read_only" | "database_refuses":
                await self._trouble_database(event)
            case _:
                await self._arm(event)
        self.done[event.kind] += 1

    async def _restart_broker(self, event: Event) -> None:
        broker = self._servers.broker
        async with self._broker:
            await asyncio.to_thread(broker.stop if event.kind == "broker_stop" else broker.kill)
            await asyncio.sleep(event.for_s)
            await asyncio.to_thread(broker.start)

    async def _trouble_database(self, event: Event) -> None:
        """Never two at once: each ends by putting everything right."""
        cluster, name = self._servers.cluster, self._servers.database
        sql = cluster.sql
        cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        async with self._database:
            match event.kind:
                case "database_crash":
                    await asyncio.to_thread(cluster.crash)
                    await asyncio.sleep(event.for_s)
                    await asyncio.to_thread(cluster.start)
                case "database_cut":
                    await asyncio.to_thread(sql, cut)
                case "database_read_only":  # as a server that was the primary until a moment ago
                    await asyncio.to_thread(sql, f"ALTER DATABASE {name} SET default_transaction_read_only = 'on'")
                    await asyncio.to_thread(sql, cut)
                    await asyncio.sleep(event.for_s)
                    await asyncio.to_thread(sql, f"ALTER DATABASE {name} RESET default_transaction_read_only")
                    await asyncio.to_thread(sql, cut)
                case "database_refuses":
                    await asyncio.to_thread(sql, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
                    await asyncio.to_thread(sql, cut)
                    await asyncio.sleep(event.for_s)
                    await asyncio.to_thread(sql, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    async def _arm(self, event: Event) -> None:
        stand_in = self._stand_ins[event.connection]
        wanted = {name: value for name, value in event.options.items() if value is not None}
        async with stand_in.http.post(f"{stand_in.url}/_sandbox/faults", json=wanted, raise_for_status=True) as answer:
            await answer.read()

    async def heal(self) -> None:
        """The systems work again."""
        for stand_in in self._stand_ins.values():
            with _told(stand_in):
                async with stand_in.http.delete(f"{stand_in.url}/_sandbox/faults", raise_for_status=True) as answer:
                    await answer.read()


@contextmanager
def _told(stand_in: StandIn) -> Iterator[None]:
    """A stand-in that cannot be reached is a failure of the run, not of the product: name it."""
    try:
        yield
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise RuntimeError(f"the {stand_in.connection} stand-in cannot be reached") from error
