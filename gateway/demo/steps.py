"""Order for fields that move by steps: on the way to an edit's state, a write may pass through other states."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.demo.timeline import Edit

LONGEST_PATH = 8
"""Moves that one edit may need."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One stepped field of a target: its history, which edits each of our writes could have arrived at, and when.

    `made_at` are the times of the source's edits, rising; `others` tells when people elsewhere, the target's own among
    them, last typed what a write wrote (-inf: never).
    """

    history: Sequence[Edit]
    carries: Mapping[int, list[int]]
    made_at: Sequence[float]
    others: Mapping[int, float]


def out_of_order_in_steps(walk: Walk) -> Iterator[int]:
    """Numbers of the writes at which no explanation is left.

    An explanation cuts our writes into paths. A path visits no state twice and ends at the state of its edit; the
    edits of successive paths never go back; a path that returns to where it began must carry a new edit. A path may
    stay unfinished only where a person moved the object, where a later edit was made meanwhile, or where the log ends,
    and then only if there was an edit to go to. What this cannot tell from a legitimate detour ends out of step, which
    is judged elsewhere.
    """
    reached = 0
    for run in _runs(walk):
        best, explained = _explain(walk, run, reached)
        if not explained:
            yield run[-1]
        reached = best


def _runs(walk: Walk) -> Iterator[list[int]]:
    """Our writes between two moves by people."""
    run: list[int] = []
    for index in range(len(walk.history)):
        if index in walk.carries:
            run.append(index)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _explain(walk: Walk, run: list[int], reached: int) -> tuple[int, bool]:
    """The earliest edit the run can have arrived at, and whether all of it is explained.

    `arrived[n]`: the earliest edit at which the first n writes can have arrived; None if they cannot have.
    """
    arrived: list[int | None] = [reached]
    for end in range(1, len(run) + 1):
        arrived.append(min(_arrivals(walk, run, arrived, end), default=None))
    last = arrived[-1]
    if last is not None:
        return last, True
    for begin in _beginnings(walk, run, len(run)):
        before = arrived[begin]
        if before is not None and _has_somewhere_to_go(walk, run[begin:], before):
            return before, True
    return max(edit for edit in arrived if edit is not None), False


def _arrivals(walk: Walk, run: list[int], arrived: list[int | None], end: int) -> Iterator[int]:
    """Edits reached after write number `end` of the run, one or two per path that can end there.

    The path arrived at a new edit, or at what others typed, or was left unfinished for a later edit.
    """
    last = run[end - 1]
    for begin in _beginnings(walk, run, end):
        before = arrived[begin]
        if before is None:
            continue
        circular = walk.history[run[begin]].before == walk.history[last].after
        choices = walk.carries[last]
        at = bisect_left(choices, before + circular)
        if at < len(choices):
            yield choices[at]
        elif before < len(walk.made_at) and walk.others[last] > walk.made_at[before]:
            yield before
        if (
            end < len(run)
            and _was_overtaken(walk, run[begin:end], run[end])
            and _has_somewhere_to_go(walk, run[begin:end], before)
        ):
            yield before


def _was_overtaken(walk: Walk, path: list[int], following: int) -> bool:
    """Whether an edit was made while the path was under way: its goal may have changed, and it be left unfinished."""
    begun, over = walk.history[path[0]].at, walk.history[following].at
    return bisect_right(walk.made_at, over) > bisect_right(walk.made_at, begun)


def _beginnings(walk: Walk, run: list[int], end: int) -> Iterator[int]:
    """Where a path that ends at `end` may have begun, shortest path first, as long as no state comes twice."""
    states: list[object] = []
    for begin in range(end - 1, max(end - 1 - LONGEST_PATH, -1), -1):
        state = walk.history[run[begin]].after
        if state in states:
            return
        states.append(state)
        yield begin


def _has_somewhere_to_go(walk: Walk, path: list[int], reached: int) -> bool:
    """Whether an unfinished path had a goal it did not pass: a later edit, or the one reached if a person left it."""
    latest = bisect_right(walk.made_at, walk.history[path[0]].at) - 1
    goals = set(range(reached + 1, latest + 1))
    if not _shows(walk, path[0], reached):
        goals.add(reached)
    return bool(goals.difference(*(walk.carries[index] for index in path)))


def _shows(walk: Walk, index: int, number: int) -> bool:
    """Whether the target stood at the state of this edit when the write began, as far as our own writes tell."""
    before = walk.history[index].before
    return any(
        number in choices and walk.history[earlier].after == before
        for earlier, choices in walk.carries.items()
        if earlier < index
    )
