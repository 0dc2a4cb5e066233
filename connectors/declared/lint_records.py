"""What a record needs for its promises: each write's proof has to have something to rest on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem
from connectors.declared.looking import keys_of
from connectors.declared.model.file import ConnectorFile
from connectors.declared.model.records import Marker, Record
from connectors.declared.model.writes import ByKey, ByMarker, ByPrecondition, ByUpsert, NoProof, Sending
from connectors.declared.slots import parse, texts_in

At = tuple[str | int, ...]


def lint_record(source: Source, file: ConnectorFile, name: str, record: Record) -> Iterator[Problem]:
    """All problems of one record."""
    at: At = ("records", name)
    yield from _polling(source, at, record)
    if record.marker is not None:
        yield from _marker(source, (*at, "marker"), record.marker)
    yield from _create(source, at, file, record)
    yield from _changing(source, at, record)
    yield from _comments_and_moves(source, at, record)
    if file.http.body == "xml":
        yield from _roots(source, (*at, "writes"), record)


def _polling(source: Source, at: At, record: Record) -> Iterator[Problem]:
    since, counted = record.since, record.list.is_counted
    if (record.bounded or since.order != "none") and record.updated is None and since.at is None:
        text = "a poll by time needs to know where an object shows when it was changed"
        yield source.problem((*at, "since"), "updated", text, "'updated: $.updated_at' in the record", key=True)
    if since.reaches_back and since.at is None:
        text = "nothing is looked for behind a list that is sorted by the time of change"
        yield source.problem((*at, "since", "reaches_back"), "since", text, "'at: $.created_at' beside it", key=True)
    if record.one is not None and record.one.also and record.whole:
        text = "rows of the list do not show what 'also' adds"
        yield source.problem((*at, "one", "also"), "whole", text, "'whole: false' in the record", key=True)
    if record.one is not None and record.one.listed and record.bounded and record.all is None:
        text = "a list that is narrowed by time does not show all there are"
        yield source.problem((*at, "one", "listed"), "since", text, "an address, 'get: /path/${id}'", key=True)
    if record.bounded and counted and since.order == "none":
        text = "pages that are counted lose objects which move while one pages"
        yield source.problem(
            (*at, "since"), "order", text, "'order: oldest_first', and sorting in 'list.query'", key=True
        )


def _marker(source: Source, at: At, marker: Marker) -> Iterator[Problem]:
    if not keys_of(marker.at):
        text = "the marker is written, too, so its path goes from key to key"
        yield source.problem((*at, "at"), "path", text, "$.external_ref")
    holds = [slot.names for slot in parse(marker.as_).slots].count(("correlation",))
    if holds != 1:
        yield source.problem((*at, "as"), "marker", "this holds ${correlation} once", "'lockstep-${correlation}'")
    asked = [marker.find.address, *marker.find.query.values(), *texts_in(marker.find.body)]
    named = {slot.names[0] for text in asked for slot in parse(text).slots}
    if not named & {"marker", "correlation"}:
        text = "this looks for nothing: it would list everything"
        yield source.problem((*at, "find"), "marker", text, "'query: {external_ref: \"${marker}\"}'", key=True)


def _create(source: Source, at: At, file: ConnectorFile, record: Record) -> Iterator[Problem]:
    create = record.writes.create
    if create is None:
        return
    where: At = (*at, "writes", "create")
    if isinstance(create.once, ByMarker | ByUpsert) and record.marker is None:
        text = "a create by marker needs a place for it, and a way to look for it"
        yield source.problem((*where, "once"), "proof", text, "'marker: {at: ..., find: {...}}' in the record")
    if isinstance(create.once, ByUpsert) and not _names_the_key(create):
        text = "an upsert names our key, else each request makes another object"
        yield source.problem((*where, "once"), "proof", text, "'/tickets/by-ref/${marker}' as the address")
    settles = record.settles_within or file.http.settles_within
    if isinstance(create.once, ByKey) and create.once.kept <= settles:
        text = "the system forgets a key before an outcome can be settled"
        yield source.problem((*where, "once", "kept"), "proof", text, "once: none")
    if create.returns.id is None and create.returns.whole is None:
        text = "without the new object's id nothing can be written to it"
        yield source.problem(where, "returns", text, "'returns: {id: $.id}'", key=True)


def _names_the_key(create: Sending) -> bool:
    texts = [create.address, *create.query.values(), *texts_in(create.body)]
    return any(slot.names[0] in ("marker", "correlation") for text in texts for slot in parse(text).slots)


def _changing(source: Source, at: At, record: Record) -> Iterator[Problem]:
    writes = record.writes
    changing: dict[str, Sending | None] = {
        "update": writes.update,
        "transition": writes.transition,
        "delete": writes.delete,
    }
    conditional = writes.update is not None and isinstance(writes.update.once, ByPrecondition)
    for kind, sending in changing.items():
        if sending is None:
            continue
        where: At = (*at, "writes", kind)
        once: Any = getattr(sending, "once", None)
        if record.one is None and not isinstance(once, NoProof):
            text = f"what became of a {kind} is seen by reading the object"
            yield source.problem(where, "proof", text, "'one: {get: ...}' in the record, or 'once: none'", key=True)
        if record.one is not None and isinstance(once, NoProof):
            text = "the object can be read, so there is a proof"
            yield source.problem((*where, "once"), "proof", text, "target_state")
        if isinstance(once, ByPrecondition):
            yield from _precondition(source, where, record, sending)
        elif conditional and kind == "transition":
            text = "updates rest on a precondition, and this would be taken to do so, too"
            hint = "'once: precondition' with ${version} in the request, or 'once: target_state' in both"
            yield source.problem((*where, "once"), "proof", text, hint)


def _precondition(source: Source, at: At, record: Record, sending: Sending) -> Iterator[Problem]:
    if record.version is None and record.etag is None:
        text = "a precondition rests on a version"
        yield source.problem((*at, "once"), "proof", text, "'version: $.rev' or 'etag: header' in the record")
    asked = [sending.address, *sending.query.values(), *sending.headers.values(), *texts_in(sending.body)]
    asked += texts_in(sending.add)
    if not any(slot.names == ("version",) for text in asked for slot in parse(text).slots):
        text = "the request does not hold the version, so the system cannot refuse it"
        yield source.problem((*at, "once"), "proof", text, "'headers: {If-Match: \"${version}\"}'")


def _comments_and_moves(source: Source, at: At, record: Record) -> Iterator[Problem]:
    writes = record.writes
    if writes.comment is not None and record.comments is None:
        text = "comments that cannot be read cannot be told from those that were lost"
        yield source.problem((*at, "writes", "comment"), "proof", text, "'comments:' in the record", key=True)
    if writes.transition is not None and record.moves is None:
        text = "a step has to be one that is open"
        yield source.problem((*at, "writes", "transition"), "moves", text, "'moves:' in the record", key=True)
    if record.moves is not None and record.moves.to and record.one is None:
        text = "where a move leads away from is seen by reading the object"
        yield source.problem((*at, "moves"), "moves", text, "'one: {get: ...}' in the record, or 'ask:'", key=True)
    if record.moves is not None and writes.transition is None:
        text = "these moves are never made"
        yield source.problem((*at, "moves"), "moves", text, "'transition:' under 'writes'", key=True)


def _roots(source: Source, at: At, record: Record) -> Iterator[Problem]:
    for kind in ("create", "update", "transition", "comment", "delete"):
        sending = getattr(record.writes, kind)
        body = sending.body if sending else None
        if body is not None and not (isinstance(body, dict) and len(body) == 1):
            text = "an XML body has one root"
            yield source.problem((*at, kind, "body"), "xml", text, "'body: {ticket: \"${values}\"}'")
