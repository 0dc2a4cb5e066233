"""ServiceNow: reads and writes records of the Table API: incidents, requests and their tasks with comments and work
notes as items; people, groups, memberships and roles.

The one trap: a query part the instance does not understand is silently left out and all rows come back. Every query
here knows what its rows must show; see `table`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx
import msgspec

from connectors.contract.access import Account, Ending, GrantKind, Holdings, Whom
from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.errors import Refused
from connectors.contract.fields import FieldInfo
from connectors.contract.limits import Allowance
from connectors.contract.values import (
    Change,
    Finding,
    HistoryEntry,
    IdPage,
    Item,
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
from connectors.servicenow import answers, changes, describing, hooks, items, links, listing, poll, rows, table, writes
from connectors.servicenow.access import ENDS, Access
from connectors.servicenow.bound import Bound, bound
from connectors.servicenow.changes import Envelope
from connectors.servicenow.checks import Checks
from connectors.servicenow.feed import FeedSpec
from connectors.servicenow.people import Directory
from connectors.servicenow.rows import Row, text
from connectors.servicenow.settings import parsed

SETTLES_S = 120.0
"""Longer than any request lives: the REST quota of an instance ends a transaction after 60 s by default [M]."""


def create(
    settings: ConnectionSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
) -> Connector:
    """The factory the registry calls. Raises ConfigError for options it does not understand."""
    return ServiceNow(settings, clock=clock, transport=transport)


class ServiceNow:
    """One instance, seen by one integration user."""

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        new_key: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._settings, self._clock, self._new_key = settings, clock, new_key
        self._options, objects = parsed(settings)
        self._client = RestClient(
            settings, clock=clock, transport=transport, vendor=answers.vendor_sign, blame=answers.blame
        )
        self._us = self._options.user or self._client.user
        base = settings.url.rstrip("/")
        self._objects = {
            name: bound(name, given, self._options, us=self._us, base=base) for name, given in objects.items()
        }
        self._directory = Directory(self._client, clock)
        self._access = Access(self._client, clock, self._options)

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        settles_s = self._settings.settles_s
        return {
            name: ObjectSpec(
                name=name,
                version_kind=VersionKind.COUNTER,
                granularity_s=1.0,
                history=self._options.history and one.kind.history,
                marker=bool(one.marker),
                settles_s=SETTLES_S if settles_s is None else settles_s,
                items=one.kind.journal,
                tells=one.kind.tells,
            )
            for name, one in self._objects.items()
        }

    async def check(self) -> Sequence[Finding]:
        checks = Checks(
            self._client, self._clock, self._us, history=self._options.history, deletes=self._options.deletes
        )
        found = [finding for each in self._objects.values() for finding in await checks.of(each)]
        return list({finding.proves: finding for finding in found}.values())

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        if cursor is None:
            await self._directory.names([self._us or "-"])  # its answer's Date header tells the instance's clock
        feeds = self._feeds(self._envelope("poll", self._clock.now()))
        now = self._clock.now() + self._client.clock_offset_s
        return await poll.next_page(
            self._client,
            feeds,
            poll.start(feeds, cursor, now, self._options.overlap_s),
            now=now,
            page_size=self._options.page_size,
            overlap_s=self._options.overlap_s,
            prepare=self._learn_authors,
        )

    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        place = listing.from_cursor(cursor)
        return await listing.next_page(self._client, self._objects[object], place, limit=self._options.page_size)

    def receive(self, webhook: Webhook) -> Received:
        hooks.verify(webhook, self._settings.webhook_secret, self._options.webhook_skew_s)
        said = hooks.parse(webhook.body)
        one = next((each for each in self._objects.values() if each.table == said["table"]), None)
        if one is None:
            return Received(changes=(), ignored=f"table {said['table'][:80]} is not synchronised")
        envelope = self._envelope("webhook", webhook.received_at)
        snapshot = one.told(said)
        if said["operation"] == "delete":
            gone = msgspec.structs.replace(snapshot, exists=False, partial=True)
            return Received(changes=(changes.deleted(envelope, gone, said["id"], None),))
        entries = [changes.journal(envelope, one.object, said["sys_id"], self._item(row)) for row in said["journal"]]
        return Received(changes=(changes.record(envelope, snapshot, said["id"]), *entries))

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        one = self._objects[ref.object]
        row = await self._row(one, ref)
        if row is None:
            return Snapshot(object=ref.object, id=ref.id, key=ref.key, exists=False)
        snapshot = one.snapshot(row)
        wanted = items and one.kind.journal
        return msgspec.structs.replace(snapshot, items=await self._journal(ref)) if wanted else snapshot

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        one = self._objects[object]
        return await self._refs(one, {one.marker: correlation}) if one.marker else ()

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        one = self._objects[object]
        return await self._refs(one, await writes.body(fragment, one.references, self._directory))

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        one = self._objects[ref.object]
        lowest = rows.format_time(since)
        query = f"tablename={one.table}^{table.equals('documentkey', ref.id)}"
        found = await table.every_row(
            self._client,
            "sys_audit",
            f"{query}^sys_created_on>={table.moment(lowest)}^ORDERBYsys_created_on^ORDERBYsys_id",
            items.AUDIT_FIELDS,
            lambda row: text(row.get("documentkey")) == ref.id and text(row.get("sys_created_on")) >= lowest,
            limit=self._options.page_size,
        )
        cards = await self._directory.cards(one.references, items.referred(found, one.references))
        return items.to_history(found, one.references, cards, self._us)

    async def steps(self, ref: Ref) -> Sequence[Step]:
        return ()

    async def apply(self, write: Write) -> Receipt:
        one = self._objects[write.object]
        if write.kind is WriteKind.DELETE:
            return await self._take_away(one, write)
        if write.item is not None:
            body = writes.journal(write.item)
        else:
            body = await writes.body(write.values, one.references, self._directory)
        if write.kind is WriteKind.CREATE:
            return await self._create(one, write, body)
        assert write.ref is not None
        return await self._send(one, write, "PATCH", write.ref.id, body)

    async def _create(self, one: Bound, write: Write, body: Mapping[str, str]) -> Receipt:
        known = await links.joined(self._client, one, body)
        if known is not None:
            return self._receipt(one, known, {"joined": "already"})
        return await self._send(one, write, "POST", "", {**one.given.defaults, **body, **one.mark(write.correlation)})

    async def _send(self, one: Bound, write: Write, method: str, target: str, body: Mapping[str, str]) -> Receipt:
        answer = await self._client.write(
            method,
            table.path(one.table, target),
            body,
            {**table.PLAIN, "sysparm_fields": one.asked},
            sound=answers.one_row,
            timeout_s=write.timeout_s,
            operation=write.operation,
            traceparent=write.traceparent,
        )
        told = {"status": answer.status, "transaction": answer.headers.get("x-transaction-id", "")}
        return self._receipt(one, answer.data["result"], told)

    async def _take_away(self, one: Bound, write: Write) -> Receipt:
        """Only links. Raises Refused for anything else: what it is about would be lost with its history."""
        assert write.ref is not None
        if not one.kind.pair:
            raise Refused(f"{one.object}: rows of {one.table} are closed or set inactive, never deleted")
        row = await self._row(one, write.ref)
        if row is not None:
            links.refuse_derived(one, row)
        answer = await self._client.write(
            "DELETE",
            table.path(one.table, write.ref.id),
            {},
            empty_ok=True,
            tolerate={404},
            timeout_s=write.timeout_s,
            operation=write.operation,
            traceparent=write.traceparent,
        )
        return Receipt(ref=write.ref, evidence={"status": answer.status})

    def _receipt(self, one: Bound, row: Row, evidence: Mapping[str, Any]) -> Receipt:
        stored = one.snapshot(row)
        return Receipt(
            ref=Ref(object=one.object, id=stored.id, key=stored.key),
            version=stored.version,
            snapshot=stored,
            evidence=evidence,
        )

    @property
    def ends(self) -> Mapping[GrantKind, str]:
        return ENDS

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        return await self._access.accounts(whom)

    async def holdings(self, account: str) -> Holdings:
        return await self._access.holdings(account)

    async def end(self, ending: Ending) -> None:
        await self._access.end(ending)

    async def fields(self, object: str) -> Sequence[FieldInfo]:
        return await describing.describe(self._client, self._objects[object].table)

    def allowance(self) -> Allowance:
        return self._client.allowance()

    async def close(self) -> None:
        await self._client.close()

    async def _row(self, one: Bound, ref: Ref) -> Row | None:
        asked = {**table.PLAIN, "sysparm_fields": one.asked}
        where = table.path(one.table, ref.id)
        answer = await self._client.read(where, asked, sound=answers.one_row, tolerate={404})
        return None if answer.status == 404 else answer.data["result"]

    def _envelope(self, via: str, received_at: float) -> Envelope:
        return Envelope(self._settings.name, received_at, via, self._client.clock_offset_s)

    def _item(self, row: Row) -> Item:
        return items.to_item(row, self._directory.name(text(row.get("sys_created_by"))))

    async def _refs(self, one: Bound, wanted: Mapping[str, str]) -> list[Ref]:
        """Records whose columns have exactly these values."""
        query = "^".join(table.equals(column, value) for column, value in wanted.items())
        found = await table.every_row(
            self._client,
            one.table,
            f"{query}^ORDERBYsys_created_on",
            ",".join(dict.fromkeys((*one.named.split(","), *wanted))),
            lambda row: all(text(row.get(column)) == value for column, value in wanted.items()),
            limit=self._options.page_size,
        )
        return [Ref(object=one.object, id=text(row["sys_id"]), key=rows.called(row, one.kind.names)) for row in found]

    async def _journal(self, ref: Ref) -> tuple[Item, ...]:
        found = await table.every_row(
            self._client,
            "sys_journal_field",
            f"{table.equals('element_id', ref.id)}^{items.JOURNAL_QUERY}^ORDERBYsys_created_on^ORDERBYsys_id",
            items.JOURNAL_FIELDS,
            lambda row: text(row.get("element_id")) == ref.id,
            limit=self._options.page_size,
        )
        await self._learn_authors(found)
        return tuple(self._item(row) for row in found)

    async def _learn_authors(self, found: Sequence[Row]) -> None:
        """Looks up the names of those who wrote journal entries; rows of other tables name nobody here."""
        await self._directory.names({text(row["sys_created_by"]) for row in found if "element_id" in row})

    def _feeds(self, envelope: Envelope) -> list[poll.Feed]:
        return [feed for one in self._objects.values() for feed in self._feeds_of(one, envelope)]

    def _feeds_of(self, one: Bound, envelope: Envelope) -> Iterator[poll.Feed]:
        def record(row: Row) -> Change:
            snapshot = one.snapshot(row)
            return changes.record(envelope, snapshot, changes.version_key(snapshot, self._new_key()))

        yield poll.Feed(
            spec=FeedSpec(
                name=one.object,
                table=one.table,
                time="sys_updated_on",
                base=one.given.filter,
                fields=one.asked,
                version="sys_mod_count",
            ),
            to_change=record,
        )
        if one.kind.journal:
            yield poll.Feed(
                spec=FeedSpec(
                    name=f"{one.object}:journal",
                    table="sys_journal_field",
                    time="sys_created_on",
                    base=f"name={one.table}^{items.JOURNAL_QUERY}",
                    fields=items.JOURNAL_FIELDS,
                ),
                to_change=lambda row: changes.journal(
                    envelope, one.object, text(row.get("element_id")), self._item(row)
                ),
            )
        if self._options.deletes:
            yield poll.Feed(
                spec=FeedSpec(
                    name=f"{one.object}:deleted",
                    table="sys_audit_delete",
                    time="sys_created_on",
                    base=f"tablename={one.table}",
                    fields="sys_id,documentkey,display_value,sys_created_on,sys_created_by",
                ),
                to_change=lambda row: changes.deleted_row(envelope, one.object, row, self._us),
            )
