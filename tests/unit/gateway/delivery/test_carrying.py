"""A file that is fetched before a write: what goes wrong with its source is never an outcome at the target."""

from __future__ import annotations

import asyncio
import errno
from io import BytesIO

import pytest

from connectors.contract.connector import Sink
from connectors.contract.errors import CredentialsError, LockstepError, Refused, Retryable
from connectors.contract.values import File
from gateway.delivery import carrying
from gateway.delivery.breaker import Gate, GateState
from gateway.delivery.carrying import Source, Spool, carried
from gateway.sync.attempts import Conclusion, Outcome
from gateway.sync.state import PendingItem
from tests.support.world import FakeClock


class Shelf:
    """A system with one file."""

    def __init__(self, *chunks: bytes, error: LockstepError | None = None, hangs: bool = False) -> None:
        self.chunks, self.error, self.hangs, self.asked = chunks, error, hangs, ""

    async def fetch(self, item: str, into: Sink) -> None:
        self.asked = item
        into.begin()
        into.take(b"broken off before it began anew")
        into.begin()
        for chunk in self.chunks:
            into.take(chunk)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


def pending(size: int, origin: str = "east:10001") -> PendingItem:
    return PendingItem(origin, "attachment", "", "Ann", 0.0, file=File(name="a.bin", size=size))


def source(shelf: object) -> dict[str, Source]:
    return {"east": Source(shelf, Gate(FakeClock()))}  # type: ignore[arg-type]


async def test_the_file_comes_whole_and_lies_at_its_beginning() -> None:
    shelf = Shelf(b"abc", b"def")
    found = await carried(source(shelf), pending(6), within_s=5.0)
    assert isinstance(found, Spool)
    with found.file as file:
        assert file.read() == b"abcdef"
    assert shelf.asked == "10001"


@pytest.mark.parametrize(
    ("shelf", "outcome", "state"),
    [
        (Shelf(b"abc"), Outcome.NOT_APPLIED, GateState.CLOSED),
        (Shelf(error=Retryable("away", down=True)), Outcome.NOT_APPLIED, GateState.CLOSED),
        (Shelf(error=Refused("it is gone", status=404)), Outcome.REFUSED, GateState.CLOSED),
        (Shelf(error=CredentialsError("401", status=401)), Outcome.NOT_APPLIED, GateState.CREDENTIALS),
        (Shelf(hangs=True), Outcome.NOT_APPLIED, GateState.CLOSED),
        (object(), Outcome.REFUSED, GateState.CLOSED),
    ],
)
async def test_what_did_not_come_was_not_sent(shelf: object, outcome: Outcome, state: GateState) -> None:
    sources = source(shelf)
    found = await carried(sources, pending(6), within_s=0.01)
    assert isinstance(found, Conclusion)
    assert (found.outcome, sources["east"].gate.state) == (outcome, state)
    assert found.error


async def test_a_connection_that_is_gone_is_told_by_name() -> None:
    found = await carried(source(Shelf()), pending(6, "north:1"), within_s=5.0)
    assert isinstance(found, Conclusion)
    assert (found.outcome, "north" in found.error) == (Outcome.REFUSED, True)


async def test_a_source_that_is_left_alone_is_not_asked() -> None:
    shelf = Shelf(b"abcdef")
    sources = source(shelf)
    sources["east"].gate.paused = True
    found = await carried(sources, pending(6), within_s=5.0)
    assert isinstance(found, Conclusion)
    assert (found.outcome, found.counts, found.retry_after_s, shelf.asked) == (Outcome.NOT_APPLIED, False, 30.0, "")


async def test_a_source_that_asked_us_to_wait_is_not_asked_before() -> None:
    shelf = Shelf(b"abcdef")
    sources = source(shelf)
    sources["east"].gate.throttled(7.0)
    found = await carried(sources, pending(6), within_s=5.0)
    assert isinstance(found, Conclusion)
    assert (found.outcome, found.counts, found.retry_after_s, shelf.asked) == (Outcome.NOT_APPLIED, False, 7.0, "")


async def test_one_large_file_that_comes_slowly_is_no_outage() -> None:
    sources = source(Shelf(b"abc", hangs=True))
    found = [await carried(sources, pending(6), within_s=0.01) for _ in range(6)]
    assert [each.counts for each in found if isinstance(each, Conclusion)] == [True] * 6
    assert sources["east"].gate.state is GateState.CLOSED


@pytest.mark.parametrize("full", ["write", "seek"])
async def test_no_room_here_is_nobodys_failure_elsewhere(monkeypatch: pytest.MonkeyPatch, full: str) -> None:
    class Disk(BytesIO):
        def __init__(self, max_size: int) -> None:
            super().__init__()

    def fails(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    class Cut(Shelf):
        async def fetch(self, item: str, into: Sink) -> None:
            """As a connector that takes whatever breaks while it reads for an answer that was cut off."""
            try:
                into.take(b"abcdef")
            except OSError as error:
                raise Retryable("the answer was cut off", down=True) from error

    monkeypatch.setattr(Disk, full, fails)
    monkeypatch.setattr(carrying, "SpooledTemporaryFile", Disk)
    sources = source(Cut())
    found = [await carried(sources, pending(6), within_s=5.0) for _ in range(6)]
    assert all(isinstance(each, Conclusion) and "No space left" in each.error and not each.counts for each in found)
    assert sources["east"].gate.state is GateState.CLOSED
