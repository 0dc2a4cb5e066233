"""The list of crash points is complete: nothing becomes durable, and nothing is sent, without a point beside it."""

from __future__ import annotations

import pytest

from gateway.core.points import AFTER, BEFORE
from tests.crash.catalogue import POINTS, UNTRIED
from tests.crash.source import effects, points_in, product

WRITER = ("gateway/streams/writer.py", "PartitionWriter._flush")
OFFSETS = ("gateway/streams/guard.py", "SafeCommit._commit_tps")
FILE = ("gateway/streams/sqlite_file.py", "_Transaction.__exit__")
ATTEMPT = ("gateway/delivery/runner.py", "Runner._attempt")
TRANSACTION = ("gateway/storage/database.py", "Database.begin")
MIGRATION = ("gateway/storage/migrations/env.py", "run")

THROUGH: dict[tuple[str, str, str], tuple[str, str]] = {
    # What an append is made of, from the callers down to the file or the broker.
    ("gateway/intake/hooks.py", "Hooks._append", "append_many"): WRITER,
    ("gateway/intake/poller.py", "Poller._turn", "append_many"): WRITER,
    ("gateway/intake/scim/door.py", "ScimDoor._tell", "append_many"): WRITER,
    ("gateway/sweeps/notices.py", "tell", "append_many"): WRITER,
    ("gateway/streams/engine.py", "FaustStream.append", "append_many"): WRITER,
    ("gateway/streams/engine.py", "FaustStream._send", "send"): WRITER,
    ("gateway/streams/sqlite_backend.py", "SqliteProducer.send", "append"): FILE,
    # Offsets.
    ("gateway/streams/guard.py", "SafeCommit.wait_empty", "commit"): OFFSETS,
    ("gateway/streams/sqlite_backend.py", "SqliteConsumer._commit", "commit"): OFFSETS,
    # HTTP: only an attempt writes. The test of a draft looks, with the requests written down.
    ("connectors/rest/client.py", "RestClient._exchange", "handle_async_request"): ATTEMPT,
    ("gateway/app/trying.py", "_Written.handle_async_request", "handle_async_request"): ATTEMPT,
    # The transaction itself, and the schema inside one.
    ("gateway/storage/database.py", "Database._guarded", "begin"): TRANSACTION,
    ("gateway/storage/migrate.py", "_upgrade", "upgrade"): MIGRATION,
    # Alembic's own command line, for whoever writes a revision: no gateway runs it.
    ("gateway/storage/migrations/env.py", "", "begin"): MIGRATION,
}
"""What has no point in its own function, and the one mechanism it goes through, which has."""


def test_everything_durable_has_a_point_or_goes_through_one() -> None:
    bare = [each for file, text in product() for each in effects(file, text) if not each.has_point]
    missing = [f"{each.file}:{each.line}: {each.call} in {each.function}" for each in bare if each.place not in THROUGH]
    assert not missing, "name a step (gateway.core.points) and add it to tests/crash/catalogue.py: " + "; ".join(
        missing
    )
    # An entry that excuses nothing any more would excuse the next one who writes such a call there.
    assert set(THROUGH) == {each.place for each in bare}


def test_each_mechanism_has_its_point() -> None:
    sources = dict(product())
    for file, function in set(THROUGH.values()):
        name = function.rpartition(".")[2]
        body = sources[file].partition(f"def {name}(")[2].partition("\ndef ")[0].partition("\n    def ")[0]
        assert "reached(" in body, (file, function)


def test_the_catalogue_and_the_source_name_the_same_points() -> None:
    named = {point for _, text in product() for point in points_in(text)}
    assert len(named) > 50, "the scan finds nothing any more"
    tried = {point.name for point in POINTS}
    untried = {f"{step}.{moment}" for step in UNTRIED for moment in (BEFORE, AFTER)}
    assert not tried & untried
    assert tried | untried == named


@pytest.mark.parametrize(
    "source",
    [
        "async def f(database):\n    async with database.begin() as tx:\n        pass\n",
        "async def f(database, step):\n    async with database.begin(step) as tx:\n        pass\n",
        "async def f(self, entries):\n    await self.stream.append_many(entries)\n",
        "async def f(self, key, value):\n    await self.stream.append(key, value)\n",
        "async def f(self, write):\n    return await self.connector.apply(write)\n",
        "async def f(connection):\n    await connection.commit()\n",
        "def f(db):\n    db.execute('COMMIT')\n",
        "def f(config):\n    command.upgrade(config, 'head')\n",
        "async def f(admin, cuts):\n    await admin.delete_records(cuts)\n",
        "async def f(transport, request):\n    await transport.handle_async_request(request)\n",
        "def outer(d):\n    reached('x')\n    async def f():\n        async with d.begin() as tx:\n            pass\n",
    ],
)
def test_a_step_without_a_point_is_found(source: str) -> None:
    found = list(effects("gateway/new.py", source))
    assert [each.has_point for each in found] == [False]
    assert found[0].place not in THROUGH


@pytest.mark.parametrize(
    "source",
    [
        "async def f(database):\n    async with database.begin('new') as tx:\n        pass\n",
        "async def f(self, write):\n    reached('new.before_send')\n    await self.connector.apply(write)\n",
    ],
)
def test_a_step_with_a_point_is_taken(source: str) -> None:
    assert [each.has_point for each in effects("gateway/new.py", source)] == [True]
    assert {name.partition(".")[0] for name in points_in(source)} == {"new"}
