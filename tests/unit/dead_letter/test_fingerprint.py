"""What is alike has one fingerprint, what is not has another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dead_letter.fingerprint import MAX_SHAPE, fingerprint, shape

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("ann@example.com", "bob.b@mail.example.org"),
        ("6816f79cc0a8016401c5a33be04be441", "5137153cc611227c000bbd1bd8cd2005"),
        ("8b0e7c1e-2b5c-4f4c-9d0a-0d6b6f1c2a11", "0D6B6F1C-2B5C-4F4C-9D0A-8B0E7C1E2A11"),
        ("INC0010001", "INC0041877"),
        ("OPS-12", "OPS-2231"),
        ("Component 17 is required for the project", "Component 4 is required for the project"),
        (["b", "a"], ["a", "b", "a"]),
        ("In  Review", "in review"),
    ],
)
def test_alike(left: Any, right: Any) -> None:
    assert shape(left) == shape(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("In Review", "Blocked"), ("7", "8"), (None, ""), (["a"], "a"), ({"a": 1}, {"b": 1}), ("P1", "P2")],
)
def test_not_alike(left: Any, right: Any) -> None:
    assert shape(left) != shape(right)


def test_a_personal_value_leaves_no_trace() -> None:
    assert shape("Ann Smith", personal=True) == shape("Bob", personal=True) == "<personal>"
    assert shape(["Ann Smith", "Bob"], personal=True) == "[<personal>]"


def test_the_parts_can_be_read() -> None:
    whole = fingerprint("value.unknown", flow="incidents", connection="jira", field="status", value="In Review")
    assert whole == "value.unknown flow=incidents connection=jira field=status value=in review"
    assert fingerprint("target.refused", connection="jira") == "target.refused connection=jira"


@given(json_values)
def test_any_value_has_a_short_shape_on_one_line(value: Any) -> None:
    text = shape(value)
    assert len(text) <= 4 * MAX_SHAPE  # folding case may lengthen a letter
    assert shape(value) == text
