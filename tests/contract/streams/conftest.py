"""What every test of the streams leaves behind: nothing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
from aiokafka.conn import AIOKafkaConnection


@pytest.fixture(autouse=True)
async def closed_connections() -> AsyncIterator[None]:
    """aiokafka forgets connections of a lost broker without closing them. They are closed here, while their loop runs:
    the collector would otherwise complain in a test that has nothing to do with it.
    """
    yield
    for left in [each for each in gc.get_objects() if isinstance(each, AIOKafkaConnection)]:
        _close(left)
    await asyncio.sleep(0)
    gc.collect()


def _close(left: AIOKafkaConnection) -> None:
    """Its own close goes through its loop. Faust's consumer thread ends with a loop of its own, and a connection that
    was forgotten there has only its socket left to be closed.
    """
    if not left._loop.is_closed():
        left.close()
    elif left._writer is not None:
        transport = left._writer.transport
        transport._closing = True
        transport._sock.close()
        transport._sock = left._reader = left._writer = None
