"""Tickets of the stand-in system: whole snapshots with integer versions in signed webhooks, writes under If-Match.

The trap of that API: an update without If-Match is taken unconditionally, so one without a known ETag reads it first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson

from benchmarks import signing
from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import MalformedError, SignatureError
from connectors.contract.values import (
    Change,
    ChangeKind,
    Finding,
    HistoryEntry,
    ObjectSpec,
    Page,
    Receipt,
    Received,
    Ref,
    Snapshot,
    Step,
    VersionKind,
    Webhook,
    Write,
    WriteKind,
)
from connectors.rest import RestClient

OBJECT = "ticket"
SPECS = {
    OBJECT: ObjectSpec(
        name=OBJECT,
        version_kind=VersionKind.COUNTER,
        granularity_s=0.001,
        conditional=True,
        marker=True,
        settles_s=1.0,
    )
}


def build(
    settings: ConnectionSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
) -> EtagConnector:
    """The connector of one connection."""
    return EtagConnector(settings, RestClient(settings, clock=clock, transport=transport))


def to_snapshot(ticket: Mapping[str, Any]) -> Snapshot:
    """A ticket as the API and the webhooks show it. Raises KeyError or TypeError when it is not one."""
    version = int(ticket["version"])
    return Snapshot(
        object=OBJECT,
        id=ticket["id"],
        key=ticket["id"],
        version=version,
        updated_at=ticket["updated_at"],
        raw=ticket["fields"],
        correlation=ticket.get("marker") or None,
        etag=f'"{version}"',
    )


def _complaint(data: Any) -> str:
    whole = isinstance(data, dict) and {"id", "version", "updated_at", "fields"} <= data.keys()
    return "" if whole else "the answer is not a ticket"


class EtagConnector:
    """Speaks to one instance. `changes` is empty: this system tells everything by webhook."""

    def __init__(self, settings: ConnectionSettings, client: RestClient) -> None:
        self._name, self._client = settings.name, client
        self._secret = settings.webhook_secret.encode()

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        return SPECS

    async def check(self) -> Sequence[Finding]:
        await self.find(OBJECT, "lockstep-check")
        return [Finding(proves="sign-in and search by marker", ok=True)]

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        return Page(changes=(), cursor={}, more=False)

    def receive(self, webhook: Webhook) -> Received:
        headers = webhook.headers
        timestamp, signature = headers.get(signing.TIMESTAMP, ""), headers.get(signing.SIGNATURE, "")
        if not signing.is_signed(self._secret, timestamp, webhook.body, signature, webhook.received_at):
            raise SignatureError("the signature is missing, old or wrong", code="signature")
        try:
            event = orjson.loads(webhook.body)
            change = Change(
                connection=self._name,
                delivery_key=event["delivery"],
                kind=ChangeKind.SNAPSHOT,
                snapshot=to_snapshot(event["ticket"]),
                received_at=webhook.received_at,
                occurred_at=event["ticket"]["updated_at"],
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise MalformedError("not an event of this system", code="body") from error
        return Received(changes=(change,))

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        answer = await self._client.read(f"/tickets/{ref.id}", tolerate=(404,), sound=_complaint)
        if answer.status == 404:
            return Snapshot(object=OBJECT, id=ref.id, exists=False)
        return to_snapshot(answer.data)

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        return await self._search({"marker": correlation})

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        return await self._search({name: str(value) for name, value in fragment.items()})

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        return ()

    async def steps(self, ref: Ref) -> Sequence[Step]:
        return ()

    async def apply(self, write: Write) -> Receipt:
        if write.kind is WriteKind.CREATE or write.ref is None:
            body = {"marker": write.correlation, "fields": write.values}
            method, path, etag = "POST", "/tickets?unless_marked=true", None
        else:
            body = {"fields": write.values}
            method, path, etag = "PUT", f"/tickets/{write.ref.id}", write.etag or (await self.read(write.ref)).etag
        answer = await self._client.write(
            method,
            path,
            body,
            timeout_s=write.timeout_s,
            operation=write.operation,
            traceparent=write.traceparent,
            etag=etag,
            sound=_complaint,
        )
        stored = to_snapshot(answer.data)
        ref = Ref(object=OBJECT, id=stored.id, key=stored.key)
        return Receipt(ref=ref, version=stored.version, snapshot=stored)

    async def close(self) -> None:
        await self._client.close()

    async def _search(self, query: Mapping[str, str]) -> Sequence[Ref]:
        answer = await self._client.read("/tickets", query)
        return [Ref(object=OBJECT, id=ticket["id"], key=ticket["id"]) for ticket in answer.data["tickets"]]
