"""sqlite:// keeps every rule, and what only a file can do wrong."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from gateway.streams.frames import decode
from gateway.streams.sqlite_file import LogFile
from tests.contract.streams.place import Place, Sink, Stored, numbered
from tests.contract.streams.processes import Worker
from tests.contract.streams.rules import RULES
from tests.support.waiting import until


def sqlite_place(path: Path, name: str = "changes") -> Place:
    async def stored() -> Stored:
        found: Stored = defaultdict(list)
        db = sqlite3.connect(path)
        rows = "SELECT number, message FROM entry JOIN part ON part.id = entry.id >> 40 ORDER BY entry.id"
        for number, message in db.execute(rows):
            found[number] += decode(message)
        db.close()
        return found

    return Place(f"sqlite:///{path.absolute()}", name, stored)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return sqlite_place(tmp_path / "stream.db")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_rule(rule: Callable[[Place], Awaitable[None]], place: Place) -> None:
    await rule(place)


async def test_a_full_disk_refuses_and_recovers_by_itself(place: Place) -> None:
    with Worker("fill", place) as worker:
        said = worker.rest()
        assert worker.wait() == 0
    # Would pass wrongly if the limit never bit: then "full" would be missing.
    assert said[0] == "first"
    assert said[-2:] == ["full", "after"]
    stored = [value[:8] for values in (await place.stored()).values() for value in values]
    assert [value.decode() for value in stored if value not in {b"first", b"after"}][: len(said) - 3] == said[1:-2]
    assert stored[-1] == b"after"


async def test_a_second_process_on_the_file_is_refused_with_a_sentence(place: Place) -> None:
    async with place.running():
        with Worker("start", place) as worker:
            assert "stream-in-use" in worker.line()
    with Worker("start", place) as worker:
        assert worker.line() == "started"


async def test_handled_entries_are_deleted_and_offsets_go_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.streams.sqlite_log._TRIM_EVERY_S", 0.05)
    handled, sink = Sink(), Sink()
    async with place.running(handled, retention_s=0.0) as stream:
        await stream.append_many(numbered(keys=4, each=30))
        await handled.has(120)
        await until(partial(_is_empty, place), what="the handled entries to be deleted")
        # Offsets of an emptied file must not begin at zero again: what is committed would hide what follows.
        await stream.append("key-0", b"key-0:30")
        await handled.has(121)
    async with place.running(sink, retention_s=0.0) as stream:
        await stream.append("key-0", b"key-0:31")
        await sink.has(1)
    assert sink.values == [b"key-0:31"]


async def test_unhandled_entries_are_never_deleted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.streams.sqlite_log._TRIM_EVERY_S", 0.02)
    trimmed, trim = threading.Semaphore(0), LogFile.trim

    def counted(file: LogFile, before: float) -> bool:
        more = trim(file, before)
        trimmed.release()
        return more

    monkeypatch.setattr(LogFile, "trim", counted)
    sink = Sink()
    async with place.running(retention_s=0.0) as stream:
        await stream.append_many(numbered(keys=4, each=30))
        for _ in range(3):
            await asyncio.to_thread(trimmed.acquire)
    async with place.running(sink, retention_s=0.0):
        await sink.has(120)


async def _is_empty(place: Place) -> bool:
    return not any((await place.stored()).values())
