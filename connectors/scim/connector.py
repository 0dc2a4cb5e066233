"""A SCIM 2.0 server (RFC 7643, 7644): users and groups, read and written.

The trap: nothing counts changes. A version is opaque and a time of change coarse, so every notice is a hint to read,
and a repeated create is known by `externalId`, where the correlation key stands.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import httpx
import msgspec

from connectors.contract.access import Account, Ending, GrantKind, Holdings, Whom
from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import Conflict, MalformedError, Refused
from connectors.contract.limits import Allowance
from connectors.contract.values import (
    Change,
    ChangeKind,
    Finding,
    HistoryEntry,
    IdPage,
    Listed,
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
from connectors.directory import GROUP, PEOPLE, USER, holds, name_of, shown
from connectors.rest import RestClient
from connectors.rest.answer import Answer
from connectors.rest.prove import prove
from connectors.rest.wire import JSON, Wire
from connectors.scim import answers, filters, poll, writes
from connectors.scim.access import ENDS, Access
from connectors.scim.crew import Crew
from connectors.scim.listing import Listing, path
from connectors.scim.settings import parsed

SETTLES_S = 120.0
MARKER = "lockstep-"
"""Before our correlation key in `externalId`, which belongs to whoever provisions (RFC 7643 3.1)."""
FAR = "2999-01-01T00:00:00.000Z"
Row = Mapping[str, Any]


def create(settings: ConnectionSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> Scim:
    """The connector of a connection; opens nothing. Raises ConfigError."""
    return Scim(settings, clock=clock, transport=transport)


class Scim:
    """One server, seen by one client."""

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        new_key: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._settings, self._clock, self._new_key = settings, clock, new_key
        self._options, self._objects = parsed(settings)
        self._client = RestClient(settings, clock=clock, transport=transport, blame=answers.blame, wire=_wire())
        self._listing = Listing(self._client, self._options)
        self._access = Access(self._client, self._listing, self._options)
        self._crew = Crew(clock, self._user, self._called)

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        """Users, and groups where they are asked for."""
        settles_s = self._settings.settles_s
        return {
            name: ObjectSpec(
                name=name,
                version_kind=VersionKind.TIMESTAMP,
                granularity_s=0.001,
                conditional=self._options.etags,
                settles_s=SETTLES_S if settles_s is None else settles_s,
            )
            for name in self._objects
        }

    async def check(self) -> Sequence[Finding]:
        """Sign-in, reading, that the marker is searchable, and that the server filters by time where it is said to."""
        proofs: list[tuple[str, Callable[[], Awaitable[str]]]] = []
        for name in self._objects:
            proofs.append((f"sign-in and read {name}", partial(self._reads, name)))
            proofs.append((f"marker of {name}", partial(self._nobody, name)))
            if self._options.since:
                proofs.append((f"{name} by time", partial(self._nothing_since, name)))
        return [await prove(proves, proof, self._clock) for proves, proof in proofs]

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        """One page of one type; types take turns."""
        kept: Mapping[str, Any] = (cursor or {}).get("objects", {})
        name = (cursor or {}).get("turn") or next(iter(self._objects))
        known = kept.get(name)
        if known is None and not kept:
            await self._listing.page(name, 1, 1)  # its Date header tells the server's clock
        now, compares = self._clock.now() + self._client.clock_offset_s, not self._options.since
        overlap_s = self._options.overlap_s
        mine = msgspec.convert(known, poll.Cursor) if known else poll.begin(now, overlap_s, compares=compares)
        mine = poll.going_on(mine, now)
        page = await self._listing.page(name, mine.at, self._options.page_size, self._since(name, mine))
        times = {str(row.get("id", "")): _modified(row) or 0.0 for row in page.rows}
        done = poll.step(mine, page, times, overlap_s=overlap_s, compares=compares)
        order = list(self._objects)
        after = order[order.index(name) + 1 :]
        turn = name if done.more else next(iter(after), "")
        return Page(
            changes=tuple(self._change(name, row) for row in done.fresh),
            cursor={"objects": {**kept, name: msgspec.to_builtins(done.cursor)}, "turn": turn},
            more=bool(turn),
        )

    def receive(self, webhook: Webhook) -> Received:
        """Refused: SCIM has no webhooks."""
        raise MalformedError("a SCIM server sends no webhooks; it is polled", code="not_a_webhook")

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        """The present state."""
        answer = await self._document(ref)
        if answer.status == 404:
            return Snapshot(object=ref.object, id=ref.id, key=ref.key, exists=False)
        snapshot = self._snapshot(ref.object, answer.data, answer)
        return snapshot if ref.object != GROUP else await self._crew.named(snapshot)

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        """By `externalId`, which is case-exact."""
        marker = f"{MARKER}{correlation}"
        rows = await self._listing.every(object, f"externalId eq {filters.quoted(marker)}")
        return [_ref(object, row) for row in rows if row.get("externalId") == marker]

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        """By the values themselves; a server that filters less than it was asked to is not believed."""
        rows = await self._listing.every(object, filters.equal(fragment))
        return [_ref(object, row) for row in rows if holds(shown(row), fragment)]

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        """There is none."""
        return ()

    async def steps(self, ref: Ref) -> Sequence[Step]:
        """No attribute is stepped."""
        return ()

    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        """All, by pages that overlap by one row."""
        at = int((cursor or {}).get("at", 1))
        page = await self._listing.page(object, at, self._options.page_size, self._objects[object].filter)
        listed = tuple(Listed(id=str(row["id"]), key=name_of(row), updated_at=_modified(row)) for row in page.rows)
        following = poll.going(at, page, alone=0 if at == 1 else 1)
        return IdPage(listed=listed, cursor={"at": following} if following else None)

    async def apply(self, write: Write) -> Receipt:
        """Sends one write; a change only if the resource is as it was read, where the server knows ETags."""
        if write.object == GROUP and PEOPLE in write.values:
            before = (await self._document(write.ref)).data if write.ref is not None else {}
            values = await self._crew.values(write.values, before or {})
            write = msgspec.structs.replace(write, values=values)
        if write.kind is WriteKind.CREATE:
            return await self._create(write)
        assert write.ref is not None
        if write.kind is WriteKind.DELETE:
            return await self._delete(write, write.ref)
        return await self._update(write, write.ref)

    @property
    def ends(self) -> Mapping[GrantKind, str]:
        """See `access`."""
        return ENDS

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        """Users of this name, address or number."""
        return await self._access.accounts(whom)

    async def holdings(self, account: str) -> Holdings:
        """What a user has."""
        return await self._access.holdings(account)

    async def end(self, ending: Ending) -> None:
        """Takes one thing away."""
        await self._access.end(ending)

    def allowance(self) -> Allowance:
        """What was used of the budget."""
        return self._client.allowance()

    async def close(self) -> None:
        """Closes pooled connections."""
        await self._client.close()

    async def _create(self, write: Write) -> Receipt:
        given = {**self._objects[write.object].defaults, **write.values}
        marker = {"externalId": f"{MARKER}{write.correlation}"}
        body = writes.resource(write.object, {**given, **marker})
        answer = await self._client.write(
            "POST", path(write.object), body, sound=answers.a_resource, tolerate={409}, **_told(write)
        )
        if answer.status == 409:
            raise await self._taken(write, answer)
        return self._receipt(write.object, answer)

    async def _taken(self, write: Write, answer: Answer) -> Conflict | Refused:
        """A create of ours that landed late takes the name; then the object is there, and is adopted. Else it is
        somebody else's.
        """
        told = self._client.evidence("POST", path(write.object), answer)
        said = answers.blame(answer)[0]
        if await self.find(write.object, write.correlation):
            return Conflict(f"it is there already: {said}", status=409, evidence=told, said=said)
        name = "displayName" if write.object == GROUP else "userName"
        return Refused(f"the name is taken: {said}", status=409, evidence=told, said=said, fields={name: said})

    async def _update(self, write: Write, ref: Ref) -> Receipt:
        whole = self._options.patch == "put"
        before: Row = {}
        if writes.needs_reading(write.values, whole=whole):
            read = await self._document(ref)
            if read.status == 404:
                raise Conflict(f"{ref.key or ref.id} is not there any more", status=404)
            before = read.data
        if whole:
            body = writes.resource(write.object, write.values, before)
        else:
            body = writes.operations(write.values, before, paths=self._options.patch == "paths")
        etag = write.etag if self._options.etags else None
        answer = await self._client.write(
            "PUT" if whole else "PATCH",
            path(write.object, ref.id),
            body,
            empty_ok=True,
            sound=answers.nothing_or_a_resource,
            etag=etag,
            **_told(write),
        )
        if answer.data is None:
            return Receipt(ref=ref, evidence={"status": answer.status})
        return self._receipt(write.object, answer)

    async def _delete(self, write: Write, ref: Ref) -> Receipt:
        answer = await self._client.write(
            "DELETE",
            path(write.object, ref.id),
            None,
            empty_ok=True,
            tolerate={404},
            etag=write.etag if self._options.etags else None,
            **_told(write),
        )
        return Receipt(ref=ref, evidence={"status": answer.status})

    def _receipt(self, object: str, answer: Answer) -> Receipt:
        stored = self._snapshot(object, answer.data, answer)
        seen = stored if object != GROUP else self._crew.remembered(stored)
        ref = Ref(object=object, id=stored.id, key=stored.key)
        return Receipt(ref=ref, snapshot=seen, evidence={"status": answer.status})

    async def _user(self, id: str) -> Row | None:
        answer = await self._document(Ref(object=USER, id=id))
        return None if answer.status == 404 else answer.data

    async def _called(self, name: str) -> list[Row]:
        found: dict[str, Row] = {}
        for by in ("email", "userName"):
            rows = await self._listing.every(USER, filters.equal({by: name}))
            found |= {str(row["id"]): row for row in rows if holds(shown(row), {by: name})}
        return list(found.values())

    async def _document(self, ref: Ref) -> Answer:
        return await self._client.read(path(ref.object, ref.id), sound=answers.a_resource, tolerate={404})

    def _since(self, name: str, cursor: poll.Cursor) -> str:
        own = self._objects[name].filter
        if not self._options.since:
            return own
        return filters.both(own, f"meta.lastModified ge {filters.quoted(filters.moment(cursor.bound))}")

    def _change(self, object: str, row: Row) -> Change:
        snapshot = self._snapshot(object, row)
        hint = object == GROUP  # who its members are has to be asked
        return Change(
            connection=self._settings.name,
            delivery_key=f"{object}:{snapshot.id}:{self._state(row)}",
            kind=ChangeKind.HINT if hint else ChangeKind.SNAPSHOT,
            snapshot=msgspec.structs.replace(snapshot, raw={}, partial=True) if hint else snapshot,
            received_at=self._clock.now(),
            occurred_at=snapshot.updated_at,
            via="poll",
            clock_offset_s=self._client.clock_offset_s,
        )

    def _state(self, row: Row) -> str:
        """Names this state of a resource and no other: its version, or else the moment with what it shows then."""
        meta = _meta(row)
        if meta.get("version"):
            return str(meta["version"])
        return f"{meta['lastModified']}:{poll.digest(row)}" if meta.get("lastModified") else self._new_key()

    def _snapshot(self, object: str, row: Row, answer: Answer | None = None) -> Snapshot:
        meta, raw = _meta(row), shown(row)
        header = answer.headers.get("etag", "") if answer is not None else ""
        external = str(row.get("externalId") or "")
        if external.startswith(MARKER):
            del raw["externalId"]
        return Snapshot(
            object=object,
            id=str(row["id"]),
            key=name_of(row),
            updated_at=_modified(row),
            raw=raw,
            correlation=external.removeprefix(MARKER) if external.startswith(MARKER) else None,
            etag=header or str(meta.get("version") or "") or None,
            url=str(meta.get("location") or ""),
        )

    async def _reads(self, name: str) -> str:
        return f"{(await self._listing.page(name, 1, 1)).total} there"

    async def _nobody(self, name: str) -> str:
        page = await self._listing.page(name, 1, 1, f"externalId eq {filters.quoted(MARKER + 'nobody')}")
        if page.rows:
            raise Refused("the server does not filter by externalId; a lost create could not be found again")
        return "searchable"

    async def _nothing_since(self, name: str) -> str:
        page = await self._listing.page(name, 1, 1, f"meta.lastModified ge {filters.quoted(FAR)}")
        if page.rows:
            raise Refused("the server does not filter by meta.lastModified; say options: {since: false}")
        return "filtered"


def _wire() -> Wire:
    return JSON._replace(accept="application/scim+json, application/json", content_type="application/scim+json")


def _told(write: Write) -> dict[str, Any]:
    return {"timeout_s": write.timeout_s, "operation": write.operation, "traceparent": write.traceparent}


def _ref(object: str, row: Row) -> Ref:
    return Ref(object=object, id=str(row["id"]), key=name_of(row))


def _meta(row: Row) -> Row:
    found = row.get("meta")
    return found if isinstance(found, Mapping) else {}


def _modified(row: Row) -> float | None:
    try:
        return datetime.fromisoformat(str(_meta(row).get("lastModified"))).timestamp()
    except ValueError:
        return None
