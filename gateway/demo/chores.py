"""Each start and each leaving makes its tasks: all of them, each once, for the right person, and none besides."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.demo.evidence import CaseRow, Chores
from gateway.demo.lost import is_held
from gateway.demo.meaning import canonical, plain
from gateway.demo.records import Member, members_of, references
from gateway.demo.timeline import histories
from gateway.demo.verdict import Kind, Violation

SUMMARY = "summary"
NAME = "given_name"
"""The field of the object that a task's summary has to show."""


def chore_violations(chores: Chores, cases: list[CaseRow]) -> Iterator[Violation]:
    """Tasks that are missing, made twice or given away, or that nobody's start or leaving asks for."""
    left = [task for task in members_of(chores.side) if not task.made_by_human]
    for source in members_of(chores.of):
        mine = [task for task in left if references(task) & references(source)]
        left = [task for task in left if task not in mine]
        yield from _of_one(chores, source, mine, cases)
    for task in left:
        yield _violation(Kind.INVENTED, task, "a task was made that belongs to nobody")
    for task in members_of(chores.side):
        for entry in task.log:
            if entry.kind != "create" and not entry.by_human:
                yield _violation(Kind.INVENTED, task, f"the gateway made this {entry.kind}, which nobody asked for")


def _of_one(chores: Chores, source: Member, mine: list[Member], cases: list[CaseRow]) -> Iterator[Violation]:
    due = _due(chores, source)
    for words in due:
        found = [task for task in mine if _is(task, words, source)]
        if not found and not is_held(cases, source, None):
            yield Violation(
                Kind.OUT_OF_STEP, source.name, "", words, f"this task was never made in {chores.side.connection}"
            )
        for task in found[1:]:
            yield _violation(Kind.DUPLICATE, task, f"made although {found[0].name} is the same")
    for task in mine:
        if not any(_is(task, words, source) for words in due):
            yield _violation(Kind.INVENTED, task, f"nothing in {source.side.connection} asks for this task")


def _due(chores: Chores, source: Member) -> list[str]:
    """What each state that it was in asks for. Who ends an employment waits for the tasks of its beginning."""
    shown = [edit.after for edit in histories(source)[chores.field] if plain(edit.after) is not None]
    states = dict.fromkeys(canonical(source.side, chores.field, value) for value in shown)
    return [words for state in states for words in chores.due[state]]


def _is(task: Member, words: str, source: Member) -> bool:
    """By the summary it was made with: people may rename it afterwards."""
    made = next(entry for entry in task.log if entry.kind == "create")
    kind, _, who = str(task.side.translator.history(made.after).get(SUMMARY, "")).partition(": ")
    return kind == words and any(str(edit.after) in who for edit in histories(source)[NAME] if edit.after)


def _violation(kind: Kind, task: Member, why: str) -> Violation:
    return Violation(kind, task.name, "", None, why)
