"""Templates: what is wrong with one is told with its place, and what a good one says is carried over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.contract.errors import MappingError
from mappings.task_lint import LoadedTasks, read_tasks
from mappings.tasks import TaskPlan
from tests.unit.mappings.support import TYPE

HEAD = "tasks: moving\nversion: 3\nfrom: thing\nto: task\n"
OFFSET = HEAD.count("\n")
TASK = """\
type: task
fields:
  text: {kind: text, required: true}
  state: {kind: enum, values: [open, waiting, done]}
  level: {kind: enum, values: [high]}
  tags: {kind: set}
  size: {kind: number}
  urgent: {kind: bool}
"""
END = "roll_up: {field: state, done: [done], failed: [waiting]}\n"
GOOD = f"""\
when: "record.state == 'open'"
make:
  pack:
    set:
      text: "Pack ${{title}} (${{size|some}})"
      state: open
      tags: [moving, "${{level}}"]
      size: "${{size}}"
      urgent: true
  go:
    after: [pack]
    due: {{field: due, shift: -2d}}
    set: {{text: "${{title}}", state: "${{state}}"}}
  rest:
    when: "record.urgent == true"
    due: {{after: 3h}}
    set: {{text: rest}}
{END}"""


def check(folder: Path, text: str) -> LoadedTasks:
    (folder / "types").mkdir(exist_ok=True)
    (folder / "types" / "thing.yaml").write_text(TYPE)
    (folder / "types" / "task.yaml").write_text(TASK)
    file = folder / "moving.yaml"
    file.write_text(HEAD + text)
    return read_tasks(file)


def told(folder: Path, text: str) -> list[str]:
    """Problems; lines count after the head."""
    said = []
    for each in check(folder, text).problems:
        line = int(str(each).removeprefix(f"{folder}/moving.yaml:").partition(":")[0]) - OFFSET
        said.append(f"{line}:" + str(each).removeprefix(f"{folder}/moving.yaml:").partition(":")[2])
    return said


def one(text: str, *, end: str = END, more: str = "") -> str:
    return f"make:\n  pack: {text}\n{more}{end}"


MISTAKES = [
    (one("{set: {txt: x, text: x}}"), "2:16: error[unknown-field]: the type task has no field 'txt' that could be set"),
    (one("{set: {state: open}}"), "2:10: error[required]: a task cannot be without 'text'; try adding 'text:'"),
    (one("{set: {text: x, state: opn}}"), "2:32: error[unknown-value]: 'opn' is not a value of state; try 'open'"),
    (one('{set: {text: "${titel}"}}'), "2:22: error[unknown-field]: the type thing has no field 'titel'; try 'title'"),
    (one('{set: {text: "${title"}}'), "2:22: error[template]: '${' is not closed"),
    (
        one('{set: {text: x, state: "${title}"}}'),
        "2:32: error[template]: state is enum, which this text does not give; try '${field}' with a field of kind enum",
    ),
    (
        one('{set: {text: x, level: "${level}"}}'),
        "2:32: error[unknown-value]: level can be low, which level cannot; try a task for each, with a condition",
    ),
    (one("{set: {text: x, size: many}}"), "2:31: error[unknown-value]: 'many' is not a value of size"),
    (one("{after: [pak], set: {text: x}}"), "2:18: error[unknown-task]: there is no other task 'pak' here"),
    (one("{after: [pack], set: {text: x}}"), "2:18: error[unknown-task]: there is no other task 'pack' here"),
    (
        one("{after: [go], set: {text: x}}", more="  go: {after: [pack], set: {text: x}}\n"),
        "2:10: error[circle]: pack waits for a task that waits for pack, or stands behind such a circle",
    ),
    (one("{due: {field: size}, set: {text: x}}"), "2:23: error[unknown-field]: 'size' is not a field of kind time"),
    (one("{due: {shift: 2d}, set: {text: x}}"), "2:15: error[value]: a task is due by a field or after a while"),
    (one("{due: {field: due, shift: 2}, set: {text: x}}"), "2:35: error[value]: this should be a duration before"),
    (one('{when: "record.stat", set: {text: x}}'), "2:24: error[condition]: the record has no field 'stat'"),
    (
        one("{set: {text: x}}", end="roll_up: {field: text, done: [done]}\n"),
        "3:18: error[unknown-field]: 'text' is not a field of kind enum of task",
    ),
    (
        one("{set: {text: x}}", end="roll_up: {field: state, done: [gone]}\n"),
        "3:32: error[unknown-value]: 'gone' is not a value of state",
    ),
    (
        one("{set: {text: x}}", end="roll_up: {field: state, done: [done], failed: [done]}\n"),
        "3:48: error[duplicate-value]: 'done' cannot mean both done and failed",
    ),
    (
        one("{set: {text: x}}", end="roll_up: {field: state, done: [done], set: {done: {state: closed}}}\n"),
        "3:59: error[unknown-value]: 'closed' is not a value of state",
    ),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    said = told(tmp_path, text)
    assert said[0].startswith(expected)
    assert len(said) == (2 if "[circle]" in expected else 1)


def test_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = one("{after: [x], due: {field: y}, set: {z: 1}}", end="roll_up: {field: state, done: [q]}\n")
    assert len(told(tmp_path, text)) == 5


@pytest.fixture
def plan(tmp_path: Path) -> TaskPlan:
    loaded = check(tmp_path, GOOD)
    assert loaded.plan is not None, [str(each) for each in loaded.problems]
    return loaded.plan


def test_what_a_task_begins_with(plan: TaskPlan) -> None:
    record: dict[str, Any] = {"title": "the van", "level": "low", "size": 3}
    assert plan.label == "moving@3"
    assert plan.tasks["pack"].fill(record) == {
        "text": "Pack the van (3)",
        "state": "open",
        "tags": ["low", "moving"],
        "size": 3,
        "urgent": True,
    }
    bare = plan.tasks["pack"].fill({"title": "it"})
    assert bare == {"text": "Pack it (some)", "state": "open", "tags": ["moving"], "urgent": True}


def test_a_value_that_does_not_fit_is_no_task(plan: TaskPlan) -> None:
    with pytest.raises(MappingError, match="required"):
        plan.tasks["go"].fill({"state": "open"})
    with pytest.raises(MappingError, match="strange"):
        plan.tasks["go"].fill({"title": "x", "state": "strange"})


def test_when_a_task_is_due(plan: TaskPlan) -> None:
    assert plan.tasks["pack"].due_at({}, 7.0) == 7.0
    assert plan.tasks["rest"].due_at({}, 7.0) == 7.0 + 3 * 3600
    assert plan.tasks["go"].due_at({}, 7.0) is None
    assert plan.tasks["go"].due_at({"due": "1970-01-03T00:00:10Z"}, 7.0) == 10.0
    assert plan.tasks["go"].due_at({"due": "1970-01-04"}, 7.0) == 86_400.0
    with pytest.raises(MappingError, match="soon"):
        plan.tasks["go"].due_at({"due": "soon"}, 7.0)


def test_files_that_cannot_be_read_or_name_no_type(tmp_path: Path) -> None:
    assert [each.rule for each in read_tasks(tmp_path / "none.yaml").problems] == ["file"]
    file = tmp_path / "x.yaml"
    file.write_text(HEAD.replace("from: thing", "from: unheard_of") + GOOD)
    assert "unknown-type" in [each.rule for each in read_tasks(file).problems]
    file.write_text("- 1\n")
    assert read_tasks(file).plan is None
