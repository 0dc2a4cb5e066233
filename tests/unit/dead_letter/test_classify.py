"""Every cause and every class has its rules, and what the gateway raises is what is known here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from dead_letter.classify import ActionName, Cause, class_of, rules_of
from dead_letter.values import CaseClass

_CODE = re.compile(r"[a-z]+\.[a-z_]+")
GATEWAY = Path(__file__).parents[3] / "gateway"
OPENERS = {"ask", "case", "park", "NewCase"}
"""What opens a case: `Unit.case(cls, cause, ...)`, `park(unit, lane, cls, cause, ...)`, `NewCase(cls=, cause=)`."""


def _texts(node: ast.AST) -> set[str]:
    """The texts and members of Cause and CaseClass that an expression may give."""
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            found.add(each.value)
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            kind: type[Cause] | type[CaseClass] | None = {"Cause": Cause, "CaseClass": CaseClass}.get(each.value.id)  # type: ignore[assignment]
            found |= {str(kind[each.attr])} if kind else set()
    return found


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else str(getattr(node.func, "id", ""))


def _raised(module: Path) -> Iterator[tuple[set[str], set[str]]]:
    """Per call that opens a case: the classes and the causes it may give."""
    tree = ast.parse(module.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) in OPENERS]
    if not calls:
        return
    named = {
        target.id: _texts(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in calls:
        given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg in {"cls", "cause"})]
        said = set().union(*(named.get(one.id, set()) if isinstance(one, ast.Name) else _texts(one) for one in given))
        classes, causes = said & set(CaseClass), {text for text in said if _CODE.fullmatch(text)}
        if _called(node) == "ask" and causes:
            classes = {str(CaseClass.DEPARTURE)}  # what departures ask people is of one class
        if classes:
            yield classes, causes


@cache
def raised() -> list[tuple[set[str], set[str]]]:
    """Of all modules. Read by the tests, not while they are collected: every worker collects all of them."""
    return [pair for module in sorted(GATEWAY.rglob("*.py")) for pair in _raised(module)]


def test_the_places_that_open_cases_are_found() -> None:
    assert len(raised()) >= 15  # else the pattern no longer fits the code
    assert all(causes for _, causes in raised())


def test_every_cause_is_raised_somewhere_and_none_that_is_not_known() -> None:
    assert set().union(*(causes for _, causes in raised())) == set(Cause)


def test_a_case_is_opened_in_the_class_of_its_cause() -> None:
    for classes, causes in raised():
        assert {class_of(Cause(cause)) for cause in causes} == classes, causes


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_class(cause: Cause) -> None:
    assert class_of(cause) in CaseClass


@pytest.mark.parametrize("cls", list(CaseClass))
def test_every_class_has_a_cause(cls: CaseClass) -> None:
    assert cls in {class_of(cause) for cause in Cause}


@pytest.mark.parametrize("cls", list(CaseClass))
@pytest.mark.parametrize("cause", ["", *Cause])
def test_every_action_is_allowed_or_forbidden_with_a_reason(cls: CaseClass, cause: str) -> None:
    rules = rules_of(cls, cause)
    assert rules.allowed.isdisjoint(rules.forbidden)
    assert rules.allowed | rules.forbidden.keys() == set(ActionName)
    assert rules.recommended in rules.allowed
    assert all(reason.endswith(".") for reason in rules.forbidden.values())


@pytest.mark.parametrize("cause", [cause for cause in Cause if class_of(cause) is CaseClass.UNKNOWN_OUTCOME])
def test_an_unknown_outcome_is_never_sent_again_or_given_up_blindly(cause: Cause) -> None:
    forbidden = rules_of(CaseClass.UNKNOWN_OUTCOME, cause).forbidden
    assert {ActionName.RETRY, ActionName.DISCARD, ActionName.CLOSE} <= forbidden.keys()


def test_a_leavers_access_is_not_left_open_by_a_click() -> None:
    assert ActionName.DISCARD in rules_of(CaseClass.REFUSED, Cause.CLOSE_REFUSED).forbidden
    assert ActionName.DISCARD in rules_of(CaseClass.REFUSED).allowed
