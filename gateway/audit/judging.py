"""What stands beside the entries: the signed head, the floor, checkpoints, keys, and what the chain tells of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from gateway.audit.chain import ACCEPTED, BEGUN, BROKEN, ERASED, KEY, Head
from gateway.audit.checkpoints import Checkpoint, read_file
from gateway.audit.findings import Finding, Kind, Report, named, stretches
from gateway.audit.links import floor_message, head_message, key_message
from gateway.audit.segments import Checked
from gateway.core.signing import fingerprint, verifies

Told = tuple[int, float, str, str]
DATABASE = "the database"


@dataclass(frozen=True, slots=True)
class Floor:
    """Everything up to this entry went by its age."""

    seq: int
    link: str
    at: float
    key: str
    signature: str


@dataclass(slots=True)
class Trust:
    """The key that is believed, and those that the chain which it signed names."""

    public: str
    known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known[fingerprint(self.public)] = self.public

    def learn(self, told: Iterable[Told], keys: Mapping[str, str], report: Report) -> None:
        """`keys`: fingerprint -> public key, as the database has them; a fingerprint tells whether it is the one."""
        for seq, at, kind, detail in told:
            if kind != KEY:
                continue
            said = _said(detail)
            former, public = str(said.get("former")), str(said.get("public"))
            for name in (str(said.get("key")), former):
                if _fingerprint(keys.get(name, "")) == name:
                    self.known[name] = keys[name]
            if not said.get("voucher"):
                why = said.get("why", "no reason")
                report.notices.append(f"entry {seq}: another key signs from {_moment(at)}, by a person's word: {why}")
            elif not self.signed(former, key_message(public, said.get("from", 0)), str(said["voucher"])):
                text = "names a key that the former one did not vouch for"
                report.findings.append(named(Kind.SIGNATURE, seq, seq, text))

    def signed(self, key: str, message: bytes, signature: str) -> bool:
        """Whether one of the keys did."""
        return key in self.known and verifies(self.known[key], message, signature)


def _fingerprint(public: str) -> str:
    try:
        return fingerprint(public)
    except ValueError:
        return ""


def _moment(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError):
        return str(at)


def _said(detail: str) -> dict[str, Any]:
    """Who can write into the database can write anything."""
    try:
        said = orjson.loads(detail)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def floor(found: Floor | None, trust: Trust, report: Report) -> None:
    """Where the chain begins."""
    if found is None:
        return
    message = floor_message(found.seq, found.link, found.at)
    if not trust.signed(found.key, message, found.signature):
        text = "is said to have gone by age with those before it, and no key of this trail signed that"
        report.findings.append(named(Kind.SIGNATURE, found.seq, found.seq, text))
    report.notices.append(f"entries up to {found.seq} were deleted by their age, the last at {_moment(found.at)}")


def head(found: Head | None, newest: int, last: str | None, trust: Trust, report: Report) -> None:
    """What is said to be the newest entry. `last`: the link of the newest that was read; None: none was."""
    if found is None:
        if newest:
            report.findings.append(
                named(Kind.SIGNATURE, newest, newest, "has lost the head that says it is the newest")
            )
        return
    report.link, report.key = found.link, found.key
    if last is not None and last not in ("", found.link):
        report.findings.append(named(Kind.CHANGED, newest, newest, "is not the one that the head tells of"))
    own = fingerprint(trust.public)
    if not found.key and not found.seq:
        return
    if found.key == own and verifies(trust.public, head_message(found.seq, found.link), found.signature):
        return
    text = "is signed as the newest by nobody" if not found.key else "is not signed as the newest by this key"
    hint = "" if found.key in ("", own) else f": it names the key {found.key[:16]}, and {own[:16]} is believed"
    report.findings.append(named(Kind.SIGNATURE, newest, newest, text + hint))


def from_files(files: Sequence[Path], report: Report) -> list[tuple[str, Checkpoint]]:
    """The checkpoints of files. The last line may be half written; another one that is none is a finding."""
    points: list[tuple[str, Checkpoint]] = []
    for file in files:
        lines = list(read_file(file))
        for place, each in enumerate(lines, 1):
            if isinstance(each, Checkpoint):
                points.append((file.name, each))
            elif place < len(lines):
                text = f"{file}: line {each} is no checkpoint"
                report.findings.append(Finding(kind=Kind.CHECKPOINT, first=0, last=0, text=text))
    return points


def checkpoints(
    points: Sequence[tuple[str, Checkpoint]],
    at: Mapping[int, Any],
    gone: int,
    newest: int,
    trust: Trust,
    report: Report,
) -> None:
    """What was there once must still be there. That it is missing altogether is found anyhow, but for the newest."""
    forged: dict[str, list[int]] = {}
    other: dict[str, list[Checkpoint]] = {}
    for source, point in points:
        past = point.seq <= gone
        if past and source != DATABASE:
            continue  # of entries that went by age, signed by whatever key there was then
        report.checkpoints += 1
        if not point.holds(trust.known.get(point.key, "")):
            forged.setdefault(source, []).append(point.seq)
        elif not past and (point.seq > newest or at.get(point.seq, point.link) != point.link):
            other.setdefault(source, []).append(point)
    for source, places in forged.items():
        for first, last in stretches(places):
            text = f"has|have a checkpoint in {source} that no key of this trail signed"
            report.findings.append(named(Kind.SIGNATURE, first, last, text))
    for source, ones in other.items():
        report.findings.append(_other(source, ones, newest))


def _other(source: str, points: Sequence[Checkpoint], newest: int) -> Finding:
    first, last = min(each.seq for each in points), max(points, key=lambda each: each.seq)
    if last.seq > newest:
        text = (
            f"wound back: {source} tells that entry {last.seq} was there at {_moment(last.at)}, the newest is {newest}"
        )
    else:
        text = f"{source} tells of other entries at {first}-{last.seq}, the last at {_moment(last.at)}"
    return Finding(kind=Kind.CHECKPOINT, first=first, last=last.seq, text=text)


def erased(found: Sequence[Checked], told: Iterable[Told], gone: int, report: Report) -> None:
    """A detail that is gone needs a later entry that says so."""
    by: dict[int, int] = {}
    for seq, _, kind, detail in told:
        named_there = _said(detail).get("entries") if kind == ERASED else None
        if isinstance(named_there, list):
            by.update((each, seq) for each in named_there if isinstance(each, int))
    places = {seq for each in found for seq in each.erased if seq > gone}
    bare = {seq for seq in places if by.get(seq, 0) <= seq}
    report.erased = len(places) - len(bare)
    for first, last in stretches(bare):
        report.findings.append(named(Kind.ERASED, first, last, "has|have lost the detail, and no entry says why"))


def tampered(told: Iterable[Told], report: Report) -> None:
    """What the gateway itself noticed stays a finding until somebody answers for it."""
    entries = [(seq, at, kind, _said(detail)) for seq, at, kind, detail in told if kind in (ACCEPTED, BROKEN, BEGUN)]
    answered = {said.get("entry"): said.get("why", "") for _, _, kind, said in entries if kind == ACCEPTED}
    for seq, at, kind, said in entries:
        why = said.get("why", "")
        if kind == BEGUN:
            text = f"entries up to {seq - 1} were there before anybody signed: nothing proves what they were then"
            report.notices.append(text)
        elif kind == BROKEN and seq in answered:
            report.notices.append(f"entry {seq}: {why}; answered for: {answered[seq]}")
        elif kind == BROKEN:
            text = f"tells what the gateway found at {_moment(at)}: {why}"
            report.findings.append(named(Kind.TAMPERED, seq, seq, text))
