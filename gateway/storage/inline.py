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
_SLOW = frozenset({"commit", "rollback", "close"})


class InlineConnection(aiosqlite.Connection):
    """Used by one task at a time: the writer's lock sees to that."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._running or self._connection is None or self._waits(fn, args):
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        return fn(*args, **kwargs)

    def _waits(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> bool:
        """Whether a call may wait for a lock or for the disk. Closing the connection may, closing a cursor does not."""
        if getattr(fn, "__name__", "") in _SLOW:
            return getattr(fn, "__self__", None) is self._connection
        return bool(args) and isinstance(args[0], str) and args[0].startswith(("BEGIN", "PRAGMA"))


def inline(path: str) -> Callable[[], InlineConnection]:
    """What makes the connections of an engine to the file at `path`; each is awaited once."""
    connect = partial(sqlite3.connect, path, check_same_thread=False, isolation_level=None)

    def creator() -> InlineConnection:
        connection = InlineConnection(connect, _CHUNK)
        connection._thread.daemon = True  # noqa: SLF001 - a process that ends must not wait for it
        return connection

    return creator
