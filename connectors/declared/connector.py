"""The engine: one connection to a REST system that a connector file describes.

It does what the file says and nothing else: no retry, no wait, no guess. What the file does not describe is refused
with that said.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import CredentialsError, Refused
from connectors.contract.fields import FieldInfo
from connectors.contract.limits import Allowance
from connectors.contract.values import (
    Change,
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
    Webhook,
    Write,
    WriteKind,
)
from connectors.declared import hooks, poll, rows, writing
from connectors.declared.allowing import reader
from connectors.declared.asking import Asker, left
from connectors.declared.deciding import holds
from connectors.declared.formats import wire
from connectors.declared.gathering import gathered
from connectors.declared.judging import Rules, Veil, variables
from connectors.declared.looking import many, one, text_at
from connectors.declared.model.file import Check, ConnectorFile
from connectors.declared.model.records import Comments, Each, One, Record
from connectors.declared.model.requests import Listing
from connectors.declared.model.writes import Returns
from connectors.declared.settings import given, with_ways
from connectors.declared.slots import fill_body
from connectors.declared.specs import spec_of
from connectors.declared.telling import Teller, as_object, as_objects, gone_ids, to_fields, to_items
from connectors.declared.times import format_time
from connectors.rest import Answer, RestClient
from connectors.rest.prove import prove

_ANY_STATUS = frozenset(range(300, 600))


class Declared:
    """One connection, seen by one integration user."""

    def __init__(
        self,
        file: ConnectorFile,
        settings: ConnectionSettings,
        *,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        new_key: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        """Raises ConfigError for settings that the file does not take."""
        self._file, self._clock, self._new_key = file, clock, new_key
        self._own, self._of_objects = given(file, settings)
        parts = urlsplit(settings.url)
        self._site = f"{parts.scheme}://{parts.netloc}"
        self._settings = with_ways(file, settings)
        self._rules = Rules(file.errors)
        self._client = RestClient(
            msgspec.structs.replace(self._settings, url=self._site),
            clock=clock,
            transport=transport,
            vendor=self._rules.vendor,
            blame=self._rules.blame,
            wire=wire(file.http.body, file.http.answers),
            read_budget=reader(file.budget.told),
            veil=Veil(file.sensitive),
        )
        base = parts.path.rstrip("/") + file.http.base
        self._ask = Asker(
            self._client, origin=self._site, base=base, headers=file.http.headers, quotes=file.http.quotes
        )
        self._records = {name: _sized(file.records[name], self._own["page_size"]) for name in self._of_objects}

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        settles_s = self._settings.settles_s
        return {name: spec_of(self._file, name, each, settles_s) for name, each in self._records.items()}

    @property
    def clock_offset_s(self) -> float:
        """The system's clock minus ours."""
        return self._client.clock_offset_s

    def allowance(self) -> Allowance:
        return self._client.allowance()

    async def close(self) -> None:
        await self._client.close()

    async def check(self) -> Sequence[Finding]:
        return [await prove(each.proves, partial(self._proved, each), self._clock) for each in self._file.check]

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        stand = msgspec.convert(cursor, poll.Stand) if cursor else await self._from_now()
        name = stand.turn or next(iter(self._records))
        record, values = self._records[name], self._values(name)
        received_at = self._clock.now()
        stands = poll.going_on(record, stand.records.get(name) or poll.begin(record, self._now()), self._now())
        values["since"] = poll.since(record, stands.reach)
        narrowed, known = poll.asked(record, stands), poll.known(record, stands)
        try:
            shown = await self._ask.page(record.list, values, stands.token, more=narrowed, known=known)
        except Refused:
            if not stands.token or stands.anew:
                raise
            # The place between two pages is not known any more: systems keep it for a while only.
            begun = msgspec.structs.replace(stands, token={}, reach=stands.bound, anew=True)
            stand = msgspec.structs.replace(stand, records={**stand.records, name: begun}, turn=name)
            return Page(changes=(), cursor=msgspec.to_builtins(stand), more=True)
        step = poll.step(record, stands, as_objects(record, shown.rows), shown.following, shown.etag)
        if not step.more:
            await self._signed_in()  # with a dead token the bound would move past what was not shown
        teller = self._teller(received_at, "poll")
        told = [change for row in step.fresh for change in await self._told(name, record, row, stands, teller)]
        stand = msgspec.structs.replace(stand, records={**stand.records, name: step.cursor}, turn=name)
        if not step.more:
            deleted, stand = await self._deleted(name, record, stand, teller)
            told += deleted
            stand = msgspec.structs.replace(stand, turn=self._next(name))
        return Page(changes=tuple(told), cursor=msgspec.to_builtins(stand), more=bool(stand.turn))

    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        record = self._record(object)
        listing, values = record.all or record.list, self._values(object) | {"since": poll.since(record, 0.0)}
        shown = await self._ask.page(listing, values, dict(cursor or {}))
        if shown.following is None:
            await self._signed_in()
        listed = tuple(
            Listed(id=rows.id_of(record, row), key=text_at(record.key, row), updated_at=rows.updated_at(record, row))
            for row in as_objects(record, shown.rows)
        )
        return IdPage(listed=listed, cursor=shown.following)

    def receive(self, webhook: Webhook) -> Received:
        if self._file.webhooks is None:
            return Received(changes=(), ignored="the connector file describes no webhooks")
        hooks.verify(webhook, self._file.webhooks, self._settings.webhook_secret, url=self._own["webhook_url"])
        teller = self._teller(webhook.received_at, "webhook")
        return hooks.read(webhook, self._file.webhooks, self._records, self._own, teller)

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        record = self._record(ref.object)
        if record.one is None:
            raise Refused(f"the connector file says nothing of reading one {ref.object}")
        values = self._values(ref.object) | {"id": ref.id, "key": ref.key}
        found = await gathered(self._ask, record, record.one, values)
        if found.row is None or not await self._is_among(record.one, values):
            await self._signed_in()
            return Snapshot(object=ref.object, id=ref.id, key=ref.key, exists=False)
        snapshot = self._snapshot(ref.object, record, found.row, found.headers)
        if not items or record.comments is None:
            return snapshot
        return msgspec.structs.replace(snapshot, items=await self._items(record.comments, values))

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        record = self._record(object)
        if record.marker is None:
            return []
        marker = rows.stored_marker(record.marker, correlation)
        values = self._values(object) | {"correlation": correlation, "marker": marker}
        found = as_objects(record, await self._ask.all(record.marker.find, values))
        if not found:
            await self._signed_in()
        return [rows.ref_of(object, record, row) for row in found if _carries(record, row, marker)]

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        record = self._record(object)
        missing = [name for name in fragment if name not in record.find_by]
        if missing or not fragment:
            raise Refused(f"the connector file says nothing of finding a {object} by {', '.join(missing) or 'nothing'}")
        narrowed = {record.find_by[name]: "${values." + name + "}" for name in fragment}
        listing = record.list.model_copy(update={"query": {**record.list.query, **narrowed}})
        values = {"values": dict(fragment), "since": poll.since(record, 0.0)}
        found = await self._ask.all(listing, self._values(object) | values)
        if not found:
            await self._signed_in()
        known = as_objects(record, found)
        return [rows.ref_of(object, record, row) for row in known if fragment.items() <= row.items()]

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        return []

    async def steps(self, ref: Ref) -> Sequence[Step]:
        moves = self._record(ref.object).moves
        if moves is None:
            return []
        values = self._values(ref.object) | {"id": ref.id, "key": ref.key}
        if moves.ask is None:
            now = text_at(moves.field, (await self.read(ref)).raw)
            return [Step(id=id, to=state) for state, id in moves.to.items() if state != now]
        found = await self._ask.all(moves.ask, values)
        return [Step(id=text_at(moves.id, row), to=text_at(moves.leads_to, row)) for row in found]

    async def fields(self, object: str) -> Sequence[FieldInfo]:
        told = self._record(object).fields
        if told is None:
            return []
        answer = await self._ask.ask(told, self._values(object))
        return sorted(to_fields(told, many(told.pick)(answer.data)), key=lambda each: each.name)

    async def apply(self, write: Write) -> Receipt:
        record = self._record(write.object)
        sending = writing.sending_of(write.object, record, write)
        settings = {**self._own, **self._of_objects[write.object]}
        values = writing.values_of(record, sending, write, settings)
        ends = self._clock.monotonic() + write.timeout_s
        if sending.before:
            values["before"] = await self._ask.before(sending.before, values, ends=ends, clock=self._clock)
        answer = await self._client.write(
            sending.method,
            self._ask.path(sending.address, sending.query, values, from_root=sending.from_root),
            None if sending.body is None else fill_body(sending.body, values),
            headers=self._ask.headers({**sending.headers, **writing.own_headers(sending, write)}, values),
            empty_ok=write.kind is not WriteKind.CREATE,
            sound=writing.due(sending),
            timeout_s=left(ends, self._clock),
            operation=write.operation,
            traceparent=write.traceparent,
        )
        return self._receipt(record, write, answer)

    # What the verbs are made of.

    def _record(self, object: str) -> Record:
        if object not in self._records:
            raise Refused(f"the connector file has no object {object}")
        return self._records[object]

    def _values(self, object: str) -> dict[str, Any]:
        return {**self._own, **self._of_objects[object]}

    def _now(self) -> float:
        return self._clock.now() + self._client.clock_offset_s

    def _next(self, name: str) -> str:
        names = list(self._records)
        return names[names.index(name) + 1] if names[-1] != name else ""

    def _teller(self, received_at: float, via: str) -> Teller:
        offset_s = self._client.clock_offset_s
        return Teller(self._settings.name, self._site, self._client.user, offset_s, received_at, via, self._new_key)

    async def _from_now(self) -> poll.Stand:
        """The first answer's Date header tells the system's clock: from then on is told."""
        name, record = next(iter(self._records.items()))
        now = poll.begin(record, self._now())
        values = self._values(name) | {"since": poll.since(record, now.bound)}
        await self._ask.page(record.list, values, {}, more=poll.asked(record, poll.going_on(record, now, now.bound)))
        begun = {name: poll.begin(record, self._now()) for name, record in self._records.items()}
        return poll.Stand(records=begun, gone={name: each.bound for name, each in begun.items()})

    async def _told(self, name: str, record: Record, row: Any, stands: poll.Cursor, teller: Teller) -> list[Change]:
        """A row, and the comments that it may have got."""
        change = teller.row(name, record, row)
        if record.comments is None:
            return [change]
        values = self._values(name) | {"id": change.snapshot.id, "key": change.snapshot.key}
        fresh = [each for each in await self._items(record.comments, values) if not each.at or each.at >= stands.bound]
        return [change, *(teller.comment(name, change.snapshot.id, each) for each in fresh)]

    async def _items(self, comments: Comments, values: dict[str, Any]) -> tuple[Any, ...]:
        found = await self._ask.all(comments, values)
        if comments.each is not None:
            found = [each for row in found for each in await self._one_of(comments.each, values | {"row": row})]
        return to_items(comments, found)

    async def _is_among(self, one_: One, values: dict[str, Any]) -> bool:
        """Whether an object that can be read is there; not, if it was deleted and is only kept."""
        if one_.among is None:
            return True
        return bool(many(one_.among.pick)((await self._ask.ask(one_.among, values)).data))

    async def _one_of(self, each: Each, values: dict[str, Any]) -> list[Any]:
        """What a row of a list names; nothing, if it went meanwhile."""
        answer = await self._ask.ask(each, values, tolerate=each.absent)
        return [] if answer.status in each.absent else many(each.pick)(answer.data)

    async def _deleted(
        self, name: str, record: Record, stand: poll.Stand, teller: Teller
    ) -> tuple[list[Change], poll.Stand]:
        gone = record.gone
        if gone is None:
            return [], stand
        began, bound = self._now(), stand.gone.get(name, self._now())
        since = {gone.param: format_time(bound, gone.as_)} if gone.param else {}
        listing: Listing = gone.model_copy(update={"query": {**gone.query, **since}})
        values = self._values(name) | {"since": format_time(bound, gone.as_)}
        ids = gone_ids(gone.id, await self._ask.all(listing, values))
        told = [teller.gone(name, each) for each in ids]
        reached = max(bound, began - record.since.overlap)
        return told, msgspec.structs.replace(stand, gone={**stand.gone, name: reached})

    async def _signed_in(self) -> None:
        """What is not there is believed only while the sign-in is: systems hide what one may not see. Raises
        CredentialsError.
        """
        proof = next((each for each in self._file.check if each.proves == "sign-in"), None)
        if proof is not None and not await self._passes(proof):
            raise CredentialsError("the sign-in is not accepted any more: the file's check for it fails")

    async def _passes(self, check: Check) -> bool:
        answer = await self._ask.ask(check, self._own, tolerate=_ANY_STATUS - {401, 407, 429})
        return holds(check.pass_, variables(answer))

    async def _proved(self, check: Check) -> str:
        answer = await self._ask.ask(check, self._own, tolerate=_ANY_STATUS - {401, 407, 429})
        if holds(check.pass_, variables(answer)):
            return f"{check.method} {check.address} answered {answer.status}"
        raise Refused(f"{check.method} {check.address} answered {answer.status}, and not: {check.pass_}")

    def _receipt(self, record: Record, write: Write, answer: Answer) -> Receipt:
        returns = writing.sending_of(write.object, record, write).returns
        evidence = {"status": answer.status}
        if write.item is not None:
            item_id = text_at(returns.id, answer.data) or None
            return Receipt(ref=writing.target_of(write), item_id=item_id, evidence=evidence)
        row = as_object(record, one(returns.whole)(answer.data)) if returns.whole else None
        if row is None:
            return Receipt(ref=self._made(write, returns, answer), evidence=evidence)
        snapshot = self._snapshot(write.object, record, row, answer.headers)
        ref = write.ref or Ref(object=write.object, id=snapshot.id, key=snapshot.key)
        return Receipt(ref=ref, version=snapshot.version, snapshot=snapshot, evidence=evidence)

    def _made(self, write: Write, returns: Returns, answer: Answer) -> Ref:
        if write.ref is not None:
            return write.ref
        return Ref(object=write.object, id=text_at(returns.id, answer.data), key=text_at(returns.key, answer.data))

    def _snapshot(self, object: str, record: Record, row: rows.Row, headers: Mapping[str, str]) -> Snapshot:
        return rows.to_snapshot(object, record, row, headers=headers, us=self._client.user, site=self._site)


def _carries(record: Record, row: Any, marker: str) -> bool:
    """Whether an object carries exactly this marker: a search may find more than was asked for."""
    found = one(record.marker.at)(row) if record.marker else None
    return marker in map(str, found) if isinstance(found, list) else str(found) == marker


def _sized(record: Record, size: int) -> Record:
    """With another page size, where the connection asks for one."""
    lists = {"list": record.list, "all": record.all}
    return record.model_copy(update={name: _thin(each, size) for name, each in lists.items() if each and size})


def _thin(listing: Listing, size: int) -> Listing:
    page = listing.page
    if page is None or page.size is None:
        return listing
    sized = page.model_copy(update={"size": page.size.model_copy(update={"value": size})})
    return listing.model_copy(update={"page": sized})
