"""Issues: their fields, properties, transitions, comments and files.

The one trap: an issue has no version, only a time, and search may lag behind. Every notice is a hint to read the issue
itself; what was overwritten is found in its changelog.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings, Sink
from connectors.contract.errors import Conflict, DeliveryError, Refused
from connectors.contract.fields import FieldInfo
from connectors.contract.values import (
    ATTACHMENT,
    Change,
    Finding,
    HistoryEntry,
    IdPage,
    ItemDraft,
    ObjectSpec,
    Page,
    Receipt,
    Ref,
    Snapshot,
    Step,
    VersionKind,
    Write,
    WriteKind,
)
from connectors.jira import (
    answers,
    attachments,
    describing,
    events,
    items,
    jql,
    listing,
    marker,
    poll,
    properties,
    rows,
    writes,
)
from connectors.jira.api import API, Api
from connectors.jira.checks import Checks
from connectors.jira.people import Directory
from connectors.jira.settings import ISSUE, IssueOptions, JiraOptions
from connectors.rest import Answer, RestClient
from connectors.rest.remember import Memory

SETTLES_S = 120.0
"""Search lags seconds behind as a rule, and no request lives longer than a minute [M]."""
TELLS = "whom its notification scheme names by mail: as a rule assignee, reporter and watchers"
"""Jira sends these by itself; `notifyUsers=false` would need an administrator (facts.md 2.3 [OAS-JIRA])."""
_MISSING = frozenset({404})
Document = Mapping[str, Any]


class Issues:
    """The issues of one site, seen by one integration user."""

    def __init__(
        self,
        settings: ConnectionSettings,
        options: JiraOptions,
        issue: IssueOptions,
        *,
        client: RestClient,
        directory: Directory,
        clock: Clock,
        new_key: Callable[[], str],
    ) -> None:
        self._settings, self._clock, self._new_key = settings, clock, new_key
        self._options, self._issue, self._site = options, issue, settings.url.rstrip("/")
        self._client, self._directory = client, directory
        self._api = Api(client, directory)
        self._fields = rows.read_fields(options.fields, options.correlation_field)
        self._labels: Memory[str, tuple[str, ...]] = Memory(clock, ttl_s=3600.0)
        self._properties: Memory[str, Mapping[str, Any]] = Memory(clock, ttl_s=3600.0)

    @property
    def spec(self) -> ObjectSpec:
        """What is promised of an issue."""
        settles_s = self._settings.settles_s
        return ObjectSpec(
            name=ISSUE,
            version_kind=VersionKind.TIMESTAMP,
            granularity_s=0.001,
            history=True,
            settles_s=SETTLES_S if settles_s is None else settles_s,
            items=True,
            unrecorded=(properties.NAME,),
            files=self._issue.largest_file if self._issue.attachments else 0,
            tells=TELLS,
        )

    async def check(self) -> Sequence[Finding]:
        """Sign-in, rights and marker."""
        checks = Checks(
            self._client,
            self._directory,
            self._clock,
            project=self._issue.project,
            correlation_field=self._options.correlation_field,
        )
        return await checks.all()

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        """One page of the poll."""
        await self._directory.known_me()  # its answer's Date header tells the site's clock
        received_at = self._clock.now()
        now = received_at + self._client.clock_offset_s
        overlap_s = self._options.overlap_s
        stands = poll.going_on(poll.from_cursor(cursor) if cursor else poll.begin(now, overlap_s), now)
        found, token = await self._api.search_page(
            poll.query(stands, now, project=self._issue.project, condition=self._issue.jql),
            self._poll_fields(),
            stands.token,
            limit=self._options.page_size,
            expand="changelog",
        )
        step = poll.step(stands, found, token, overlap_s=overlap_s)
        if not step.more:
            await self._directory.myself()  # with a dead token the bound would move past what it did not show
        told = [change for issue in step.fresh for change in await self._told(issue, stands.bound, received_at)]
        return Page(changes=tuple(told), cursor=msgspec.to_builtins(step.cursor), more=step.more)

    async def ids(self, cursor: Mapping[str, Any] | None) -> IdPage:
        """One page of all ids."""
        found, token = await self._api.search_page(
            listing.query(project=self._issue.project, condition=self._issue.jql),
            listing.FIELDS,
            listing.from_cursor(cursor),
            limit=self._options.page_size,
        )
        if not token:
            await self._directory.myself()  # a dead token may be served as anonymous: fewer rows, or none
        return listing.page(found, token)

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        """The present state."""
        me = await self._directory.known_me()
        files = (attachments.FIELD,) if items and self._issue.attachments else ()
        asked = {"fields": ",".join((*self._fields, *files)), "expand": "changelog"}
        if self._issue.properties:
            asked[properties.NAME] = ",".join(self._issue.properties)
        answer = await self._api.look(f"{API}/{ref.id}", asked, answers.an_issue)
        if answer.status == 404:
            return Snapshot(object=ISSUE, id=ref.id, key=ref.key, exists=False)
        actor = rows.last_author(answer.data)
        snapshot = rows.to_snapshot(
            answer.data,
            correlation_field=self._options.correlation_field,
            site=self._site,
            actor=actor,
            by_us=actor == me if actor else None,
            asked=self._fields,
            keys=self._issue.properties,
        )
        self._labels.put(snapshot.id, tuple(snapshot.raw["fields"].get("labels", ())))
        self._properties.put(snapshot.id, snapshot.raw.get(properties.NAME, {}))
        if not items:
            return snapshot
        shown = attachments.items(answer.data["fields"], self._site, me) if files else []
        return msgspec.structs.replace(snapshot, items=(*await self._api.comments(ref.id), *shown))

    async def find(self, correlation: str) -> Sequence[Ref]:
        """By marker."""
        field = self._options.correlation_field
        found = await self._api.search(marker.condition(correlation, field), ("labels", field))
        return [_ref(issue) for issue in found if marker.has(issue.get("fields", {}), field, correlation)]

    async def find_by(self, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        """By the values themselves."""
        wanted = await self._with_people(writes.fields_of(fragment))
        scope = [f"project = {jql.quoted(self._issue.project)}"] if self._issue.project else []
        query = jql.all_of([*scope, *(jql.equals(name, value) for name, value in wanted.items())])
        found = await self._api.search(query, tuple(wanted))
        shown = ((issue, rows.to_raw(issue, self._options.correlation_field)["fields"]) for issue in found)
        return [_ref(issue) for issue, fields in shown if rows.shows(fields, wanted)]

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        """Its changelog."""
        entries = await self._api.changelog(ref.id, since)
        people = await self._directory.emails(items.accounts(entries))
        me = await self._directory.known_me()
        return [items.to_history(entry, ref.id, people, me) for entry in entries]

    async def steps(self, ref: Ref) -> Sequence[Step]:
        """The transitions open now."""
        return await self._api.steps(ref.id)

    async def apply(self, write: Write) -> Receipt:
        """Sends one write."""
        if write.item is not None and write.item.kind == ATTACHMENT:
            return await self._attach(write, _target(write), write.item)
        if write.item is not None:
            return await self._append(write, _target(write), items.comment_body(write.item))
        fields = await self._with_people(writes.fields_of(write.values))
        if write.kind is WriteKind.CREATE:
            return await self._create(write, fields)
        if write.step is not None:
            return await self._move(write, _target(write), write.step, fields)
        return await self._update(write, _target(write), fields)

    async def fields(self) -> Sequence[FieldInfo]:
        """What the site says of its fields."""
        return await describing.describe(self._client)

    def reader(self) -> events.Reader:
        """What reading an event needs besides the event."""
        return events.Reader(
            connection=self._settings.name,
            project=self._issue.project,
            correlation_field=self._options.correlation_field,
            more_fields=self._options.fields,
            site=self._site,
            me=self._directory.me,
            user=self._client.user,
            clock_offset_s=self._client.clock_offset_s,
            new_key=self._new_key(),
            attachments=self._issue.attachments,
            sees_all=not self._issue.properties,
        )

    # What apply is made of. Each sends one request that may have an effect.

    async def _create(self, write: Write, fields: dict[str, Any]) -> Receipt:
        options = self._options
        body: dict[str, Any] = {
            "fields": writes.creation(
                fields, self._issue, write.correlation, options.correlation_field, options.rich_text_fields
            )
        }
        body |= await self._with_properties(write)
        answer = await self._send(write, "POST", API, body, sound=answers.has_id)
        return Receipt(ref=_ref(answer.data), evidence=_evidence(answer))

    async def _update(self, write: Write, ref: Ref, fields: dict[str, Any]) -> Receipt:
        more = await self._with_properties(write)
        if not fields and len(more.get(properties.NAME, ())) == 1:
            return await self._set(write, ref, more[properties.NAME][0])
        body: dict[str, Any] = {"fields": writes.written(fields, self._options.rich_text_fields), **more}
        if "labels" in fields:
            seen = self._labels.get(ref.id)
            if seen is None:
                seen = tuple((await self.read(ref)).raw.get("fields", {}).get("labels", ()))
            body["update"] = {"labels": writes.label_operations(seen, fields["labels"] or ())}
        answer = await self._send(write, "PUT", f"{API}/{ref.id}", body, empty_ok=True)
        return Receipt(ref=ref, evidence=_evidence(answer))

    async def _set(self, write: Write, ref: Ref, entry: Mapping[str, Any]) -> Receipt:
        """One property alone has a resource of its own, which is set to a state: twice is as once."""
        path = f"{API}/{ref.id}/properties/{quote(entry['key'], safe='')}"
        answer = await self._send(write, "PUT", path, entry["value"], empty_ok=True)
        return Receipt(ref=ref, evidence=_evidence(answer))

    async def _with_properties(self, write: Write) -> dict[str, Any]:
        """The part of a body that sets properties, laid over those read last."""
        values = properties.wanted(write.values, self._issue.properties)
        if not values:
            return {}
        before: Mapping[str, Any] | None = {} if write.ref is None else self._properties.get(write.ref.id)
        if before is None and write.ref is not None:
            before = (await self.read(write.ref)).raw.get(properties.NAME, {})
        return {properties.NAME: properties.listed(properties.whole(before or {}, values))}

    async def _move(self, write: Write, ref: Ref, step: Step, fields: dict[str, Any]) -> Receipt:
        path = f"{API}/{ref.id}/transitions"
        companions = writes.written(writes.for_screen(fields, step), self._options.rich_text_fields)
        body: dict[str, Any] = {"transition": {"id": step.id}} | ({"fields": companions} if companions else {})
        body |= await self._with_properties(write)
        answer = await self._send(write, "POST", path, body, empty_ok=True, tolerate=_MISSING | {400})
        if answer.status == 400:
            raise await self._not_moved(ref, step, path, answer)
        return Receipt(ref=ref, evidence=_evidence(answer))

    async def _not_moved(self, ref: Ref, step: Step, path: str, answer: Answer) -> DeliveryError:
        """400 means that a field is wrong, that a validator said no, or that the issue has moved on: only the last
        is a conflict.
        """
        reason, blamed = answers.blame(answer)
        told = self._client.evidence("POST", path, answer)
        if not blamed and step.id not in {each.id for each in await self._api.steps(ref.id)}:
            why = f"transition {step.id} is no longer open: {reason}"
            return Conflict(why, status=400, evidence=told, said=reason)
        why = f"transition {step.id} to {step.to}: {reason}"
        return Refused(why, status=400, evidence=told, fields=blamed, said=reason)

    async def _append(self, write: Write, ref: Ref, body: dict[str, Any]) -> Receipt:
        answer = await self._send(write, "POST", f"{API}/{ref.id}/comment", body, sound=answers.has_id)
        return Receipt(ref=ref, item_id=str(answer.data["id"]), evidence=_evidence(answer))

    async def _attach(self, write: Write, ref: Ref, item: ItemDraft) -> Receipt:
        if not self._issue.attachments:
            raise Refused("files are not carried over; say attachments: true in the flow's `with:`")
        files = attachments.form(item, write.content, self._issue.largest_file)
        path, headers = f"{API}/{ref.id}/attachments", attachments.NO_FORGED_FORM
        answer = await self._send(write, "POST", path, None, sound=attachments.uploaded, files=files, headers=headers)
        return Receipt(ref=ref, item_id=attachments.item_id(answer.data[0]["id"]), evidence=_evidence(answer))

    async def fetch(self, item: str, into: Sink) -> None:
        """The bytes of one file."""
        answer = await self._client.read(
            f"{attachments.CONTENT}/{quote(attachments.number_of(item), safe='')}",
            {"redirect": "false"},
            tolerate={404},
            sink=into,
        )
        if answer.status == 404:
            raise await self._api.missing("GET", attachments.CONTENT, answer)

    async def _send(
        self,
        write: Write,
        method: str,
        path: str,
        body: Any,
        *,
        tolerate: frozenset[int] = _MISSING,
        **how: Any,
    ) -> Answer:
        answer = await self._client.write(
            method,
            path,
            body,
            tolerate=tolerate,
            timeout_s=write.timeout_s,
            operation=write.operation,
            traceparent=write.traceparent,
            **how,
        )
        if answer.status == 404:
            raise await self._api.missing(method, path, answer)
        return answer

    # What reading is made of.

    def _poll_fields(self) -> tuple[str, ...]:
        files = (attachments.FIELD,) if self._issue.attachments else ()
        return ("updated", "project", "labels", "comment", *files, self._options.correlation_field)

    async def _told(self, issue: Document, since: float, received_at: float) -> list[Change]:
        """A poll row as a hint, and its new comments: all of them, also where the row shows only some."""
        reader = self.reader()
        shown = events.shown_comments(issue)
        comments = await self._api.comments(str(issue.get("id"))) if shown is None else shown
        found = [*comments, *events.shown_files(issue, reader)]
        return [
            events.poll_hint(issue, reader, received_at),
            *(events.poll_item(issue, item, reader, received_at) for item in found if item.at >= since),
        ]

    async def _with_people(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Fields with people by account id; raises Refused before anything is written if somebody is not known."""
        for name in writes.PEOPLE & fields.keys():
            fields[name] = await self._person(name, fields[name])
        return fields

    async def _person(self, name: str, value: Any) -> dict[str, str] | None:
        if not isinstance(value, Mapping):
            return None
        account, email = value.get("accountId"), value.get("emailAddress")
        if not account and not email:
            return None
        return {"accountId": str(account or await self._directory.account(name, str(email)))}


def _ref(issue: Document) -> Ref:
    return Ref(object=ISSUE, id=str(issue["id"]), key=str(issue.get("key", "")))


def _target(write: Write) -> Ref:
    if write.ref is None:
        raise Refused(f"a write of kind {write.kind} needs the issue it is for")
    return write.ref


def _evidence(answer: Answer) -> dict[str, Any]:
    return {"status": answer.status, "request": answer.headers.get("x-arequestid", "")}
