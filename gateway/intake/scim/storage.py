"""Where the SCIM protocol keeps its resources: one connection's rows, in one transaction for each operation.

A change is stored together with the resource it is of. Once the transaction has committed it is accepted, whatever
becomes of the request; `accepted` has those of this request, for the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
from scim2_models import (
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SearchRequest,
    TooManyException,
    UniquenessException,
)
from scim2_server.storage import AsyncScimStorage, SearchPage
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.pushed import Resource as Pushed
from connectors.contract.pushed import TakesPushes
from connectors.contract.values import Change
from connectors.directory import TYPES
from gateway.intake.scim import store
from gateway.intake.scim.narrowing import Narrowed, narrowed
from gateway.storage.database import Database, loads
from gateway.sync.bounds import OBJECT_KEY, label

PAGE = 500
MOST = 20_000
"""Resources that a filter is tried on which no index answers; more is `tooMany` (RFC 7644 3.12)."""
USER = "User"
_OBJECTS = {type: object for object, type in TYPES.items()}

Model = Callable[[ResourceType], type[Resource[Any]]]
AnyResource = Resource[Any]


def etag(version: int) -> str:
    """`meta.version`: weak, as RFC 7644 3.14 prefers it."""
    return f'W/"{version}"'


class Resources(AsyncScimStorage):
    """Of one connection, for one request."""

    def __init__(
        self,
        database: Database,
        connection: str,
        connector: TakesPushes,
        *,
        now: Callable[[], float],
        model: Model,
        writes: bool = True,
        traceparent: str = "",
    ) -> None:
        self.database, self.connection, self.connector, self.now = database, connection, connector, now
        self.model, self.writes, self.traceparent = model, writes, traceparent
        self.accepted: list[tuple[int, Change]] = []
        self._tx: AsyncConnection | None = None
        self._number = 0
        self._noted: list[tuple[int, Change]] = []

    def operation(self) -> AbstractAsyncContextManager[Any]:
        """One transaction; changes of it are in `accepted` once it has committed. Raises StorageError."""
        return self._operation()

    @asynccontextmanager
    async def _operation(self) -> AsyncIterator[AsyncConnection]:
        opened = self.database.begin("scim.push") if self.writes else self.database.read()
        self._noted = []
        try:
            async with opened as tx:
                self._tx = tx
                if self.writes:
                    self._number = await store.lock(tx, self.connection)
                yield tx
        finally:
            self._tx = None
        self.accepted += self._noted

    @asynccontextmanager
    async def _in(self) -> AsyncIterator[AsyncConnection]:
        if self._tx is not None:
            yield self._tx
            return
        async with self._operation() as tx:
            yield tx

    async def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> AnyResource:
        """A resource. Raises NotFoundException."""
        async with self._in() as tx:
            return self._resource(resource_type, await self._row(tx, resource_type, resource_id))

    async def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """One page of what matches, and how many do. Raises TooManyException."""
        async with self._in() as tx:
            found: list[AnyResource] = []
            seen = 0
            for each in resource_types:
                asked = narrowed(search_request.filter, self.model(each))
                async for resource in self._candidates(tx, each, asked):
                    seen += 1
                    if seen > MOST:
                        raise TooManyException(detail="too many to look through; filter by userName, externalId or id")
                    if asked.matches(resource):
                        found.append(resource)
            return _page(search_request, found)

    async def _candidates(
        self, tx: AsyncConnection, resource_type: ResourceType, asked: Narrowed
    ) -> AsyncIterator[AnyResource]:
        after = ""
        while rows := await store.page(tx, self.connection, str(resource_type.name), after, PAGE, asked.like):
            for row in rows:
                yield self._resource(resource_type, row)
            after = rows[-1]["id"]
            await asyncio.sleep(0)  # webhooks of others are answered meanwhile

    async def create(self, resource_type: ResourceType, resource: AnyResource) -> AnyResource:
        """Stores a new resource. Raises UniquenessException."""
        async with self._in() as tx:
            return await self._store(tx, resource_type, uuid4().hex, 1, resource, None)

    async def update(
        self, resource_type: ResourceType, resource: AnyResource, *, expected_version: str | None = None
    ) -> AnyResource:
        """Stores another state of a resource; one that says the same moves no version and is no change."""
        async with self._in() as tx:
            row = await self._row(tx, resource_type, str(resource.id), expected_version)
            if _body(resource) == loads(row["body"]):
                return self._resource(resource_type, row)
            version = row["version"] + 1
            return await self._store(tx, resource_type, row["id"], version, resource, row["created_at"])

    async def delete(
        self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        """Forgets a resource; that it was taken away is told."""
        async with self._in() as tx:
            row = await self._row(tx, resource_type, resource_id, expected_version)
            await store.remove(tx, self.connection, resource_id)
            gone = Pushed(
                object=_OBJECTS[row["type"]],
                id=resource_id,
                version=row["version"] + 1,
                modified_at=self.now(),
                exists=False,
            )
            await self._tell(tx, gone)

    async def _store(
        self,
        tx: AsyncConnection,
        resource_type: ResourceType,
        id: str,
        version: int,
        resource: AnyResource,
        created_at: float | None,
    ) -> AnyResource:
        name, body, now = str(resource_type.name), _body(resource), self.now()
        began = now if created_at is None else created_at
        row = store.row_of(self.connection, name, id, version, body, created_at=began, now=now)
        if name == USER and await store.taken(tx, self.connection, name, row["name"], id):
            raise UniquenessException(detail="another user has this userName")
        await store.put(tx, row)
        await self._tell(tx, store.resource_of(row))
        return self._resource(resource_type, row)

    async def _tell(self, tx: AsyncConnection, resource: Pushed) -> None:
        now = self.now()
        change = self.connector.told(resource, received_at=now, traceparent=self.traceparent)
        key = label(change.snapshot.key, OBJECT_KEY)
        change = msgspec.structs.replace(change, snapshot=msgspec.structs.replace(change.snapshot, key=key))
        self._number += 1
        await store.note(tx, change, self._number, now)
        self._noted.append((self._number, change))

    async def _row(
        self, tx: AsyncConnection, resource_type: ResourceType, id: str, expected: str | None = None
    ) -> store.Row:
        row = await store.one(tx, self.connection, str(resource_type.name), id)
        if row is None:
            raise NotFoundException(detail=f"there is no {resource_type.name} with the id {id[:60]!r}")
        if expected is not None and expected != etag(row["version"]):
            raise PreconditionFailedException
        return row

    def _resource(self, resource_type: ResourceType, row: store.Row) -> AnyResource:
        resource = self.model(resource_type).model_validate(loads(row["body"]))
        resource.id = row["id"]
        resource.meta = Meta(
            resource_type=row["type"],
            created=datetime.fromtimestamp(row["created_at"], UTC),
            last_modified=datetime.fromtimestamp(row["modified_at"], UTC),
            version=etag(row["version"]),
        )
        return resource


def _body(resource: AnyResource) -> dict[str, Any]:
    """What is kept of it: all but what we give it, and a password, which is nobody's business here."""
    dumped = resource.model_dump()
    return {name: value for name, value in dumped.items() if name not in ("id", "meta", "password")}


def _page(asked: SearchRequest[Any], found: Sequence[AnyResource]) -> SearchPage:
    """Sorted by what was asked, those without a value last, and else by id."""
    descending = asked.sort_order == SearchRequest.SortOrder.descending and asked.sort_by is not None
    keys = [(_key(asked.sort_value(each)), each) for each in found] if asked.sort_by is not None else []
    if keys:
        keys.sort(key=lambda pair: (*pair[0], str(pair[1].id)), reverse=descending)
        found = [each for _, each in keys]
    else:
        found = sorted(found, key=lambda each: str(each.id))
    start = asked.start_index_0 or 0
    stop = None if asked.count is None else start + asked.count
    return SearchPage(len(found), list(found[start:stop]))


def _key(value: Any) -> tuple[bool, Any]:
    return value is None, "" if value is None else value
