"""`leavers:` of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load, read

WHOLE = """
lockstep: 1
connections:
  hr: {connector: scim, url: "https://hr.example.com", auth: {bearer: {token: "${TOKEN}"}}}
  app: {connector: scim, url: "https://app.example.com", auth: {bearer: {token: "${TOKEN}"}}}
flows:
  people:
    type: person
    members:
      hr: {object: user, mapping: scim-user}
      app: {object: user, mapping: scim-user}
"""


def problems(tmp_path: Path, block: str) -> list[str]:
    file = tmp_path / "lockstep.yaml"
    file.write_text(WHOLE + block)
    _, found = read(file, {"TOKEN": "t"})
    return [f"{each.rule}: {each.text}" for each in found]


def test_what_is_left_out_is_the_usual(tmp_path: Path) -> None:
    file = tmp_path / "lockstep.yaml"
    file.write_text(WHOLE)
    rules = load(file, {"TOKEN": "t"}).leavers
    assert rules.sources == {} and rules.zone == "UTC" and rules.checks_s == (3600.0, 86400.0, 604800.0)
    assert rules.due.of(privileged=True) == 3600.0 and rules.due.of(privileged=False) == 14400.0


def test_a_whole_block(tmp_path: Path) -> None:
    file = tmp_path / "lockstep.yaml"
    block = """
leavers:
  from: [{flow: people, when: "record.active == false", zone: {field: location, of: {Berlin: Europe/Berlin}}}]
  systems: {hr: false, app: {due: {usual: 10m, privileged: 20m}, hand_over_first: true, look_by_hand: [token]}}
  by_hand: {badge: {owner: Facilities, instruction: Take it back., on: [leaver, absence]}}
  roles: [{if: {department: Finance}, has: {app: ["group:Finance: EU", "role:fin_*"]}}]
"""
    file.write_text(WHOLE + block)
    rules = load(file, {"TOKEN": "t"}).leavers
    assert rules.sources["people"].moves == ("title", "department") and rules.left_out == {"hr"}
    app = rules.system("app")
    # Privileged is never later than usual, whatever was written.
    assert app.due.of(privileged=True) == 600.0 and app.hand_over_first and app.look_by_hand == {"token"}
    assert rules.roles[0].has["app"] == (("group", "Finance: EU"), ("role", "fin_*"))
    assert rules.by_hand["badge"].on == {"leaver", "absence"}


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("from: [{flow: peopel}]", "unknown-flow: there is no flow 'peopel'"),
        ("from: [{flow: people}, {flow: people}]", "duplicate-value: what the records of people tell is said already"),
        ('from: [{flow: people, when: "record.shoe == 1"}]', "condition: the record has no field 'shoe'"),
        ("from: [{flow: people, ends: name}]", "field-kind: name is of kind text; a last day is of kind time"),
        ("from: [{flow: people, moves: [shoe]}]", "unknown-field: the type person has no field 'shoe'"),
        ("systems: {hrr: {hand_over_first: true}}", "unknown-connection: there is no connection 'hrr'"),
        ("by_hand: {app: {owner: a, instruction: b}}", "duplicate-value: app is a connection; a system that is done"),
        ("zone: Nowhere/City", "value: there is no time zone 'Nowhere/City'"),
        ("roles: [{if: {department: F}, has: {app: [fin]}}]", "value: this should say what is meant and its name"),
        ("guard: {systems: {hrr: [5/h]}}", "unknown-connection: there is no connection 'hrr'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, block: str, told: str) -> None:
    found = problems(tmp_path, f"leavers:\n  {block}\n")
    assert len(found) == 1 and told in found[0], found


def test_causes_of_a_rule_are_known_ones(tmp_path: Path) -> None:
    good = "notifications: {rules: [{to: log, causes: [leaver.past_due]}]}\n"
    assert problems(tmp_path, good) == []
    assert "unknown-cause" in problems(tmp_path, good.replace("past_due", "past_do"))[0]
