"""The writer's SQLite connection: statements run where they are called, only waits go to aiosqlite's thread.

A write transaction of the gateway is many short statements. Handing each of them to a thread and back costs more than
the
statement; beginning (which waits for a lock) and committing (which waits for the disk) must not hold the event loop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import aiosqlite

_CHUNK = 64


class InlineConnection(aiosqlite.Connection):
    """Used by one task at a time: the writer's lock sees to that."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if _waits(fn, args) or not self._running or self._connection is None:
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        return fn(*args, **kwargs)


def _waits(fn: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    if getattr(fn, "__name__", "") in ("commit", "rollback", "close"):
        return True
    return bool(args) and isinstance(args[0], str) and args[0].startswith(("BEGIN", "PRAGMA"))


def inline(path: str) -> Callable[[], InlineConnection]:
    """What makes the connections of an engine to the file at `path`; each is awaited once."""
    connect = partial(sqlite3.connect, path, check_same_thread=False, isolation_level=None)

    def creator() -> InlineConnection:
        connection = InlineConnection(connect, _CHUNK)
        connection._thread.daemon = True  # noqa: SLF001 - a process that ends must not wait for it
        return connection

    return creator
