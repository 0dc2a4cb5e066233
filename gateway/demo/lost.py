"""P4: a person's edit survives, is replaced by a later one of a person, or stands in the ledger or an open case."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from gateway.demo.evidence import CaseRow, LedgerRow, Side
from gateway.demo.meaning import arrived, carried, gate_of, is_set, ledgered_as, plain, same
from gateway.demo.records import Member
from gateway.demo.timeline import Edit, Trail, values_since
from gateway.demo.verdict import Kind, Violation


@dataclass(frozen=True, slots=True)
class Claim:
    """What one edit said of one field; of a set: of one element of it."""

    member: Member
    field: str
    edit: Edit
    index: int
    value: Any
    """The new value; for an element of a set: the element."""
    present: bool | None = None
    """For an element: whether it was put in or taken out. None: not a set."""


@dataclass(slots=True)
class Search:
    """What became of the edits that no other system ever showed."""

    lost: list[Violation] = dataclass_field(default_factory=list)
    ledgered: int = 0
    net_zero: int = 0


def lost_edits(trail: Trail, ledger: list[LedgerRow], cases: list[CaseRow]) -> Search:
    """Looks for the edits of this record that are nowhere any more.

    One ledger row accounts for one edit, and only for one that was made before the row was written.
    """
    open_claims = [claim for claim in _claims(trail) if not _replaced(trail, claim)]
    missing = [(claim, where) for claim in open_claims if (where := _unseen_in(trail, claim))]
    missing = [(claim, where) for claim, where in missing if not is_held(cases, claim.member, claim.field)]
    rows, search = list(ledger), Search()
    for claim, where in sorted(missing, key=lambda pair: -pair[0].edit.at):
        row = next((row for row in rows if _accounts(row, claim)), None)
        if row is not None:
            rows.remove(row)
            search.ledgered += 1
        elif _came_to_nothing(trail, claim, ledger):
            search.net_zero += 1
        else:
            search.lost.append(_violation(claim, where))
    return search


def is_held(cases: list[CaseRow], member: Member, name: str | None) -> bool:
    """Whether an open case holds this field of this object; without a name: whether one holds anything of it."""
    return any(member.thing in case.things and _holds(case, name) for case in cases)


def _holds(case: CaseRow, name: str | None) -> bool:
    if case.fields is None:
        return True
    return bool(case.fields) if name is None else name in case.fields


def _claims(trail: Trail) -> Iterator[Claim]:
    """What people said. A field that only means something beside another one lives and dies with that one's edit."""
    for member in trail.record.members:
        for name, edits in trail.histories[member.thing].items():
            for index, edit in enumerate(edits):
                if edit.by_human and gate_of(member.side, name) not in edit.beside:
                    yield from _claims_of(member, name, edit, index)


def _claims_of(member: Member, name: str, edit: Edit, index: int) -> Iterator[Claim]:
    if not is_set(member.side, name):
        yield Claim(member, name, edit, index, edit.after)
        return
    before = frozenset() if edit.creates else edit.before
    for element in edit.after - before:
        yield Claim(member, name, edit, index, element, present=True)
    for element in before - edit.after:
        yield Claim(member, name, edit, index, element, present=False)


def _replaced(trail: Trail, claim: Claim) -> bool:
    """Whether the next to change it there was a person. If it was the gateway, the value must be somewhere else."""
    for edit in trail.of(claim.member, claim.field)[claim.index + 1 :]:
        if claim.present is None:
            if edit.after != claim.value:
                return edit.by_human
        elif (claim.value in edit.after) != claim.present:
            return edit.by_human
    return False


def _unseen_in(trail: Trail, claim: Claim) -> list[str]:
    """Connections that should have shown this edit and never did. An object without a partner is unseen everywhere."""
    source = claim.member.side
    partners = [member for member in trail.record.members if member.side is not source]
    if not partners:
        return ["any other system"]
    targets = [member for member in partners if carried(source, member.side, claim.field)]
    seen = {target.side.connection for target in targets if _seen(trail, claim, target)}
    return sorted({target.side.connection for target in targets} - seen)


