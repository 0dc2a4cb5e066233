"""The connector against the stand-in itself, over HTTP on 127.0.0.1."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from benchmarks import signing
from benchmarks.etag_system.connector import EtagConnector, build
from benchmarks.target.server import start
from benchmarks.workload import Workload
from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import Conflict, CredentialsError, MalformedError, SignatureError
from connectors.contract.values import ChangeKind, Ref, Webhook, Write, WriteKind

SECRET = "hook-secret"


@pytest.fixture
async def connector() -> AsyncIterator[EtagConnector]:
    runner, port = await start(0, "token-1")
    made = build(_settings(port, "token-1"), clock=SystemClock())
    yield made
    await made.close()
    await runner.cleanup()


def _settings(port: int, token: str) -> ConnectionSettings:
    return ConnectionSettings(
        name="dst",
        connector="etag",
        url=f"http://127.0.0.1:{port}/dst",
        auth={"bearer": {"token": token}},
        webhook_secret=SECRET,
    )


def _create(correlation: str, **fields: object) -> Write:
    return Write(kind=WriteKind.CREATE, object="ticket", operation="o1", correlation=correlation, values=fields)


def _update(ref: Ref, etag: str | None, **fields: object) -> Write:
    return Write(
        kind=WriteKind.UPDATE, object="ticket", operation="o2", correlation="c1", ref=ref, etag=etag, values=fields
    )


async def test_create_find_update_read(connector: EtagConnector) -> None:
    created = await connector.apply(_create("c1", title="a", body="b"))
    assert list(await connector.find("ticket", "c1")) == [created.ref]
    assert created.snapshot is not None
    updated = await connector.apply(_update(created.ref, created.snapshot.etag, title="c"))
    assert (created.version, updated.version) == (1, 2)
    seen = await connector.read(created.ref)
    assert (seen.raw, seen.correlation, seen.version) == ({"title": "c", "body": "b"}, "c1", 2)


async def test_a_stale_etag_is_a_conflict_and_nothing_is_written(connector: EtagConnector) -> None:
    created = await connector.apply(_create("c1", title="a"))
    await connector.apply(_update(created.ref, '"1"', title="b"))
    with pytest.raises(Conflict):
        await connector.apply(_update(created.ref, '"1"', title="c"))
    assert (await connector.read(created.ref)).raw == {"title": "b"}


async def test_a_second_create_under_one_correlation_is_a_conflict(connector: EtagConnector) -> None:
    await connector.apply(_create("c1", title="a"))
    with pytest.raises(Conflict):
        await connector.apply(_create("c1", title="a"))
    assert len(await connector.find("ticket", "c1")) == 1


async def test_an_update_without_a_known_etag_is_conditional_all_the_same(connector: EtagConnector) -> None:
    created = await connector.apply(_create("c1", title="a"))
    receipt = await connector.apply(_update(created.ref, None, title="b"))
    assert receipt.version == 2


async def test_absent_objects_and_natural_keys(connector: EtagConnector) -> None:
    assert not (await connector.read(Ref(object="ticket", id="t404"))).exists
    created = await connector.apply(_create("c1", reference="TKT1"))
    assert list(await connector.find_by("ticket", {"reference": "TKT1"})) == [created.ref]
    assert list(await connector.find_by("ticket", {"reference": "TKT2"})) == []


async def test_a_wrong_token_is_a_matter_of_credentials() -> None:
    runner, port = await start(0, "token-1")
    connector = build(_settings(port, "another"), clock=SystemClock())
    with pytest.raises(CredentialsError):
        await connector.apply(_create("c1", title="a"))
    await connector.close()
    await runner.cleanup()


def _webhook(body: bytes, *, secret: str = SECRET, at: float | None = None) -> Webhook:
    now = time.time()
    timestamp = str(int(at or now))
    headers = {signing.TIMESTAMP: timestamp, signing.SIGNATURE: signing.sign(secret.encode(), timestamp, body)}
    return Webhook(headers=headers, body=body, received_at=now)


async def test_a_webhook_is_a_whole_snapshot_with_an_integer_version(connector: EtagConnector) -> None:
    workload = Workload(10, 1, 1)
    workload.next_create()
    (change,) = connector.receive(_webhook(workload.next_create().body)).changes
    assert (change.kind, change.snapshot.id, change.snapshot.version) == (ChangeKind.SNAPSHOT, "s0000001", 1)
    assert change.snapshot.raw["number"] == "TKT0000001"
    assert change.delivery_key


@pytest.mark.parametrize("age_s", [0, 301])
async def test_a_wrong_or_old_signature_is_refused(connector: EtagConnector, age_s: int) -> None:
    body = Workload(1, 1, 1).next_create().body
    webhook = _webhook(body, secret=SECRET if age_s else "another", at=time.time() - age_s)
    with pytest.raises(SignatureError):
        connector.receive(webhook)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"delivery": "d"}', b'{"delivery": "d", "ticket": {"id": 1}}'])
async def test_a_body_of_another_shape_is_refused(connector: EtagConnector, body: bytes) -> None:
    with pytest.raises(MalformedError):
        connector.receive(_webhook(body))
