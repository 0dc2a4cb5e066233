"""Each comment crosses once: no copy missing, none twice, none back where it came from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.demo.evidence import COMMENT, CaseRow, Comment
from gateway.demo.lost import is_held
from gateway.demo.records import Member, Record
from gateway.demo.verdict import Kind, Violation

FIELD = "comments"
HANDED_OVER = "leaver:"
"""What the mark of a note begins with that tells of a departure: nobody typed it, and it is not a copy of anything."""


@dataclass(frozen=True, slots=True)
class Said:
    """A comment on an object."""

    member: Member
    comment: Comment
    by_human: bool
    user: str

    @property
    def address(self) -> str:
        """As copies name their original."""
        return f"{self.member.side.connection}:{self.comment.id}"


def comment_violations(record: Record, cases: list[CaseRow]) -> Iterator[Violation]:
    """Comments of people that are missing elsewhere, copied twice, echoed, altered; copies of nothing."""
    said = [one for member in record.members for one in _said(member)]
    originals = [one for one in said if one.by_human]
    copies: dict[str, list[Said]] = defaultdict(list)
    yield from _told_twice(said)
    for copy in said:
        if copy.by_human or _hands_over(copy):
            continue
        root = _root(copy, said, originals)
        if root is None:
            yield _violation(Kind.INVENTED, copy, "the gateway wrote a comment that nobody made")
        else:
            copies[root.address].append(copy)
    for original in originals:
        yield from _of_original(record, original, copies[original.address], cases)


def _hands_over(said: Said) -> bool:
    return not said.by_human and (said.comment.origin or "").startswith(HANDED_OVER)


def _told_twice(said: list[Said]) -> Iterator[Violation]:
    """A note of a departure belongs to the object that was handed over, once."""
    seen = set[str | None]()
    for note in filter(_hands_over, said):
        if note.comment.origin in seen:
            yield _violation(Kind.DUPLICATE, note, "the same note of a departure stands there twice")
        seen.add(note.comment.origin)


def _of_original(record: Record, original: Said, copies: list[Said], cases: list[CaseRow]) -> Iterator[Violation]:
    home = original.member.side
    for copy in copies:
        if copy.member.side is home:
            yield _violation(Kind.DUPLICATE, copy, "a comment came back to the system it was made in")
    sides = {member.side.connection: member.side for member in record.members if member.side is not home}
    if original.comment.kind in COMMENT and not sides:
        yield from _missing(original, "any other system", cases)
    for connection, side in sides.items():
        there = [copy for copy in copies if copy.member.side is side]
        for copy in there[1:]:
            yield _violation(Kind.DUPLICATE, copy, f"copied {len(there)} times to {connection}")
        if not there and home.tells(original.comment.kind, connection):
            yield from _missing(original, connection, cases)
        elif there and _squeezed(original.comment.body) not in _squeezed(there[0].comment.body):
            yield _violation(Kind.LOST_EDIT, original, f"its copy in {connection} does not hold its text")


def _missing(original: Said, where: str, cases: list[CaseRow]) -> Iterator[Violation]:
    if not is_held(cases, original.member, FIELD):
        yield _violation(Kind.LOST_EDIT, original, f"never copied to {where}, and not held by an open case")


def _said(member: Member) -> Iterator[Said]:
    for entry in member.log:
        if entry.kind == "comment" and entry.comment is not None:
            yield Said(member, entry.comment, entry.by_human, entry.user)


def _root(copy: Said, said: list[Said], originals: list[Said]) -> Said | None:
    """The comment of a person that this is a copy of, through copies of copies; without a marker, by its text."""
    seen = {copy.address}
    current = copy
    while current.comment.origin is not None:
        found = next((one for one in said if one.address == current.comment.origin), None)
        if found is None or found.address in seen:
            return None
        if found.by_human:
            return found
        seen.add(found.address)
        current = found
    holding = [one for one in originals if _squeezed(one.comment.body) in _squeezed(current.comment.body)]
    return max(holding, key=lambda one: len(one.comment.body), default=None)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _violation(kind: Kind, said: Said, why: str) -> Violation:
    return Violation(kind, said.member.name, FIELD, said.comment.body, why)