def _seen(trail: Trail, claim: Claim, target: Member) -> bool:
    values = values_since(trail.of(target, claim.field), claim.edit.at)
    if claim.present is None:
        return any(same(claim.member.side, target.side, claim.field, claim.value, value) for value in values)
    expected = arrived(claim.member.side, target.side, claim.field, claim.value)
    return any((expected <= value) if claim.present else not (expected & value) for value in values)


def _came_to_nothing(trail: Trail, claim: Claim, ledger: list[LedgerRow]) -> bool:
    """Whether people changed the field and put it back before anybody looked: declared to be no edit (SYNC.md, W6).

    Not if anything in between was carried anywhere or lost a conflict: then it was looked at, and this is an edit.
    """
    edits = trail.of(claim.member, claim.field)
    for first in range(claim.index, -1, -1):
        if not edits[first].by_human or edits[first].creates:
            return False
        if first < claim.index and _is_as_claimed(claim, edits[first].before):
            between = edits[first : claim.index]
            return not any(_was_noticed(trail, claim, edit, ledger) for edit in between)
    return False


def _is_as_claimed(claim: Claim, value: Any) -> bool:
    return value == claim.value if claim.present is None else (claim.value in value) == claim.present


def _was_noticed(trail: Trail, claim: Claim, edit: Edit, ledger: list[LedgerRow]) -> bool:
    side, name = claim.member.side, claim.field
    if claim.present is not None:
        return _element_was_noticed(trail, claim, edit, ledger)
    until = _typed_again_at(trail, claim, edit)
    lost = (row for row in ledger if row.field == name and claim.member.thing in row.things)
    if any(edit.at <= row.at < until and ledgered_as(side, name, edit.after, row.value) for row in lost):
        return True
    return any(
        not write.by_human and edit.at <= write.at < until and same(side, target.side, name, edit.after, write.after)
        for target in trail.record.members
        if target.side is not side and carried(side, target.side, name)
        for write in trail.of(target, name)
    )


def _typed_again_at(trail: Trail, claim: Claim, edit: Edit) -> float:
    """When a person next typed that value there: what is carried from then on tells nothing of this edit."""
    later = trail.of(claim.member, claim.field)[claim.index + 1 :]
    return next((one.at for one in later if one.by_human and one.after == edit.after), math.inf)


def _element_was_noticed(trail: Trail, claim: Claim, edit: Edit, ledger: list[LedgerRow]) -> bool:
    """Of a set only its element counts: whether we carried the opposite of the claim anywhere, or kept that it lost."""
    side, name = claim.member.side, claim.field
    if any(row.field == name and claim.member.thing in row.things and row.at >= edit.at for row in ledger):
        return True
    return any(
        not write.by_human
        and write.at >= edit.at
        and write.before != write.after
        and _shows(side, target.side, claim, write.after) != claim.present
        and _shows(side, target.side, claim, write.before) == claim.present
        for target in trail.record.members
        if target.side is not side and carried(side, target.side, name)
        for write in trail.of(target, name)
    )


def _shows(source: Side, target: Side, claim: Claim, value: Any) -> bool:
    return bool(arrived(source, target, claim.field, claim.value) <= value)


def _accounts(row: LedgerRow, claim: Claim) -> bool:
    if row.field != claim.field or row.at < claim.edit.at or claim.member.thing not in row.things:
        return False
    if claim.present is None:
        return ledgered_as(claim.member.side, claim.field, claim.value, row.value)
    kept = row.value if isinstance(row.value, list) else [row.value]
    return (claim.value in kept) == claim.present


def _violation(claim: Claim, where: list[str]) -> Violation:
    what = {None: "", True: "added ", False: "removed "}[claim.present]
    why = (
        f"{what}by {claim.edit.user or 'a person'} and never seen in {', '.join(where)}; not replaced by a person, "
        "not in the conflict ledger, not held by an open case"
    )
    return Violation(Kind.LOST_EDIT, claim.member.name, claim.field, plain(claim.value), why)
