"""OCSF and ECS as their schemas have them, for every kind that the program writes, whatever an entry holds."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.known_kinds import KINDS
from gateway.siem.forms.classes import OTHER, SORTS
from gateway.siem.forms.kinds import DEFAULT, TABLE, row_of
from gateway.siem.forms.rendering import rendered
from gateway.siem.forms.sender import Form
from tests.support.feed import SENDER, Feed, event
from tests.support.ocsf import FILES, problems, schema_of
from tests.support.shared import require_shared

FAMILIES = [row.kind.replace("*", "x") for row in (*TABLE, DEFAULT)]
DETAILS: list[dict[str, Any]] = [
    {},
    {"person": "olaf", "roles": ["admin"], "address": "192.0.2.7", "by": "x"},
    {"before": {"person": "olaf", "roles": ["viewer"]}, "after": {"person": "olaf", "roles": ["admin"]}},
    {"before": {"person": "olaf", "roles": ["admin"]}, "after": {"person": "olaf", "roles": []}},
    {"group": "admins", "address": "no address", "roles": None, "n": 1.5, "deep": {"a": [1, {"b": None}]}},
]
EVENT_TYPES = {
    "api": {"access", "admin", "allowed", "change", "creation", "deletion", "denied", "end", "info", "start", "user"},
    "authentication": {"start", "end", "info"},
    "configuration": {"access", "change", "creation", "deletion", "info"},
    "database": {"access", "change", "info", "error", "creation", "deletion"},
    "iam": {"admin", "change", "creation", "deletion", "group", "info", "user"},
    "process": {"access", "change", "end", "info", "start"},
    "session": {"start", "end", "info"},
}
"""Which types ECS expects with which category [ECS, event.category]."""


def made(kind: str, form: Form, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rendered(event(kind, **more), form, SENDER).body)
    return found


def test_every_kind_that_the_program_writes_has_a_line_of_the_table() -> None:
    assert [kind for kind in KINDS if row_of(kind) is DEFAULT] == []
    assert row_of("leaver_whatever") is not DEFAULT
    assert row_of("nobody_knows") is DEFAULT


def test_every_line_of_the_table_can_be_reached() -> None:
    hidden = [row.kind for row in TABLE if row_of(row.kind.replace("*", "\u00a7")) is not row]
    assert hidden == []


def test_the_classes_are_those_of_theschema_of() -> None:
    for sort in SORTS:
        schema = schema_of(FILES[sort.uid])
        known = schema["attributes"].get("activity_id", {}).get("enum", {})
        assert schema["caption"] == sort.name
        assert (
            not known
            or {str(uid): name for uid, name in sort.activities.items()}.items()
            <= {uid: each["caption"] for uid, each in known.items()}.items()
        )
    assert [row.kind for row in TABLE if row.activity != OTHER and row.activity not in row.sort.activities] == []


def test_every_kind_is_valid_ocsf() -> None:
    bare: dict[str, Any] = {"actor": "", "text": "", "record": "", "connection": "", "position": 0, "link": ""}
    found = {}
    for kind in sorted({*KINDS, *FAMILIES}):
        events = [made(kind, Form.OCSF, detail=each, outcome=how) for each in DETAILS for how in ("", "open", "failed")]
        events.append(made(kind, Form.OCSF, detail={}, **bare))
        found[kind] = sorted({problem for event in events for problem in problems(event)})
    assert {kind: each for kind, each in found.items() if each} == {}


def test_heartbeats_and_summaries_are_valid_too() -> None:
    feed = Feed(Form.OCSF)
    feed.add(event())
    feed.beat()
    feed.sum_up()
    assert [problems(json.loads(line)) for line in feed.lines] == [[], [], []]


def test_the_validator_sees_what_is_wrong() -> None:
    good = made("person_added", Form.OCSF)
    assert problems({**good, "colour": "red"}) == ["account_change has no colour"]
    assert problems({key: value for key, value in good.items() if key != "user"}) == ["account_change lacks user"]
    assert problems({**good, "time": "2026"}) != []
    assert problems({**good, "severity_id": 17}) != []
    assert problems({**good, "activity_id": 55, "type_uid": 300155}) != []
    assert problems({**good, "user": {"shoe_size": "44", "name": "x"}})[0] == "user has no shoe_size"
    assert problems({**good, "user": {}}) != []
    assert problems({**good, "metadata": {"version": "1.6.0"}}) == ["metadata lacks product"]
    assert problems({**made("signed_in", Form.OCSF), "service": None}) != []


def test_published_examples_pass_as_far_as_they_are_of_our_classes() -> None:
    folder = require_shared("vendor", "fixtures", "siem")
    example = json.loads((folder / "ocsf.account_change-3001-v1.1.json").read_text())
    ours = made("person_added", Form.OCSF)
    same = ("class_uid", "class_name", "category_uid", "activity_id", "activity_name", "type_uid", "type_name")
    assert {name: ours[name] for name in same} == {name: example[name] for name in same}


@cache
def fields() -> dict[str, dict[str, str]]:
    with require_shared("vendor", "specs", "ecs", "fields.csv").open(encoding="utf-8", newline="") as file:
        return {row["Field"]: row for row in csv.DictReader(file)}


def flat(value: dict[str, Any], within: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in value.items():
        found |= flat(each, f"{within}{name}.") if isinstance(each, dict) else {within + name: each}
    return found


def wrong_in_ecs(told: dict[str, Any]) -> Iterator[str]:
    own = {name: value for name, value in told.items() if name.startswith("lockstep.")}
    if own["lockstep.chain.number"] != 1:
        yield "it has no chain"
    for name in sorted(set(told) - set(own)):
        entry = fields().get(name)
        if entry is None:
            yield f"{name} is no field of ECS"
        elif isinstance(told[name], list) != (entry["Normalization"] == "array"):
            yield f"{name} is {entry['Normalization']} or not"
        elif isinstance(told[name], int) != (entry["Type"] in ("long", "float")):
            yield f"{name} is of type {entry['Type']}"
    for category in told["event.category"]:
        yield from (f"{category} has no {each}" for each in set(told["event.type"]) - EVENT_TYPES[category])
    if told["event.outcome"] not in ("success", "failure", "unknown") or told["event.kind"] not in ("event", "alert"):
        yield f"{told['event.kind']}, {told['event.outcome']}"


def test_every_kind_is_valid_ecs() -> None:
    full = {"record": "re1", "connection": "crm", "cause": "FO-1", "trace": "ab" * 16, "correlation": "x"}
    found = {}
    for kind in sorted({*KINDS, *FAMILIES}):
        events = [flat(made(kind, Form.ECS, detail=each, **full)) for each in DETAILS]
        found[kind] = sorted({problem for event in events for problem in wrong_in_ecs(event)})
    assert {kind: each for kind, each in found.items() if each} == {}


def test_no_field_of_ecs_is_called_as_ours() -> None:
    assert [name for name in fields() if name.split(".")[0] == "lockstep"] == []


def test_what_the_detail_holds_is_one_text_so_that_no_store_learns_a_type_from_it() -> None:
    for form, at in ((Form.OCSF, "unmapped"), (Form.ECS, "lockstep")):
        first = made("token_created", form, detail={"n": 1, "at": {"x": 1}})[at]
        other = made("token_created", form, detail={"n": "one", "at": "then"})[at]
        assert {name: type(value) for name, value in first.items()} == {name: type(v) for name, v in other.items()}
        assert json.loads(first["detail"]) == {"n": 1, "at": {"x": 1}}


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    actor=st.text(min_size=1, max_size=50),
    detail=st.dictionaries(
        st.text(max_size=9), st.one_of(st.text(), st.integers(), st.floats(), st.none()), max_size=4
    ),
)
def test_nothing_that_a_person_types_makes_it_invalid(kind: str, actor: str, detail: dict[str, Any]) -> None:
    assert problems(made(kind, Form.OCSF, actor=actor, text=actor, detail=detail)) == []


def test_roles_that_only_went_are_removed_and_others_assigned() -> None:
    def activity(before: list[str], after: list[str]) -> tuple[int, list[str]]:
        detail = {"before": {"person": "o", "roles": before}, "after": {"person": "o", "roles": after}}
        told = made("person_changed", Form.OCSF, detail=detail)
        return told["activity_id"], told["privileges"]

    assert activity(["viewer"], ["viewer", "admin"]) == (3, ["admin"])
    assert activity(["viewer", "admin"], ["viewer"]) == (4, ["admin"])
    assert activity(["viewer"], ["viewer"])[0] == OTHER


def test_a_finding_is_an_alert_when_it_is_made_and_not_when_it_is_over() -> None:
    full, over = made("siem_spool_full", Form.OCSF), made("siem_spool_drained", Form.OCSF)
    assert [(each["status"], each["is_alert"]) for each in (full, over)] == [("New", True), ("Resolved", False)]
    told = [made(kind, Form.ECS)["event"]["kind"] for kind in ("siem_spool_full", "siem_spool_drained")]
    assert told == ["alert", "event"]
