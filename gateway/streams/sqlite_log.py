"""A partitioned log in one SQLite file: durable appends in group commit, committed offsets, retention. Knows no Faust.

One thread writes, one reads; the event loop only queues and is told. The file belongs to one process at a time.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from connectors.contract.clock import Clock
from connectors.contract.errors import ConfigError, StorageError
from gateway.core.folders import private
from gateway.streams.sqlite_file import LogFile, StoredEntry

logger = logging.getLogger(__name__)

_GROUP = 2_000
_READ_BYTES = 2 * 1024 * 1024
_TRIM_EVERY_S = 30.0
_TRIM_AGAIN_S = 0.05


@dataclass(eq=False)
class _Work:
    """One append or one commit of offsets, and who waits for it."""

    done: asyncio.Future[int]
    partition: int = -1
    message: bytes = b""
    progress: Mapping[int, int] | None = None


class SqliteLog:
    """Open it with `open`; all methods are for the event loop that did."""

    def __init__(self, path: Path, stream: str, clock: Clock, *, durable: bool, retention_s: float) -> None:
        """`retention_s`: committed entries older than this are deleted in the background."""
        self._path, self._stream, self._clock = path, stream, clock
        self._durable, self._retention_s = durable, retention_s
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._listeners: set[Callable[[], None]] = set()
        self._reader_thread = ThreadPoolExecutor(1, thread_name_prefix="stream-read")
        self._loop: asyncio.AbstractEventLoop
        self._file: LogFile
        self._reader: LogFile
        self._writer_thread: threading.Thread | None = None
        self._lock: int | None = None
        self.ends: dict[int, int] = {}
        """Per partition the end of what is durable and may be read."""
        self._suspect = False
        self._next: dict[int, int] = {}  # the writer thread's own, ahead of `ends` until a group is published

    async def open(self, partitions: int) -> int:
        """Open or make the file; returns how many partitions it has.

        ConfigError: another process has it, or it is not ours. StorageError: the disk does not let us.
        """
        self._loop = asyncio.get_running_loop()
        try:
            count = await self._loop.run_in_executor(self._reader_thread, self._open_files, partitions)
        except (sqlite3.Error, OSError) as error:
            self._unlock()
            raise StorageError(f"the stream file {self._path} cannot be opened: {error}") from error
        except ConfigError:
            self._unlock()
            raise
        self._writer_thread = threading.Thread(target=self._write_all, name="stream-write", daemon=True)
        self._writer_thread.start()
        return count

    def append(self, partition: int, message: bytes) -> asyncio.Future[int]:
        """Queue a message. The future gives its offset once it is durable, or StorageError."""
        return self._queue(_Work(self._loop.create_future(), partition=partition, message=message))

    async def commit(self, progress: Mapping[int, int]) -> None:
        """Set the offsets that handling goes on from; durable on return. StorageError: not set."""
        await self._queue(_Work(self._loop.create_future(), progress=dict(progress)))

    async def read(self, positions: Mapping[int, int]) -> dict[int, list[StoredEntry]]:
        """Durable entries from these positions on, in order, about two megabytes in all. StorageError."""
        wanted = {
            number: (start, self.ends[number]) for number, start in positions.items() if start < self.ends[number]
        }
        try:
            return await self._loop.run_in_executor(self._reader_thread, self._read, wanted)
        except sqlite3.Error as error:
            raise StorageError(f"the stream file {self._path} cannot be read: {error}") from error

    async def starts(self) -> dict[int, int]:
        """Per partition where handling goes on: what is committed, else the first entry there is. StorageError."""
        try:
            return await self._loop.run_in_executor(self._reader_thread, self._starts)
        except sqlite3.Error as error:
            raise StorageError(f"the stream file {self._path} cannot be read: {error}") from error

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` in the loop whenever something was appended; returns how to end that."""
        self._listeners.add(wake)
        return lambda: self._listeners.discard(wake)

    async def close(self) -> None:
        """Write what is queued, then let the file go. Safe at any time, repeatable."""
        writer, self._writer_thread = self._writer_thread, None
        if writer is not None:
            self._work.put(None)
            await self._loop.run_in_executor(self._reader_thread, self._close_files, writer)
        self._reader_thread.shutdown(wait=False)
        self._unlock()

    # In the threads.

    def _open_files(self, partitions: int) -> int:
        private(self._path.parent)
        self._lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem = f"stream: error[stream-in-use]: {self._path} is another process's; try another `data` folder"
            raise ConfigError([problem]) from None
        self._file = LogFile(self._path, self._stream, durable=self._durable)
        count = self._file.create(partitions)
        self._reader = LogFile(self._path, self._stream, durable=self._durable)
        self._reader.load()
        self._next = self._file.ends()
        self.ends = dict(self._next)
        return count

    def _read(self, wanted: Mapping[int, tuple[int, int]]) -> dict[int, list[StoredEntry]]:
        share = _READ_BYTES // max(1, len(wanted))
        return {number: self._reader.read(number, start, end, share) for number, (start, end) in wanted.items()}

    def _starts(self) -> dict[int, int]:
        return self._reader.floors() | self._reader.committed()

    def _close_files(self, writer: threading.Thread) -> None:
        writer.join()
        self._reader.close()
        with suppress(sqlite3.Error):  # a failed write was told when it failed, and what was committed needs no close
            self._file.close()

    def _write_all(self) -> None:
        trim_at = self._clock.monotonic() + _TRIM_EVERY_S
        open_ended = True
        while open_ended:
            group, open_ended = self._gather(max(0.0, trim_at - self._clock.monotonic()))
            if group:
                self._write(group)
            if open_ended and self._clock.monotonic() >= trim_at:
                trim_at = self._clock.monotonic() + (_TRIM_AGAIN_S if self._trim() else _TRIM_EVERY_S)

    def _gather(self, wait_s: float) -> tuple[list[_Work], bool]:
        """What is queued now, at least one if any comes within `wait_s`; False once the log is being closed."""
        group: list[_Work] = []
        try:
            item = self._work.get(timeout=wait_s)
            while item is not None:
                group.append(item)
                if len(group) == _GROUP:
                    return group, True
                item = self._work.get_nowait()
        except queue.Empty:
            return group, True
        return group, False

    def _write(self, group: list[_Work]) -> None:
        try:
            if self._suspect:
                self._file.reopen()
                self._next = self._file.ends()
                self._suspect = False
            results, ends = self._store(group)
        except sqlite3.Error as error:
            logger.error("the stream file %s could not be written: %s", self._path, error)
            # A full disk needs nothing but space; after anything else the connection itself is not to be trusted.
            self._suspect = self._suspect or getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL
            self._tell(partial(self._failed, group, error))
            return
        self._next = ends
        self._tell(partial(self._published, list(zip(group, results, strict=True)), ends))

    def _store(self, group: list[_Work]) -> tuple[list[int], dict[int, int]]:
        """One transaction for the group; returns each one's offset (0 for a commit) and the new ends."""
        ends, at = dict(self._next), self._clock.now()
        entries: list[tuple[int, StoredEntry]] = []
        progress: dict[int, int] = {}
        results: list[int] = []
        for work in group:
            if work.progress is not None:
                progress.update(work.progress)
                results.append(0)
                continue
            offset = ends[work.partition]
            ends[work.partition] = offset + 1
            entries.append((work.partition, StoredEntry(offset, at, work.message)))
            results.append(offset)
        self._file.write(entries, progress)
        return results, ends

    def _trim(self) -> bool:
        try:
            return self._file.trim(self._clock.now() - self._retention_s)
        except sqlite3.Error as error:
            logger.warning("old entries of the stream file %s could not be deleted: %s", self._path, error)
            return False

    def _tell(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(what)

    # In the loop.

    def _queue(self, work: _Work) -> asyncio.Future[int]:
        if self._writer_thread is None:
            work.done.set_exception(StorageError("the stream is not open"))
        else:
            self._work.put(work)
        return work.done

    def _published(self, results: list[tuple[_Work, int]], ends: dict[int, int]) -> None:
        self.ends = ends
        for work, offset in results:
            if not work.done.done():
                work.done.set_result(offset)
        for wake in tuple(self._listeners):
            wake()

    def _failed(self, group: list[_Work], error: sqlite3.Error) -> None:
        for work in group:
            if not work.done.done():
                mine = StorageError(f"the stream file {self._path} could not be written, nothing was stored: {error}")
                mine.__cause__ = error
                work.done.set_exception(mine)

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)
