"""Judges a run from what the stand-ins wrote down themselves, the conflict ledger and the cases. Pure functions.

Nothing the gateway says about its own success is taken as proof: the ledger and the cases only excuse a value or a
record that the stand-ins show to be missing or different.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from gateway.demo.chores import chore_violations
from gateway.demo.comments import comment_violations
from gateway.demo.evidence import Chores, Evidence, Flow
from gateway.demo.lost import is_held, lost_edits
from gateway.demo.meaning import plain, same, shared
from gateway.demo.order import order_violations
from gateway.demo.records import Member, Record, members_of, records
from gateway.demo.timeline import Trail
from gateway.demo.verdict import Kind, Verdict, Violation


def judge(evidence: Evidence) -> Verdict:
    """The verdict on one finished run; `verdict.ok` is False if any promise was broken."""
    entries = [*evidence.besides, *(entry for side in evidence.sides for entry in side.log)]
    verdict = Verdict(
        changes=sum(entry.by_human for entry in entries),
        commands=sum(not entry.by_human for entry in entries),
        cases=len(evidence.cases),
    )
    for flow in evidence.flows:
        for record in records(flow):
            verdict.violations += [*_duplicates(record), *_invented(record)]
            if not record.departed:
                _judge_record(record, flow, evidence, verdict)
    if evidence.chores is not None:
        _judge_chores(evidence.chores, evidence, verdict)
    return verdict


def _judge_record(record: Record, flow: Flow, evidence: Evidence, verdict: Verdict) -> None:
    cases = [case for case in evidence.cases if case.things & record.things]
    ledger = [row for row in evidence.ledger if row.things & record.things]
    trail = Trail.follow(record)
    apart = list(_apart(record, flow))
    open_apart = [violation for violation, member, field in apart if not is_held(cases, member, field)]
    verdict.records += 1
    verdict.in_step += not open_apart
    verdict.held += bool(apart) and not open_apart
    search = lost_edits(trail, ledger, cases)
    verdict.ledgered += search.ledgered
    verdict.net_zero += search.net_zero
    verdict.violations += [*open_apart, *search.lost, *order_violations(trail), *comment_violations(record, cases)]


def _judge_chores(chores: Chores, evidence: Evidence, verdict: Verdict) -> None:
    found = list(chore_violations(chores, list(evidence.cases)))
    verdict.tasks = sum(member.object is not None for member in members_of(chores.side))
    verdict.violations += found


def _duplicates(record: Record) -> Iterator[Violation]:
    """Objects the gateway made although the thing already was, or had been, in that system."""
    for side in {member.side.connection: member.side for member in record.members}.values():
        here = record.of(side)
        made = [member for member in here if not member.made_by_human]
        for member in made[0 if len(made) < len(here) else 1 :]:
            yield Violation(Kind.DUPLICATE, member.name, "", None, f"made although {_others(here, member)} is the same")


def _invented(record: Record) -> Iterator[Violation]:
    """Objects the gateway made where it is to make none, or of nothing that a person made."""
    asked_for = any(member.made_by_human for member in record.members)
    for side in {member.side.connection: member.side for member in record.members}.values():
        here = record.of(side)
        if not (side.made and asked_for) and not any(member.made_by_human for member in here):
            yield Violation(Kind.INVENTED, here[0].name, "", None, "the gateway made it, and nobody asked for it")


def _others(members: list[Member], member: Member) -> str:
    return ", ".join(other.name for other in members if other is not member)


def _apart(record: Record, flow: Flow) -> Iterator[tuple[Violation, Member, str | None]]:
    """Where the objects of a record disagree now: a system without it, or fields that differ."""
    standing = [member for member in record.members if member.object is not None]
    present = {member.side.connection for member in standing}
    for side in flow.sides:
        was_there = side.made or any(member.side is side for member in record.members)
        if side.connection not in present and standing and was_there:
            why = f"it has no object in {side.connection}"
            yield Violation(Kind.OUT_OF_STEP, record.name, "", None, why), standing[0], None
    for one, other in combinations(standing, 2):
        if one.side is not other.side:
            yield from _differing(one, other)


def _differing(one: Member, other: Member) -> Iterator[tuple[Violation, Member, str | None]]:
    mine, theirs = one.standing(), other.standing()
    for field in shared(one.side, other.side):
        left, right = plain(mine.get(field)), plain(theirs.get(field))
        if not (one.side.translator.open(field, mine) and other.side.translator.open(field, theirs)):
            continue
        if not same(one.side, other.side, field, left, right):
            why = f"{one.name} has {left!r}, {other.name} has {right!r}"
            yield Violation(Kind.OUT_OF_STEP, f"{one.name} = {other.name}", field, left, why), one, field
