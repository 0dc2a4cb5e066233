"""What the README promises by kind of system, and what the connectors declare, is the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from connectors.conformance.subject import subject, with_fixtures
from connectors.contract.clock import SystemClock
from connectors.contract.values import ObjectSpec, VersionKind
from tests.support.shared import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
ROWS: dict[str, Callable[[ObjectSpec], bool]] = {
    "conditional writes (`If-Match`)": lambda spec: spec.conditional,
    "a version number and readable history": lambda spec: not spec.conditional and _counts(spec) and spec.history,
    "a time and readable history": lambda spec: not spec.conditional and not _counts(spec) and spec.history,
    "a time only, no history, or neither": lambda spec: not (spec.conditional or _counts(spec) or spec.history),
}
NAMES = re.compile(r"ServiceNow|Jira|GitHub|GitLab|Jenkins|Salesforce|HubSpot|BambooHR|SCIM")


def _counts(spec: ObjectSpec) -> bool:
    return spec.version_kind is VersionKind.COUNTER


def written() -> Iterator[tuple[str, ObjectSpec]]:
    """Each connector that writes to objects that are there, with one of them."""
    for name in with_fixtures():
        found = subject(name)
        for fixture in found.fixtures:
            if "update" in fixture.actions:
                settings = fixture.sandbox("http://127.0.0.1:9", "lockstep")
                yield name, found.factory(settings, clock=SystemClock()).specs[fixture.object]


def named(text: str) -> set[str]:
    """The connectors that a cell names."""
    return {each.lower() for each in NAMES.findall(text)}


@pytest.mark.parametrize("row", ROWS)
def test_what_can_be_seen_of_an_edit_between_our_read_and_our_write(row: str) -> None:
    line = next(each for each in README.splitlines() if each.startswith(f"| {row} |"))
    assert named(line.split("|")[2]) == {name for name, spec in written() if ROWS[row](spec)}


def test_every_connector_is_spoken_of() -> None:
    table = README.partition("## What there is, and what not")[2]
    assert named(table) >= set(with_fixtures())


def test_where_only_values_prove_a_write_is_told() -> None:
    line = next(each for each in README.splitlines() if "only its values can prove it" in each)
    assert named(line.split("|")[1]) == {name for name, spec in written() if not spec.history}
