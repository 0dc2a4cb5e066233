"""The page about the conformance kit names every rule, every grade and every field of the fixture."""

from __future__ import annotations

from dataclasses import fields

from connectors.conformance.grading import ORDER
from connectors.conformance.run import names
from connectors.contract.fixture import Fixture
from tests.unit.docs.places import REPOSITORY

PAGE = (REPOSITORY / "docs" / "reference" / "conformance.md").read_text()


def test_every_rule_is_told() -> None:
    assert [name for name in names() if f"`{name}`" not in PAGE] == []


def test_every_grade_is_told_in_its_order() -> None:
    places = [PAGE.find(f"| {grade.value} |") for grade in ORDER]
    assert -1 not in places
    assert places == sorted(places)


def test_every_field_of_the_fixture_is_told() -> None:
    told = PAGE.partition("## The fixture")[2]
    assert [each.name for each in fields(Fixture) if f"`{each.name}`" not in told] == []
