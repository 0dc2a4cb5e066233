"""Templates, steps, places, and the runner of tests beside mappings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract.errors import ConfigError
from connectors.contract.written.places import Source
from connectors.contract.written.problems import nearest
from mappings.loader import LIBRARY, load_mapping, load_type
from mappings.steps import next_hop
from mappings.templates import parse_template
from mappings.testing import run_tests

GRAPH = {
    "todo": ["doing"],
    "doing": ["review", "todo"],
    "review": ["done", "doing"],
    "done": ["todo"],
    "held": ["doing"],
}


@pytest.mark.parametrize(
    ("current", "goal", "available", "hop"),
    [
        ("todo", "done", ["doing"], "doing"),
        ("doing", "done", ["todo", "review"], "review"),
        ("doing", "done", ["todo", "done"], "done"),
        ("doing", "done", [], "review"),
        ("doing", "done", ["todo"], None),
        ("done", "held", ["todo"], None),
        ("todo", "held", ["held"], "held"),
        ("todo", "todo", ["doing"], None),
        ("unheard of", "done", ["review"], "review"),
        ("unheard of", "done", [], None),
    ],
)
def test_the_next_hop(current: str, goal: str, available: list[str], hop: str | None) -> None:
    assert next_hop(GRAPH, current, goal, available) == hop


states = st.sampled_from("abcdef")


@given(graph=st.dictionaries(states, st.lists(states, max_size=3)), start=states, goal=states)
def test_following_the_hops_reaches_the_goal_without_going_round(
    graph: dict[str, list[str]], start: str, goal: str
) -> None:
    at, seen = start, [start]
    while (hop := next_hop(graph, at, goal, [each for each in graph.get(at, []) if each != at])) is not None:
        assert hop in graph[at]
        assert hop not in seen
        seen.append(hop)
        at = hop
    assert at == goal or goal not in _reachable(graph, start)


def _reachable(graph: dict[str, list[str]], start: str) -> set[str]:
    found, queue = {start}, [start]
    while queue:
        for after in graph.get(queue.pop(), []):
            if after not in found:
                found.add(after)
                queue.append(after)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${a}", 7),
        ("${gone}", None),
        ("${gone|else}", "else"),
        ("no ${a} of ${gone}", "no 7 of "),
        ("$${a} costs $5", "${a} costs $5"),
        ("${a|}", 7),
        ("{a}", "{a}"),
    ],
)
def test_filling(text: str, expected: Any) -> None:
    assert parse_template(text).fill({"a": 7}.get) == expected


@pytest.mark.parametrize("text", ["${", "${a", "${a.b}", "${}", "${A}", "${__class__}", "${a|b", "${a!r}", "${a:>10}"])
def test_templates_are_no_language(text: str) -> None:
    with pytest.raises(ValueError, match="try"):
        parse_template(text)


def test_values_that_look_like_templates_stay_as_they_are() -> None:
    assert parse_template("<${a}>").fill({"a": "${b}", "b": "secret"}.get) == "<${b}>"


def test_places_of_keys_and_values() -> None:
    source = Source("x.yaml", "a: 1\nb: {c: [x, 'y z'], on: yes}\nwhen: |\n  one\n  two\n")
    assert source.data == {"a": 1, "b": {"c": ["x", "y z"], "on": "yes"}, "when": "one\ntwo\n"}
    assert source.place(("b", "c", 1)) == (2, 12)
    assert source.place(("b", "c"), key=True) == (2, 5)
    assert source.place(("b", "missing", "deep")) == (2, 1)
    assert source.inside(("b", "c", 1), 1, 3) == (2, 15)
    assert source.inside(("when",), 2, 1) == (5, 1)


@pytest.mark.parametrize(
    ("text", "rule", "place"),
    [
        ("a: [1", "yaml", (1, 6)),
        ("a: 1\na: 2", "duplicate-key", (2, 1)),
        ("? [a]\n: 1", "yaml-key", (1, 3)),
        ("a: &x {b: 1}\nc: {<<: *x}", "yaml-key", (2, 5)),
        ("a: &x [*x]", "yaml-aliases", (1, 4)),
        ("a: !!int many", "yaml", (1, 4)),
    ],
)
def test_documents_that_cannot_be_used(text: str, rule: str, place: tuple[int, int]) -> None:
    problems = Source("x.yaml", text).problems
    assert [(each.rule, (each.line, each.col)) for each in problems] == [(rule, place)]


def test_a_bomb_of_aliases_is_refused_without_going_off() -> None:
    levels = "\n".join(f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 9)}]" for at in range(1, 12))
    problems = Source("x.yaml", f"l0: &l0 [x]\n{levels}").problems
    assert [each.rule for each in problems] == ["yaml-aliases"]


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("Staus", ["status", "state"], "'status'"),
        ("x", ["a", "b"], "one of: a, b"),
        ("x", [], ""),
        ("x", "abcdefghijklmnop", "'x'"),
    ],
)
def test_suggestions(word: str, known: list[str], expected: str) -> None:
    assert nearest(word, [*known] if expected != "'x'" else ["X"]) in (expected, "'X'")


def test_a_missing_mapping_is_refused_with_the_likely_one() -> None:
    with pytest.raises(ConfigError, match="there is no mapping 'jira-isue'; try 'jira-issue'"):
        load_mapping("jira-isue")
    with pytest.raises(ConfigError, match="there is no record type"):
        load_type("incidents")


CASES = """\
mapping: MAPPING
tests:
  - name: right
    given: {raw: {state: "1"}}
    expect: {record: {status: new, resolution: null, resolution_note: null}}
  - name: wrong value
    given: {raw: {state: "2"}}
    expect: {record: {status: new}}
  - name: wrong fragment
    given: {record: {status: new}}
    expect: {raw: {state: "2"}}
  - name: not refused
    given: {raw: {short_description: fine}}
    expect: {refused: summary}
  - name: no such field
    given: {record: {colour: red}, fields: [colour]}
    expect: {raw: {}}
"""


def test_failing_cases_are_told_with_their_places(tmp_path: Path) -> None:
    file = tmp_path / "x.test.yaml"
    file.write_text(CASES.replace("MAPPING", "servicenow-incident"))
    report = run_tests(file)
    assert not report.ok
    assert report.passed == 1
    assert [each.line for each in report.problems] == [6, 9, 12, 15]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (CASES.replace("MAPPING", "servicenow-incidnt"), "unknown-mapping"),
        (CASES.replace("name: right", "nme: right"), "unknown-key"),
        ("mapping: jira-issue\ntests:\n- name: x\n  given: {}\n  expect: {}\n", "value"),
        ("mapping: [", "yaml"),
    ],
)
def test_test_files_with_mistakes(tmp_path: Path, text: str, rule: str) -> None:
    file = tmp_path / "x.test.yaml"
    file.write_text(text)
    assert rule in [each.rule for each in run_tests(file).problems]


def test_a_mapping_beside_its_tests_is_found_before_the_library(tmp_path: Path) -> None:
    own = (LIBRARY / "servicenow-incident.yaml").read_text().replace('new: "1"', 'new: "99"')
    (tmp_path / "servicenow-incident.yaml").write_text(own)
    file = tmp_path / "servicenow-incident.test.yaml"
    case = "- {name: own, given: {record: {status: new}}, expect: {raw: {state: '99'}}}"
    file.write_text(f"mapping: servicenow-incident\ntests:\n{case}\n")
    assert run_tests(file).ok
