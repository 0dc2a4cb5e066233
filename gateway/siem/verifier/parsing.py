"""Finds an event of ours in what a receiver stored, and recomputes its digest."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.siem.verifier.chain import CEF_CHAIN, HEARTBEAT, LEEF_CHAIN, SEGMENT, canonical, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class Line(NamedTuple):
    """One event as it was found."""

    sink: str
    number: int
    previous: str
    digest: str
    """As it says."""
    sound: bool
    """Whether the digest is that of its content."""
    id: str
    kind: str
    at_ms: int
    detail: dict[str, Any]
    """Of heartbeats and summaries; of others nothing."""
    file: int
    place: int
    """Line, or number of the message in a stream."""


SIGNED = (HEARTBEAT, SEGMENT)
ENVELOPES = (
    "_raw",
    "event",
    "_source",
    "result",
    "results",
    "hits",
    "records",
    "rawmsg",
    "message",
    "msg",
    "log",
    "raw",
)
"""Under which names receivers keep what they were sent: Splunk, Elastic, rsyslog, Fluentd and others."""
_DEEPEST = 6
_HEX = "[0-9a-f]{64}"
_START = re.compile(r'\{\s*"|CEF:0\|Lockstep\||LEEF:2\.0\|Lockstep\|')
_CEF = re.compile(
    re.escape(CEF_CHAIN) + rf"(\d+) cs4Label=feed cs4=(.*) cs5Label=feedPrevious cs5=({_HEX}) "
    rf"cs6Label=feedDigest cs6=({_HEX})\s*"
)
_LEEF = re.compile(re.escape(LEEF_CHAIN) + rf"(\d+)\^feed=([^^]*)\^feedPrevious=({_HEX})\^feedDigest=({_HEX})\s*")
_STRUCTURED = re.compile(rf' sink="([^"]*)" number="(\d+)" previous="({_HEX})" digest="({_HEX})"\]')
_DAMAGED = re.compile(
    rf'"sink": ?"([^"]*)", ?"number": ?(\d+), ?"previous": ?"({_HEX})", ?"digest": ?"({_HEX})"'
    rf"|cn1=(\d+) cs4Label=feed cs4=(\S*) cs5Label=feedPrevious cs5=({_HEX}) cs6Label=feedDigest cs6=({_HEX})"
    rf"|feedNumber=(\d+)\^feed=([^^]*)\^feedPrevious=({_HEX})\^feedDigest=({_HEX})"
)
_OURS = re.compile(r'\|Lockstep\||"(?:product|vendor_name)": ?"Lockstep"|"module": ?"lockstep"|\[lockstep@\d+ sink="')
"""In what begins as an event of ours, even if its end is lost."""
_ESCAPES = {"n": "\n", "r": "\r"}


class Reader:
    """Understands pieces: lines, messages of a stream, documents. Counts those that are none of ours, or broken."""

    def __init__(self, ignored: frozenset[str] = frozenset()) -> None:
        """`ignored`: names at the top of JSON events that the receiver itself has added."""
        self._ignored = ignored
        self._decoder = json.JSONDecoder(object_pairs_hook=_object)
        self.others = 0
        self.broken: list[tuple[int, int]] = []
        """File and place of what begins as an event of ours, and cannot be read: cut off, as a rule."""

    def read(self, octets: bytes, file: int, place: int) -> Iterator[Line]:
        """The events in one piece, mostly one."""
        text = octets.decode("utf-8", "surrogateescape")
        found = False
        for line in self._text(text, file, place, 0):
            found = True
            yield line
        if not found:
            damaged = _damaged(text, file, place)
            if damaged is not None:
                yield damaged
            elif _OURS.search(text):
                self.broken.append((file, place))
            else:
                self.others += bool(text.strip())

    def document(self, text: str, file: int) -> Iterator[Line]:
        """The events in JSON that goes over several lines: one value after another."""
        at, place = 0, 0
        while at < len(text):
            if text[at] in " \t\r\n,\ufeff":
                at += 1
                continue
            place += 1
            value, at = self._decoder.raw_decode(text, at)
            yield from self._value(value, file, place, 0)

    def _text(self, text: str, file: int, place: int, depth: int) -> Iterator[Line]:
        first = _START.search(text)
        if first is None:
            return
        start = first.start()
        said = _STRUCTURED.search(text, 0, start) if start else None
        body = text[start:]
        for line in self._json(body, file, place, depth) if body[0] == "{" else _written(body, file, place):
            same = said is None or said.groups() == (line.sink, str(line.number), line.previous, line.digest)
            yield line if same else line._replace(sound=False)

    def _json(self, body: str, file: int, place: int, depth: int) -> Iterator[Line]:
        """One value, or several as Splunk takes them; what else stands behind one was put there."""
        while body[:1] == "{":
            try:
                value, end = self._decoder.raw_decode(body)
            except ValueError:
                return
            body = body[end:].strip(" \t\r\n,]")
            for line in self._value(value, file, place, depth):
                yield line if body[:1] in ("", "{") else line._replace(sound=False)

    def _value(self, value: Any, file: int, place: int, depth: int) -> Iterator[Line]:
        if depth > _DEEPEST:
            return
        if isinstance(value, str):
            yield from self._text(value, file, place, depth + 1)
        elif isinstance(value, list):
            for each in value:
                yield from self._value(each, file, place, depth + 1)
        elif isinstance(value, dict):
            line = self._event(value, file, place)
            if line is not None:
                yield line
                return
            for name in ENVELOPES:
                if name in value:
                    inner = list(self._value(value[name], file, place, depth + 1))
                    if inner:
                        yield from inner
                        return

    def _event(self, body: dict[str, Any], file: int, place: int) -> Line | None:
        for holder, facts in ((body, _plain), (body.get("unmapped"), _ocsf), (body.get("lockstep"), _ecs)):
            chain = holder.pop("chain", None) if isinstance(holder, dict) else None
            if not isinstance(chain, dict) or "digest" not in chain:
                continue
            for name in self._ignored:
                body.pop(name, None)
            number = chain.get("number")
            place_of = (str(chain.get("sink")), number if type(number) is int else 0, str(chain.get("previous")))
            digest = str(chain["digest"])
            sound = len(chain) == 4 and digest_of(*place_of, canonical(body)) == digest
            id, kind, at_ms, detail = facts(body)
            return Line(*place_of, digest, sound, str(id), str(kind), at_ms, detail, file, place)
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that is there twice is read by some as the first, by others as the last: no such text is ours."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands there twice")
    return made


def _whole(value: Any) -> int:
    return value if type(value) is int else 0


def _told(kind: Any, detail: Any) -> dict[str, Any]:
    if kind not in SIGNED:
        return {}
    if isinstance(detail, str):
        try:
            detail = json.loads(detail)
        except ValueError:
            return {}
    return detail if isinstance(detail, dict) else {}


def _plain(body: dict[str, Any]) -> tuple[Any, Any, int, dict[str, Any]]:
    kind = body.get("kind")
    return body.get("id"), kind, _whole(body.get("at_ms")), _told(kind, body.get("detail"))


def _ocsf(body: dict[str, Any]) -> tuple[Any, Any, int, dict[str, Any]]:
    own, metadata = body["unmapped"], body.get("metadata")
    id = metadata.get("uid") if isinstance(metadata, dict) else None
    return id, own.get("kind"), _whole(body.get("time")), _told(own.get("kind"), own.get("detail"))


def _ecs(body: dict[str, Any]) -> tuple[Any, Any, int, dict[str, Any]]:
    event = body.get("event")
    event = event if isinstance(event, dict) else {}
    detail = _told(event.get("action"), body["lockstep"].get("detail"))
    return event.get("id"), event.get("action"), _milliseconds(str(body.get("@timestamp"))), detail


def _milliseconds(text: str) -> int:
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z", text)
    if found is None:
        return 0
    year, month, day, hour, minute, second, rest = (int(each) for each in found.groups())
    shifted = year - (month < 3)
    era_day = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400
    days = era_day + (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1 - 719468
    return ((days * 24 + hour) * 60 + minute) * 60000 + second * 1000 + rest


def _written(body: str, file: int, place: int) -> Iterator[Line]:
    """A line of CEF or LEEF."""
    cef = body.startswith("CEF")
    at = body.rfind(CEF_CHAIN if cef else LEEF_CHAIN)
    found = (_CEF if cef else _LEEF).fullmatch(body, at) if at >= 0 else None
    if found is None:
        return
    number, sink, previous, digest = found.groups()
    sink, content = _unescaped(sink), body[:at]
    sound = digest_of(sink, int(number), previous, content.encode("utf-8", "surrogateescape")) == digest
    kind = (content.split("|", 6) + [""] * 5)[4]
    id, moment, detail = _attributes(content, *((" ", "externalId", "rt") if cef else ("^", "eventId", "devTime")))
    told = _told(kind, _unescaped(detail)) if kind in SIGNED else {}
    yield Line(
        sink, int(number), previous, digest, sound, id, kind, int(moment) if moment.isdigit() else 0, told, file, place
    )


def _attributes(content: str, between: str, *names: str) -> Iterator[str]:
    for name in names:
        found = re.search(rf"[|{re.escape(between)}]{name}=([^{re.escape(between)}]*)", content)
        yield found.group(1) if found else ""
    _, _, detail = content.rpartition(f"{between}detail=")
    yield detail


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        return "^" if found.group(0) == "\\x5e" else _ESCAPES.get(found.group(1), found.group(1))

    return re.sub(r"\\(x5e|.)", plain, text)


def _damaged(text: str, file: int, place: int) -> Line | None:
    """What can still be told of an event that nobody can read any more."""
    found = _DAMAGED.search(text) or _STRUCTURED.search(text)
    if found is None:
        return None
    groups = [each for each in found.groups() if each is not None]
    sink, number = groups[:2] if found.group(1) is not None else groups[1::-1]
    return Line(sink, int(number), groups[2], groups[3], False, "", "", 0, {}, file, place)
