"""P3: the gateway's writes of one field of one object follow the order of the people's edits they carry.

Sets are left out, because a union carries several edits at once, and so are fields that come and go with another one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from gateway.demo.meaning import carried, gate_of, is_set, same
from gateway.demo.records import Member
from gateway.demo.steps import Walk, out_of_order_in_steps
from gateway.demo.timeline import Edit, Trail
from gateway.demo.verdict import Kind, Violation


def order_violations(trail: Trail) -> Iterator[Violation]:
    """Writes that carry an older edit than a write before them did, and texts that nobody typed."""
    for target in trail.record.members:
        for source in trail.record.members:
            if source.side is target.side:
                continue
            for name in target.side.translator.fields:
                if carried(source.side, target.side, name) and _is_ordered(target, name):
                    yield from _of_field(trail, source, target, name)
        yield from _invented(trail, target)


def _is_ordered(target: Member, name: str) -> bool:
    return not is_set(target.side, name) and gate_of(target.side, name) is None


def _of_field(trail: Trail, source: Member, target: Member, name: str) -> Iterator[Violation]:
    edits = [edit for edit in trail.of(source, name) if edit.by_human or edit.given]
    history = trail.of(target, name)
    writes = [index for index, edit in enumerate(history) if _is_ours(edit)]
    carries = {index: _could_carry(source, target, name, edits, history[index]) for index in writes}
    others = {index: _typed_elsewhere(trail, source, target, name, history, index) for index in writes}
    walk = Walk(history, carries, [edit.at for edit in edits], others)
    bad = out_of_order_in_steps(walk) if target.side.translator.fields[name].stepped else _out_of_order(walk)
    for index in bad:
        why = f"the gateway wrote this after it had carried a later edit of {source.name}"
        yield Violation(Kind.ORDER, target.name, name, history[index].after, why)


def _is_ours(edit: Edit) -> bool:
    return not edit.by_human and not edit.given


def _could_carry(source: Member, target: Member, name: str, edits: Sequence[Edit], write: Edit) -> list[int]:
    """Numbers of the edits whose value this write shows and that were made before it, rising."""
    return [
        number
        for number, edit in enumerate(edits)
        if edit.at <= write.at and same(source.side, target.side, name, edit.after, write.after)
    ]


def _typed_elsewhere(
    trail: Trail, source: Member, target: Member, name: str, history: Sequence[Edit], index: int
) -> float:
    """When anybody but people of the source last typed what this write wrote: it may carry that.

    Among them are the target's own people, whose value it may put back after a late landing.
    """
    write = history[index]
    times = [edit.at for edit in history[:index] if edit.by_human and edit.after == write.after]
    for other in trail.record.members:
        if other.side is source.side or other.side is target.side or not carried(other.side, target.side, name):
            continue
        edits = [edit for edit in trail.of(other, name) if edit.by_human or edit.given]
        times += [edits[number].at for number in _could_carry(other, target, name, edits, write)]
    return max(times, default=-math.inf)


def _out_of_order(walk: Walk) -> Iterator[int]:
    """Each write takes the earliest edit it can carry; one that can only carry an edit already passed is wrong.

    Unless it carries what people elsewhere typed after that edit, or puts back what the target's own did. A write that
    carries no edit of this source at all is one of these, or an invention.
    """
    reached = 0
    for index, choices in walk.carries.items():
        at = bisect_left(choices, reached)
        if at < len(choices):
            reached = choices[at]
        elif choices and not walk.others[index] > walk.made_at[reached]:
            yield index


def _invented(trail: Trail, target: Member) -> Iterator[Violation]:
    """The canonical record never holds a value no person typed. Only texts: other kinds have computed companions."""
    for name, rule in target.side.translator.fields.items():
        sources = [member for member in trail.record.members if carried(member.side, target.side, name)]
        if rule.kind != "text" or rule.gate or not any(member.side is not target.side for member in sources):
            continue
        typed = [(member, edit) for member in sources for edit in trail.of(member, name) if edit.by_human or edit.given]
        for write in trail.of(target, name):
            if _is_ours(write) and not any(
                same(member.side, target.side, name, edit.after, write.after) for member, edit in typed
            ):
                yield Violation(Kind.INVENTED, target.name, name, write.after, "the gateway wrote what nobody typed")
