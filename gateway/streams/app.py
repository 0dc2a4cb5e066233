"""One life of the Faust application: its settings, and what an embedded, supervised app does differently."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import faust
from faust.tables.manager import TableManager
from faust.types import TP


class _NoTables(TableManager):
    """Stock waits a fixed second for tables to be declared. There are none: state is in the database."""

    async def on_start(self) -> None:
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


async def _nothing_to_settle() -> None:
    return


def _gap_is_no_news(_tp: TP, _offset: int) -> bool:
    return False


class StreamApp(faust.App):
    """A Faust application that runs inside our loop and writes nothing but its stream."""

    def __init__(
        self,
        name: str,
        broker: str,
        *,
        settle: Callable[[], Awaitable[None]] = _nothing_to_settle,
        gap_is_news: Callable[[TP, int], bool] = _gap_is_no_news,
        **settings: Any,
    ) -> None:
        """`settle` ends the batch in hand before partitions are given up. `gap_is_news` tells whether offsets from this
        one on were found missing for the first time; they are then read again, and believed missing the second time.
        """
        super().__init__(
            name,
            broker=broker,
            TableManager=_NoTables,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,  # backends make the topic, with the limits we need
            value_serializer="raw",
            key_serializer="raw",
            broker_commit_interval=1.0,
            broker_commit_every=None,
            consumer_auto_offset_reset="earliest",
            stream_buffer_maxsize=16,  # frames: each may have half a megabyte, and the runner reads ahead on its own
            stream_recovery_delay=0.0,
            stream_wait_empty=True,
            **settings,
        )
        self.gap_is_news = gap_is_news
        self._settle = settle

    async def settle(self) -> None:
        """End the batch in hand, in bounded time."""
        await self._settle()

    async def wait_crashed(self) -> None:
        """Return when any part of the application has crashed; `crash_reason` tells why."""
        await self._crashed.wait()

    async def on_first_start(self) -> None:
        """Stock makes a data directory for tables in the working directory."""
