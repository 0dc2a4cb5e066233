"""The instance's rules on rows, without an instance."""

from __future__ import annotations

import pytest

from connectors.sandbox.people import PEOPLE
from connectors.sandbox.servicenow.rules import insert_incident, priority_of, update_incident
from connectors.sandbox.servicenow.task_tables import INCIDENT
from connectors.sandbox.site import Refusal

NOW = "2026-01-02 03:04:05"
ANN, ADMIN = (person for person in PEOPLE if person.name in ("ann", "admin"))


def _incident(**fields: str) -> dict[str, str]:
    row = dict.fromkeys(INCIDENT.columns, "") | dict(INCIDENT.defaults) | fields
    return insert_incident(row, person=ANN, now=NOW)


def test_priority_follows_the_published_matrix() -> None:
    published = {
        ("1", "1"): "1",
        ("1", "2"): "2",
        ("1", "3"): "3",
        ("2", "1"): "2",
        ("2", "2"): "3",
        ("2", "3"): "4",
        ("3", "1"): "3",
        ("3", "2"): "4",
        ("3", "3"): "5",
    }
    assert {pair: priority_of(*pair) for pair in published} == published
    assert priority_of("", "1") == priority_of("9", "1") == ""


def test_an_update_of_nothing_is_the_same_row() -> None:
    row = _incident()
    assert update_incident(row, {"state": "1", "comments": "said"}, person=ANN, now=NOW) == row


def test_an_incident_may_be_created_resolved_but_not_without_a_code() -> None:
    done = _incident(state="6", close_code="Duplicate", close_notes="n")
    assert (done["resolved_at"], done["active"]) == (NOW, "true")
    with pytest.raises(Refusal):
        _incident(state="6")


def test_a_cancelled_incident_stays_cancelled_but_for_admins() -> None:
    row = update_incident(_incident(), {"state": "8"}, person=ANN, now=NOW)
    assert (row["active"], row["closed_at"]) == ("false", NOW)
    with pytest.raises(Refusal):
        update_incident(row, {"state": "2"}, person=ANN, now=NOW)
    assert update_incident(row, {"state": "2"}, person=ADMIN, now=NOW)["state"] == "2"


def test_reassignment_is_counted() -> None:
    first = update_incident(_incident(), {"assigned_to": "x"}, person=ANN, now=NOW)
    second = update_incident(first, {"assigned_to": "y"}, person=ANN, now=NOW)
    assert (first["reassignment_count"], second["reassignment_count"]) == ("0", "1")
