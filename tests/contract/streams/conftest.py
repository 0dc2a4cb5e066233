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
        left.close()
    await asyncio.sleep(0)
    gc.collect()
