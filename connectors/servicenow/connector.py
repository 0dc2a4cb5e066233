"""ServiceNow: reads and writes records of the Table API, incidents first, with comments and work notes as items.

The one trap: a query part the instance does not understand is silently left out and all rows come back. Every query
here knows what its rows must show; see `table`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx
import msgspec

from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings, Connector
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
from connectors.servicenow import answers, changes, describing, hooks, items, listing, poll, rows, table, writes
from connectors.servicenow.changes import Envelope
from connectors.servicenow.checks import Checks
from connectors.servicenow.feed import FeedSpec
from connectors.servicenow.people import Directory
from connectors.servicenow.rows import Row, text
from connectors.servicenow.settings import REFERENCES, parsed

SETTLES_S = 120.0
"""Longer than any request lives: the REST quota of an instance ends a transaction after 60 s by default [M]."""
TELLS = "whom its notification rules name by mail: as a rule caller, assignee and group"
"""The instance sends these by itself, whoever wrote."""


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
        self._options, self._objects = parsed(settings)
        self._references = {**REFERENCES, **self._options.references}
        self._tables = {name: found.table or name for name, found in self._objects.items()}
        self._client = RestClient(
            settings, clock=clock, transport=transport, vendor=answers.vendor_sign, blame=answers.blame
        )
        self._us = self._options.user or self._client.user
        self._directory = Directory(self._client, clock)

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        settles_s = self._settings.settles_s
        return {
            name: ObjectSpec(
                name=name,
                version_kind=VersionKind.COUNTER,
                granularity_s=1.0,
                history=self._options.history,
                settles_s=SETTLES_S if settles_s is None else settles_s,
                items=True,
                tells=TELLS,
            )
            for name in self._objects
        }

    async def check(self) -> Sequence[Finding]:
        checks = Checks(
            self._client, self._clock, self._us, history=self._options.history, deletes=self._options.deletes
        )
        found = [finding for each in self._tables.values() for finding in await checks.of(each)]
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
        return await listing.next_page(
            self._client,
            self._tables[object],
            self._objects[object].filter,
            listing.from_cursor(cursor),
            limit=self._options.page_size,
        )

    def receive(self, webhook: Webhook) -> Received:
        hooks.verify(webhook, self._settings.webhook_secret, self._options.webhook_skew_s)
        said = hooks.parse(webhook.body)
        known = next((name for name, each in self._tables.items() if each == said["table"]), None)
        if known is None:
            return Received(changes=(), ignored=f"table {said['table'][:80]} is not synchronised")
        envelope = self._envelope("webhook", webhook.received_at)
        snapshot = self._told(known, said)
        if said["operation"] == "delete":
            gone = msgspec.structs.replace(snapshot, exists=False, partial=True)
            return Received(changes=(changes.deleted(envelope, gone, said["id"], None),))
        entries = [changes.journal(envelope, known, said["sys_id"], self._item(row)) for row in said["journal"]]
        return Received(changes=(changes.record(envelope, snapshot, said["id"]), *entries))

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        asked = {**table.PLAIN, "sysparm_fields": self._fields(ref.object)}
        where = table.path(self._tables[ref.object], ref.id)
        answer = await self._client.read(where, asked, sound=answers.one_row, tolerate={404})
        if answer.status == 404:
            return Snapshot(object=ref.object, id=ref.id, key=ref.key, exists=False)
        snapshot = self._snapshot(ref.object, answer.data["result"])
        return msgspec.structs.replace(snapshot, items=await self._journal(ref)) if items else snapshot

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        return await self._refs(object, {"correlation_id": correlation})

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        return await self._refs(object, await writes.body(fragment, self._references, self._directory))

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        bound = rows.format_time(since)
        query = f"tablename={self._tables[ref.object]}^{table.equals('documentkey', ref.id)}"
        found = await table.every_row(
            self._client,
            "sys_audit",
            f"{query}^sys_created_on>={table.moment(bound)}^ORDERBYsys_created_on^ORDERBYsys_id",
            items.AUDIT_FIELDS,
            lambda row: text(row.get("documentkey")) == ref.id and text(row.get("sys_created_on")) >= bound,
            limit=self._options.page_size,
        )
        cards = await self._directory.cards(self._references, items.referred(found, self._references))
        return items.to_history(found, self._references, cards, self._us)

    async def steps(self, ref: Ref) -> Sequence[Step]:
        return ()

    async def apply(self, write: Write) -> Receipt:
        target = write.ref.id if write.ref else ""
        if write.item is not None:
            body = writes.journal(write.item)
        else:
            body = await writes.body(write.values, self._references, self._directory)
        if write.kind is WriteKind.CREATE:
            marker = {"correlation_id": write.correlation, "correlation_display": self._options.correlation_display}
            body, target = {**self._objects[write.object].defaults, **body, **marker}, ""
        answer = await self._client.write(
            "PATCH" if target else "POST",
            table.path(self._tables[write.object], target),
            body,
            {**table.PLAIN, "sysparm_fields": self._fields(write.object)},
            sound=answers.one_row,
            timeout_s=write.timeout_s,
            operation=write.operation,
            traceparent=write.traceparent,
        )
        stored = self._snapshot(write.object, answer.data["result"])
        return Receipt(
            ref=Ref(object=write.object, id=stored.id, key=stored.key),
            version=stored.version,
            snapshot=stored,
            evidence={"status": answer.status, "transaction": answer.headers.get("x-transaction-id", "")},
        )

    async def fields(self, object: str) -> Sequence[FieldInfo]:
        return await describing.describe(self._client, self._tables[object])

    def allowance(self) -> Allowance:
        return self._client.allowance()

    async def close(self) -> None:
        await self._client.close()

    def _columns(self, object: str) -> tuple[str, ...]:
        return rows.columns(self._tables[object], self._options.fields)

    def _fields(self, object: str) -> str:
        return rows.asked_fields(self._columns(object), self._references)

    def _snapshot(self, object: str, row: Row, *, partial: bool = False) -> Snapshot:
        return rows.to_snapshot(
            row,
            object=object,
            references=self._references,
            correlation_display=self._options.correlation_display,
            us=self._us,
            url=f"{self._settings.url.rstrip('/')}/{self._tables[object]}.do?sys_id={text(row.get('sys_id'))}",
            partial=partial,
        )

    def _told(self, object: str, said: Mapping[str, Any]) -> Snapshot:
        """A webhook's record; partial unless it says all that a read would say."""
        row = {**said["record"], "sys_id": said["sys_id"]}
        return self._snapshot(object, row, partial=not rows.is_whole(row, self._columns(object), self._references))

    def _envelope(self, via: str, received_at: float) -> Envelope:
        return Envelope(self._settings.name, received_at, via, self._client.clock_offset_s)

    def _item(self, row: Row) -> Item:
        return items.to_item(row, self._directory.name(text(row.get("sys_created_by"))))

    async def _refs(self, object: str, wanted: Mapping[str, str]) -> list[Ref]:
        """Records whose columns have exactly these values."""
        query = "^".join(table.equals(column, value) for column, value in wanted.items())
        found = await table.every_row(
            self._client,
            self._tables[object],
            f"{query}^ORDERBYsys_created_on",
            ",".join(dict.fromkeys(("sys_id", "number", *wanted))),
            lambda row: all(text(row.get(column)) == value for column, value in wanted.items()),
            limit=self._options.page_size,
        )
        return [Ref(object=object, id=text(row["sys_id"]), key=text(row.get("number"))) for row in found]

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
        return [feed for name in self._objects for feed in self._feeds_of(name, envelope)]

    def _feeds_of(self, object: str, envelope: Envelope) -> Iterator[poll.Feed]:
        table_name = self._tables[object]

        def record(row: Row) -> Change:
            snapshot = self._snapshot(object, row)
            return changes.record(envelope, snapshot, changes.version_key(snapshot, self._new_key()))

        yield poll.Feed(
            spec=FeedSpec(
                name=object,
                table=table_name,
                time="sys_updated_on",
                base=self._objects[object].filter,
                fields=self._fields(object),
                version="sys_mod_count",
            ),
            to_change=record,
        )
        yield poll.Feed(
            spec=FeedSpec(
                name=f"{object}:journal",
                table="sys_journal_field",
                time="sys_created_on",
                base=f"name={table_name}^{items.JOURNAL_QUERY}",
                fields=items.JOURNAL_FIELDS,
            ),
            to_change=lambda row: changes.journal(envelope, object, text(row.get("element_id")), self._item(row)),
        )
        if self._options.deletes:
            yield poll.Feed(
                spec=FeedSpec(
                    name=f"{object}:deleted",
                    table="sys_audit_delete",
                    time="sys_created_on",
                    base=f"tablename={table_name}",
                    fields="sys_id,documentkey,display_value,sys_created_on,sys_created_by",
                ),
                to_change=lambda row: changes.deleted_row(envelope, object, row, self._us),
            )
