"""What every consumer must do differently from stock Faust, whatever the transport: the safe commit."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Iterable, Mapping, MutableSet, Set
from typing import Any, cast

from faust.transport.consumer import Consumer, ensure_TP
from faust.types import TP, ConsumerMessage
from faust.types.tuples import Message
from mode.utils.futures import notify

from gateway.core.points import AFTER, BEFORE, reached
from gateway.streams.app import StreamApp
from gateway.streams.bounded import within
from gateway.streams.ledger import Ledger

logger = logging.getLogger(__name__)

_COMMIT_PATIENCE_S = 5.0


class SkippedOffsetsError(Exception):
    """Offsets were passed over while reading: the application starts again from what is committed."""


class SafeCommit(Consumer):
    """Mixed into a transport's consumer, before it. Only `finished` makes an offset committable; `ack` does not."""

    app: StreamApp
    _unacked_messages: MutableSet[Message]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.ledger = Ledger()
        self._seeking = asyncio.Lock()
        super().__init__(*args, **kwargs)

    def finished(self, message: Message) -> None:
        """This message's effect is committed."""
        self.ledger.finished(ensure_TP(message.tp), message.offset)
        self.ack(message)

    def ack(self, message: Message) -> bool:
        """Let go of a message. Faust calls this for messages that it skips or that failed, so it means nothing here."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    @abstractmethod
    async def _committed(self) -> Mapping[TP, int | None]:
        """Seek to what is committed and return it, for every partition held; None where nothing is."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go back to what is committed, or to the first entry there is, and start the books there.

        Faust asks for this from several places at once. One after the other: whoever ends last has asked last, and
        the partitions are those of his asking; of a partition that came later the next one tells.
        """
        async with self._seeking:
            committed = await self._committed()
            starts = {ensure_TP(tp): offset for tp, offset in committed.items() if offset is not None and offset >= 0}
            if fresh := [tp for tp, offset in committed.items() if offset is None or offset < 0]:
                starts |= {ensure_TP(tp): offset for tp, offset in (await self.earliest_offsets(*fresh)).items()}
            for tp, offset in starts.items():
                self.ledger.begin(tp, offset)
            if unmoved := {tp: offset for tp, offset in starts.items() if not committed.get(tp)}:
                # Drivers leave these where they are: what was fetched and dropped would be passed over.
                await self.seek_wait(unmoved)
            return cast(Mapping[TP, int], committed)  # Faust takes None where nothing is

    async def on_partitions_revoked(self, revoked: Set[TP]) -> None:
        """Give partitions up, after the batch in hand was settled and committed (see `wait_empty`)."""
        await super().on_partitions_revoked(set(revoked))
        self.ledger.forget(revoked)

    async def wait_empty(self) -> None:
        """Settle the batch in hand and commit it. Never waits for good: who is too slow is given the work again.

        Raises nothing: in a consumer that is being stopped because it crashed, its connection and its thread may have
        ended already, and the rest of the stop would be left out.
        """
        await self.app.settle()
        if not self.started:
            return
        try:
            await within(_COMMIT_PATIENCE_S, self.commit())
        except Exception as error:  # noqa: BLE001
            logger.warning("the last commit was not answered; what it covered will be handled again (%r)", error)

    def release(self) -> None:
        """Close what a stop leaves open when the consumer was never started."""

    def book(self, message: ConsumerMessage) -> ConsumerMessage:
        """Note a fetched message before anybody sees it. SkippedOffsetsError: offsets are missing before it."""
        tp = ensure_TP(message.tp)
        missing = self.ledger.fetched(tp, message.offset)
        if missing is not None and self.app.gap_is_news(tp, missing):
            raise SkippedOffsetsError(
                f"{tp.topic}[{tp.partition}]: offsets {missing} to {message.offset - 1} were passed over"
            )
        return message

    async def _commit_tps(self, tps: Iterable[TP], start_new_transaction: bool) -> bool:
        held = self.assignment()
        offsets = {tp: offset for tp, offset in self.ledger.committable().items() if tp in held}
        if not offsets:
            return False
        reached(f"offsets.{BEFORE}")
        if not await self._commit(offsets):
            return False
        reached(f"offsets.{AFTER}")
        self.ledger.confirm(offsets)
        self._committed_offset.update(offsets)
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Faust would count a gap as handled; `book` has dealt with it."""
