"""Which `${names}` may stand where: each is looked up when the file is read, not when something is sent."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from connectors.declared.model.file import ConnectorFile
from connectors.declared.model.records import Record
from connectors.declared.model.requests import RangePages, Reading
from connectors.declared.model.webhooks import Hmac
from connectors.declared.model.writes import Changing, Sending
from connectors.declared.slots import parse

At = tuple[str | int, ...]
Known = Mapping[str, tuple[str, ...] | None]
"""Root name -> the parts it has; None: any, () : none."""
_OBJECT: Known = {"id": (), "key": ()}
_PAGED: dict[str, tuple[str, ...] | None] = {"page": ("from", "to")}
_WRITE: Known = {**_OBJECT, "version": (), "operation": (), "correlation": (), "values": None}
_WRITES: Mapping[str, Known] = {
    "create": {"operation": (), "correlation": (), "marker": (), "values": None},
    "update": _WRITE,
    "transition": {**_WRITE, "step": ("id", "to")},
    "comment": {**_OBJECT, "operation": (), "correlation": (), "comment": ("text", "internal", "public", "author")},
    "delete": {**_OBJECT, "version": (), "operation": (), "correlation": ()},
}


_SETTING = "the value itself, or a setting under 'needs:'"


def lint_slots(source: Source, file: ConnectorFile) -> Iterator[Problem]:
    """Every slot that could not be filled in."""
    own: Known = dict.fromkeys(file.needs, ())
    for name, text in file.http.headers.items():
        yield from lint_text(source, ("http", "headers", name), text, own)
    for number, check in enumerate(file.check):
        yield from lint_reading(source, ("check", number), check, own)
    if file.webhooks is not None and isinstance(file.webhooks.verify, Hmac):
        over: Known = {"raw": (), "header": None, "url": ()}
        yield from lint_text(source, ("webhooks", "verify", "over"), file.webhooks.verify.over, over)
    for name, record in file.records.items():
        yield from _record(source, ("records", name), record, {**own, **dict.fromkeys(record.needs, ())})


def _record(source: Source, at: At, record: Record, own: Known) -> Iterator[Problem]:
    also = record.one.also if record.one else {}
    readings: list[tuple[At, Reading | None, Known]] = [
        (("list",), record.list, {**own, "since": (), **(_PAGED if isinstance(record.list.page, RangePages) else {})}),
        (("all",), record.all, own),
        (("one",), record.one, {**own, **_OBJECT}),
        *((("one", "also", name), part, {**own, **_OBJECT}) for name, part in also.items()),
        (("gone",), record.gone, {**own, "since": ()}),
        (("comments",), record.comments, {**own, **_OBJECT}),
        (("moves", "ask"), record.moves.ask if record.moves else None, {**own, **_OBJECT}),
        (("fields",), record.fields, own),
        (("marker", "find"), record.marker.find if record.marker else None, {**own, "correlation": (), "marker": ()}),
    ]
    for where, reading, known in readings:
        if reading is not None:
            yield from lint_reading(source, (*at, *where), reading, known)
    if record.one is not None and record.one.among is not None:
        yield from lint_reading(source, (*at, "one", "among"), record.one.among, {**own, **_OBJECT})
    if record.comments is not None and record.comments.each is not None:
        known = {**own, **_OBJECT, "row": None}
        yield from lint_reading(source, (*at, "comments", "each"), record.comments.each, known)
    if record.link is not None:
        yield from lint_text(source, (*at, "link"), record.link, _OBJECT)
    if record.marker is not None:
        yield from lint_text(source, (*at, "marker", "as"), record.marker.as_, {"correlation": ()})
    for kind, more in _WRITES.items():
        sending = getattr(record.writes, kind)
        if sending is not None:
            yield from _sending(source, (*at, "writes", kind), sending, {**own, **more})


def lint_reading(source: Source, at: At, reading: Reading, known: Known) -> Iterator[Problem]:
    """Slots of a request that changes nothing."""
    yield from lint_text(source, (*at, reading.method.lower()), reading.address, known)
    yield from _document(source, (*at, "query"), dict(reading.query), known)
    yield from _document(source, (*at, "headers"), dict(reading.headers), known)
    yield from _document(source, (*at, "body"), reading.body, known)


def _sending(source: Source, at: At, sending: Sending, known: Known) -> Iterator[Problem]:
    known = yield from lint_changing(source, at, sending, known)
    yield from _document(source, (*at, "add"), sending.add, known)


def lint_changing(source: Source, at: At, sending: Changing, known: Known) -> Generator[Problem, None, Known]:
    """Slots of a request that has an effect. Returns what they may name."""
    given: tuple[str, ...] = ()
    for number, request in enumerate(sending.before):
        yield from lint_reading(
            source, (*at, "before", number), request, {**known, "before": given} if given else known
        )
        given += tuple(request.gives)
    if given:
        known = {**known, "before": given}
    yield from lint_text(source, (*at, sending.method.lower()), sending.address, known)
    for key in ("query", "headers", "body"):
        yield from _document(source, (*at, key), getattr(sending, key), known)
    return known


def _document(source: Source, at: At, body: Any, known: Known) -> Iterator[Problem]:
    if isinstance(body, str):
        yield from lint_text(source, at, body, known)
    elif isinstance(body, Mapping):
        for key, each in body.items():
            yield from _document(source, (*at, key), each, known)
    elif isinstance(body, list):
        for number, each in enumerate(body):
            yield from _document(source, (*at, number), each, known)


def lint_text(source: Source, at: At, text: str, known: Known) -> Iterator[Problem]:
    """Slots of one text."""
    try:
        slots = parse(text).slots
    except ValueError as error:
        said, _, hint = str(error).partition("; try ")
        yield source.problem(at, "slot", said, hint)
        return
    for slot in slots:
        root, parts = slot.names[0], slot.names[1:]
        if root not in known:
            yield source.problem(at, "slot", f"there is no ${{{root}}} here", nearest(root, known) or _SETTING)
            continue
        has = known[root]
        if has is not None and bool(has) != bool(parts):
            hint = " or ".join(f"${{{root}.{each}}}" for each in has) or f"${{{root}}}"
            yield source.problem(at, "slot", f"${{{'.'.join(slot.names)}}} is no single value", hint)
        elif has and parts[0] not in has:
            yield source.problem(at, "slot", f"{root} has no part '{parts[0]}'", nearest(parts[0], has))
