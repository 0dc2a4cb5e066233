"""CEL conditions: decided, or refused with a place."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.errors import ConfigError, Disposition, MappingError, disposition
from connectors.contract.written.conditions import check_condition, compile_condition

FIELDS = ("priority", "status", "labels", "summary", "assignee")


@pytest.mark.parametrize(
    ("text", "record", "expected"),
    [
        ("record.priority in ['critical','high']", {"priority": "high"}, True),
        ("record.priority in ['critical', 'high']", {"priority": None}, False),
        ("record.priority == 'low' && 'vip' in record.labels", {"priority": "low", "labels": ["vip"]}, True),
        ("record.labels.exists(label, label.startsWith('sec'))", {"labels": ["security"]}, True),
        ("!(record.status in ['closed', 'canceled'])", {"status": "new"}, True),
        ("record.assignee == null", {}, True),
        ("size(record.summary) > 3", {"summary": "mail"}, True),
        ("true", {}, True),
    ],
)
def test_decisions(text: str, record: dict[str, Any], expected: bool) -> None:
    assert compile_condition(text, fields=FIELDS)(record) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("record.priority ==", "1:19: error[condition]: this is not a CEL condition: mismatched input 'the end'"),
        ("record.priorty == 'x'", "1:8: error[condition]: the record has no field 'priorty'; try 'priority'"),
        (
            "record.status == 'record.oops' &&\n recrd.priority == 'x'",
            "2:2: error[condition]: 'recrd' is not known here; try 'record.recrd'",
        ),
        ("priority == 'x'", "1:1: error[condition]: 'priority' is not known here; try 'record.priority'"),
        ("starts(record.summary, 'x')", "1:1: error[condition]: 'starts' is not a function of CEL; try 'startsWith'"),
        (
            "record.summary.startWith('x')",
            "1:16: error[condition]: 'startWith' is not a function of CEL; try 'startsWith'",
        ),
    ],
)
def test_faults_have_a_place_and_a_way_out(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_condition(text, fields=FIELDS, file="flow.yaml")
    assert caught.value.problems == [f"flow.yaml:{expected}"]


def test_all_faults_at_once() -> None:
    assert len(check_condition("record.priorty == 'x' && foo(record.sumary)", fields=FIELDS)) == 3


@pytest.mark.parametrize(
    "text", ["record.summary", "record.labels[3] == 'x'", "record.other == 1", "record.priority < 3"]
)
def test_what_cannot_be_decided_becomes_a_case(text: str) -> None:
    condition = compile_condition(text)
    with pytest.raises(MappingError) as caught:
        condition({"summary": "x", "labels": [], "priority": "high"})
    assert disposition(caught.value) is Disposition.CASE
    assert text in str(caught.value)
