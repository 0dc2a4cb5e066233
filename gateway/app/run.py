"""`lockstep run`: starts the parts in an order in which nothing is lost, and stops them the other way round."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Collection
from typing import Any, NoReturn, Protocol

import structlog
from aiohttp import web

from connectors.contract.errors import ConfigError, LockstepError, StorageError
from gateway.app.compose import Gateway, compose
from gateway.app.consume import Consumer
from gateway.app.door import Door
from gateway.app.exclusive import lock
from gateway.app.http import application
from gateway.app.logs import configure_logs
from gateway.app.published import with_published
from gateway.app.recover import recover
from gateway.audit.keys import former_of, signing
from gateway.audit.taking_over import take_over
from gateway.config import Config, load
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from gateway.work.applying import remember_configuration
from gateway.work.mapping_versions import remember

STORAGE_WAIT_S = 1.0
REQUEST_GRACE_S = 5.0
"""How long a stop waits for requests under way: one that never ends its body must not hold it up for a minute."""

log = structlog.get_logger()


class Defect(LockstepError):
    """A part that runs for ever has ended. The process ends with it, so that a supervisor starts it afresh."""

    def __init__(self, names: str) -> None:
        super().__init__(f"{names} ended by a defect of ours; nothing accepted is lost, start the gateway again")


def serve(config: Config) -> None:
    """Runs a gateway until SIGINT or SIGTERM. Raises ConfigError for what makes a start impossible."""
    configure_logs()
    held = lock(config.data)
    try:
        try:
            import uvloop
        except ImportError:
            asyncio.run(run(config))
        else:
            uvloop.run(run(config))
    finally:
        held.close()


async def run(config: Config) -> None:
    """Runs until a signal asks it to stop, also while it still waits for its database. Taken up anew on request, it
    listens all the while: who asks then is answered a moment later.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    asked = asyncio.create_task(stop.wait())
    serving = asyncio.create_task(_serving(config))
    await asyncio.wait({asked, serving}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _serving(given: Config) -> None:
    """Serves until cancelled; then everything that was started is stopped in order. Whenever it is asked to begin
    again, it does so with the files that are in place.
    """
    door = Door()
    before: Gateway | None = None
    try:
        while True:
            again = asyncio.Event()
            gateway = before = await _composed(given, before, again.set)
            async with running(gateway, door):
                await _served(gateway, again)
            given = await asyncio.to_thread(_in_place, gateway.config)
    finally:
        door.close()


async def _composed(given: Config, before: Gateway | None, begin_again: Callable[[], None]) -> Gateway:
    """The parts; those of before, if there are none for this. Raises ConfigError."""
    try:
        if before is None or given is not before.config:
            return compose(await _as_published(given), begin_again=begin_again)
    except ConfigError as error:
        if before is None:
            raise
        log.warning("goes on with what it had", problems=error.problems)
    return compose(before.config, begin_again=begin_again, begun_with=before.place.begun_with)


async def _served(gateway: Gateway, again: asyncio.Event) -> None:
    """Serves until it is asked to begin again. It stops at once then: who asks next is answered by what follows."""
    _calm_collector()
    config = gateway.config
    log.info("running", listen=f"{config.host}:{config.port}", worker=gateway.name, config=str(config.file))
    ends, asked = asyncio.create_task(until_one_ends(gateway.tasks)), asyncio.create_task(again.wait())
    try:
        await asyncio.wait({ends, asked}, return_when=asyncio.FIRST_COMPLETED)
        if ends.done():
            await ends
    finally:
        ends.cancel()
        asked.cancel()
        log.info("stopping", worker=gateway.name)


def _in_place(config: Config) -> Config:
    """What the files say by now; the same as before if they cannot be read."""
    try:
        return load(config.file, os.environ)
    except ConfigError as error:
        log.warning("goes on with what it had", problems=error.problems)
        return config


async def _as_published(config: Config) -> Config:
    """The configuration with the mappings of the database, if that manages them; waits for it as long as it takes."""
    if config.mappings_by == "files":
        return config
    database = Database(config.database, pool_size=2, signer=signing(config))
    try:
        while True:
            try:
                await migrate(database)
                used = await with_published(config, database)
                log.info("mappings are managed by the database", mappings=_labels(used), files=_labels(config))
                return used
            except StorageError as error:
                log.warning("waiting for the database with the mappings", error=str(error))
                await asyncio.sleep(STORAGE_WAIT_S)
    finally:
        await database.close()


def _labels(config: Config) -> list[str]:
    return sorted({member.mapping.label for flow in config.flows.values() for member in flow.members.values()})


async def until_one_ends(tasks: Collection[asyncio.Task[None]]) -> NoReturn:
    """Waits for parts that run for ever. Defect: one has ended, in whatever way."""
    ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    causes = [task.exception() for task in ended if not task.cancelled()]
    raise Defect(", ".join(task.get_name() for task in ended)) from next(iter(causes), None)


@contextlib.asynccontextmanager
async def running(gateway: Gateway, door: Door | None = None) -> Any:
    """A started gateway. Leaving stops intake first, then the agent, then delivery, then the writer. `door`: what it is
    asked at, and what stays open for the next one; without it a door of its own.
    """
    consumer = Consumer(gateway.decider)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(gateway.database.close)
        await _when_there_is_a_database(gateway)
        stack.push_async_callback(gateway.clock.stop)
        for connector in gateway.connectors.values():
            stack.push_async_callback(connector.close)
        for part in (gateway.checkpointing, gateway.decider):
            await part.start()
            stack.push_async_callback(part.stop)
        await gateway.credentials.start()
        stack.push_async_callback(gateway.credentials.stop)
        await gateway.budgets.start()
        stack.push_async_callback(gateway.budgets.stop)
        await gateway.pauses.start()
        stack.push_async_callback(gateway.pauses.stop)
        await gateway.released.start()
        stack.push_async_callback(gateway.released.stop)
        await gateway.dispatcher.start()
        stack.push_async_callback(gateway.dispatcher.stop)
        await gateway.keeper.start()
        stack.push_async_callback(gateway.keeper.stop)
        await gateway.meter.start()
        stack.push_async_callback(gateway.meter.stop)
        await gateway.housekeeping.start()
        stack.push_async_callback(gateway.housekeeping.stop)
        await gateway.scout.start()
        stack.push_async_callback(gateway.scout.stop)
        await gateway.waker.start()
        stack.push_async_callback(gateway.waker.stop)
        await _begin(stack, *gateway.sweepers, *gateway.notifiers, gateway.sinks, gateway.offboarder)
        await gateway.replayer.start()
        stack.push_async_callback(gateway.replayer.stop)
        await gateway.planner.start()
        stack.push_async_callback(gateway.planner.stop)
        await gateway.backtester.start()
        stack.push_async_callback(gateway.backtester.stop)
        await gateway.pulse.start()
        stack.push_async_callback(gateway.pulse.stop)
        gateway.stream.consume(consumer.handle)
        stack.push_async_callback(gateway.stream.stop)
        await gateway.stream.start()
        await gateway.pressure.start()
        stack.push_async_callback(gateway.pressure.stop)
        for poller in gateway.pollers:
            await poller.start()
            stack.push_async_callback(poller.stop)
        await _listen(gateway, consumer, stack, door)
        yield consumer


class _Begins(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


async def _begin(stack: contextlib.AsyncExitStack, *parts: _Begins) -> None:
    """In this order; they stop the other way round."""
    for part in parts:
        await part.start()
        stack.push_async_callback(part.stop)


def _calm_collector() -> None:
    """What was imported lives as long as the process, and a change makes thousands of short-lived objects."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _when_there_is_a_database(gateway: Gateway) -> None:
    """Waits for the database as long as it takes; a configuration that cannot work is an error at once."""
    for attempt in range(sys.maxsize):
        try:
            await migrate(gateway.database)
            await recover(gateway.database)
            await gateway.clock.start()
            await take_over(gateway.database, former_of(gateway.config), now=gateway.clock.now())
            await remember(gateway.place, by=gateway.name)
            await remember_configuration(gateway.place, by=gateway.name)
        except StorageError as error:
            await gateway.clock.stop()
            if _is_no_database(error):
                problem = f"database: error[no-database]: {gateway.database.url.database} is no SQLite database"
                raise ConfigError([f"{problem}; put its backup in place, or name another `data`"]) from error
            if attempt % 30 == 0:
                log.warning("waiting for the database", error=str(error))
            await asyncio.sleep(STORAGE_WAIT_S)
        else:
            return


def _reason(error: OSError) -> str:
    """What the system says; asyncio writes the address into `strerror`, which the sentence has already."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)


def _is_no_database(error: StorageError) -> bool:
    """Whether waiting is of no use: the file is something else, or is damaged."""
    code = getattr(getattr(error.__cause__, "orig", None), "sqlite_errorcode", 0)
    return code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


async def _listen(gateway: Gateway, consumer: Consumer, stack: contextlib.AsyncExitStack, door: Door | None) -> None:
    app = application(gateway, consumer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=REQUEST_GRACE_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    config = gateway.config
    try:
        if door is None:
            await web.TCPSite(runner, config.host, config.port, reuse_address=True).start()
        else:
            for each in door.sockets(config.host, config.port):
                await web.SockSite(runner, each).start()
    except OSError as error:
        problem = f"listen: error[address]: nothing can be served at {config.host}:{config.port}: {_reason(error)}"
        raise ConfigError([f"{problem}; try another address"]) from error
