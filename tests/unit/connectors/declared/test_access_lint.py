"""Everything that is wrong with what a file says of access is told, and the page that tells how says nothing wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connectors.declared.testing import run
from tests.unit.connectors.declared.departing import BY_MAIL, STILL, block, ended, part
from tests.unit.connectors.declared.support import file_of, told


def test_the_block_has_no_problems() -> None:
    assert told(("access", block())) == []
    assert told(("http", {"quotes": "backslash"}), ("access", block())) == []


ONE: list[tuple[dict[str, Any], str]] = [
    (block(group=part("group", by_hand="x")), "value: this ends in one way"),
    (block(group=part("group", end=None)), "value: this ends in one way"),
    (block(group={"kind": "group", "unseen": "x", "list": {"get": "/a"}}), "value: what is not shown is not listed"),
    (block(group=part("group", list=None)), "value: all but the account itself is listed"),
    (block(group=part("group", kind="team")), "choice: 'team' is not a choice here"),
    (block(account={"active": "rows.on"}), "condition: 'rows' is not known here; try 'row'"),
    (block(account={"get": "/users/${id}"}), "slot: there is no ${id} here"),
    (block(account={"get": "/users/${account.name}"}), "slot: account has no part 'name'"),
    (block(found_by=[{**BY_MAIL, "by": "phone"}]), "choice: "),
    (
        block(found_by=[{**BY_MAIL, "query": {"q": "${whom.user_name}"}}]),
        "slot: whom has no part 'user_name'; try email",
    ),
    (block(found_by=[{**BY_MAIL, "when": "row.x"}]), "condition: 'row' is not known here"),
    (
        block(group=part("group", where="accounts.id == row.x")),
        "condition: 'accounts' is not known here; try 'account'",
    ),
    (block(group=part("group", name="${grant.name}")), "slot: there is no ${grant} here"),
    (block(group=ended("group", delete="/groups/${detail.slug}")), "slot: there is no ${detail} here"),
    (
        block(group=ended("group", delete="/groups/${account.id}")),
        "end: the request does not say what it takes away; try ${grant.id}",
    ),
    (
        block(sign_in=ended("sign_in", patch="/users")),
        "end: the request does not say what it takes away; try ${account.id}",
    ),
    (block(task=ended("task", still=None)), "still: work may be somebody else's by now"),
    (block(task=ended("task", still={**STILL, "holds": "body.x"})), "condition: 'body' is not known here"),
    (block(task=ended("task", first={"post": "/a", "shows": "row.x"})), "condition: 'row' is not known here"),
    (block(sign_in=ended("sign_in", still="listed")), "still: there is no list of accounts"),
    (block(group=part("group", secret_id=True)), "still: the request cannot know an id that is told to nobody"),
    (block(other=part("sign_in")), "kind: sign_in is the account already"),
    (
        block(other={**part("group", end=None), "by_hand": "at the desk"}),
        "kind: what is of the kind group is ended by us or by a person",
    ),
]


@pytest.mark.parametrize(("access", "problem"), ONE, ids=[problem for _, problem in ONE])
def test_each_problem_is_told_once(access: dict[str, Any], problem: str) -> None:
    found = told(("access", access))
    assert len(found) == 1, found
    assert found[0].startswith(problem), found


def test_a_value_beside_quotation_marks_is_a_problem_where_queries_are_a_language() -> None:
    loose = [{**BY_MAIL, "query": {"q": "mail = ${whom.email}"}}]
    assert told(("access", block(found_by=loose))) == []
    (found,) = told(("http", {"quotes": "backslash"}), ("access", block(found_by=loose)))
    assert found.startswith("quotes: ${whom.email} stands in a query without quotation marks")


@pytest.mark.parametrize(
    ("do", "problem"),
    [
        ({"end": "grup", "id": "1"}, "access: there is no 'grup' under access.has; try 'group'"),
        ({"end": "group", "find": "ticket"}, "value: a test does one thing"),
    ],
)
def test_a_test_in_a_file_names_what_there_is(do: Any, problem: str) -> None:
    (found,) = told(("access", block()), ("tests", [{"name": "x", "do": do, "expect": {}}]))
    assert found.startswith(problem)


def test_a_test_of_access_needs_the_block() -> None:
    (found,) = told(("tests", [{"name": "x", "do": {"holdings": "7"}, "expect": {}}]))
    assert found.startswith("access: this file says nothing of access")


def test_the_page_that_tells_how_shows_a_block_that_holds_its_own_tests() -> None:
    page = (Path(__file__).parents[4] / "docs" / "how-to" / "say-how-access-ends.md").read_text()
    parts = [YAML(typ="safe").load(each) for each in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)]
    whole, several, tests = parts
    file = file_of(("access", whole["access"]), ("tests", tests["tests"]))
    assert [(each.name, each.failures) for each in run(file)] == [(each["name"], ()) for each in tests["tests"]]
    whole["access"]["has"]["ticket"]["end"] = several["end"]
    assert told(("access", whole["access"])) == []
