"""What is kept of pushes follows the rules that the protocol's library has for a storage, in its own suite."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scim2_models import ScimProvider
from scim2_server.service import ScimService
from scim2_server.testing import AsyncScimStorageContract, BlockingStorage
from scim2_server.utils import load_default_provider

from connectors.contract.clock import SystemClock
from connectors.scim_push.connector import PushedTo
from gateway.core.ids import new_id
from gateway.intake.scim.storage import Resources
from gateway.intake.scim.tables import metadata
from gateway.storage.database import Database

Shop = tuple[asyncio.Runner, Database]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One database for all tests, and the loop that it belongs to."""
    folder: Path = tmp_path_factory.mktemp("scim")
    with asyncio.Runner() as runner:
        database = Database(f"sqlite+aiosqlite:///{folder}/store.db")

        async def begin() -> None:
            async with database.begin() as tx:
                await tx.run_sync(metadata.create_all)

        runner.run(begin())
        yield runner, database
        runner.run(database.close())


@pytest.fixture(scope="module")
def described() -> ScimProvider:
    """Their own description of a service; making its models takes a second."""
    return load_default_provider()


class TestResources(AsyncScimStorageContract):
    """Each test pushes to a connection of its own: what one has is nothing to another."""

    @pytest.fixture
    def provider(self, described: ScimProvider) -> ScimProvider:
        """Made once for all tests."""
        return described

    @pytest.fixture
    def storage(self, shop: Shop, provider: ScimProvider) -> Any:
        """On the loop of the database."""
        runner, database = shop
        connection = new_id("cn")
        connector = PushedTo(connection, None, SystemClock())
        made = Resources(database, connection, connector, now=time.time, model=ScimService(provider).get_model)
        return BlockingStorage(made, runner)
