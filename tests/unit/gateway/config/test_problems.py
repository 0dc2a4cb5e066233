"""A broken file: every problem with its place, and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.loader import LIBRARY
from tests.unit.gateway.config.support import GOOD, told

MISTAKES = [
    ("lockstep: 1", "lockstep: 2", "1:11: error[choice]: '2' is not a choice here"),
    ("lockstep: 1\n", "", "1:1: error[missing-key]: key 'lockstep' is missing; try adding 'lockstep:'"),
    ("timeout: 5s", "timeot: 5s", "13:5: error[unknown-key]: unknown key 'timeot'; try 'timeout'"),
    ("timeout: 5s", "timeout: 5", "13:14: error[value]: this should be a duration; try 30s, 2m, 1h or 7d"),
    ("timeout: 5s", "concurrency: many", "13:18: error[kind]: this should be a whole number"),
    ("timeout: 5s", "poll: {every: 30}", "13:19: error[value]: this should be a duration; try 30s, 2m, 1h or 7d"),
    (
        "timeout: 5s",
        "poll: false",
        "13:5: error[deaf]: nothing would tell of changes in jira; try 'webhook:' or 'poll:'",
    ),
    ("connector: jira", "connector: jria", "10:16: error[unknown-connector]: there is no connector 'jria'; try 'jira'"),
    ("https://example", "ftp://example", "11:10: error[value]: this is not the address of a system; try https://host"),
    (
        "{basic: {user: lockstep@",
        "{bsic: {user: lockstep@",
        "12:12: error[unknown-key]: unknown key 'bsic'; try 'basic'",
    ),
    (
        "type: incident",
        "type: incidnt",
        "16:11: error[unknown-type]: there is no record type 'incidnt'; try 'incident'",
    ),
    (
        "type: incident",
        "key: summary\n    type: incident",
        "16:10: error[value]: 'summary' is not a key; try 'correlation' or '{natural: field}'",
    ),
    (
        "type: incident",
        "key: {natural: smmary}\n    type: incident",
        "16:20: error[unknown-field]: the type incident has no field 'smmary'; try 'summary'",
    ),
    (
        "      jira: {object",
        "      jra: {object",
        "19:7: error[unknown-connection]: there is no connection 'jra'; try 'jira'",
    ),
    (
        "mapping: jira-issue",
        "mapping: jira-isue",
        "19:38: error[unknown-mapping]: there is no mapping 'jira-isue'; try 'jira-issue'",
    ),
    (
        "object: issue",
        "object: issues",
        "19:22: error[object-mismatch]: the mapping jira-issue is for issue, not for issues; try 'issue'",
    ),
    (
        "mapping: jira-issue",
        "mapping: servicenow-incident",
        "19:38: error[system-mismatch]: the mapping servicenow-incident is for servicenow, jira is jira",
    ),
    (
        "with: {project: OPS}",
        "with: {projekt: OPS}",
        "19:57: error[options]: projekt is not an option; did you mean 'project'?",
    ),
    ("in: [jira]", "in: [jra]", "20:19: error[unknown-member]: 'jra' is not a member of this flow; try 'jira'"),
    (
        "record.priority in",
        "record.priorty in",
        "20:40: error[condition]: the record has no field 'priorty'; try 'priority'",
    ),
    (
        "labels: union",
        "lables: union",
        "21:59: error[unknown-field]: the type incident has no field 'lables'; try 'labels'",
    ),
    ("labels: union", "labels: unoin", "21:67: error[choice]: 'unoin' is not a choice here; try 'union'"),
    ("default: latest", "default: union", "21:22: error[merge]: union cannot be the default; try 'latest'"),
    (
        "assignee: manual",
        "assignee: append_only",
        (
            "21:84: error[merge]: append_only is for fields of kind text, assignee is user; "
            "try 'latest', 'authority' or 'manual'"
        ),
    ),
    (
        "authority: [jira]",
        "authority: [jria]",
        "21:51: error[unknown-member]: 'jria' is not a member of this flow; try 'jira'",
    ),
    (
        "summary: latest",
        "summary: newest",
        "22:24: error[choice]: 'newest' is not a choice here; try one of: every_change, latest",
    ),
    (
        "summary: latest",
        "sumary: latest",
        "22:15: error[unknown-field]: the type incident has no field 'sumary'; try 'summary'",
    ),
    ("[snow, jira]", "[snow, snow]", "23:23: error[duplicate-value]: 'snow' is listed twice; try removing one"),
    (
        "    authority: [snow",
        "    on_delete: kill\n    authority: [snow",
        "23:16: error[choice]: 'kill' is not a choice here; try one of: close, case, ignore",
    ),
    (
        "lockstep: 1\n",
        "lockstep: 1\nretention: {journal: 30d, receipts: 7d}\n",
        (
            "2:37: error[retention]: receipts kept shorter than the journal would let a replay act twice; "
            "try leaving it out"
        ),
    ),
    (
        "lockstep: 1\n",
        "lockstep: 1\nlisten: here\n",
        "2:9: error[value]: this is not an address to listen at; try 127.0.0.1:8080",
    ),
    (
        "lockstep: 1\n",
        "lockstep: 1\ndatabase: postgresql://db/lockstep\n",
        "2:11: error[value]: this is not a database; try postgresql+asyncpg://user@host/name",
    ),
    (
        "lockstep: 1\n",
        "lockstep: 1\ndatabase: postgresql+asyncpg://db:no-port/lockstep\n",
        "2:11: error[value]: this is not a database; try postgresql+asyncpg://user@host/name",
    ),
    (
        "lockstep: 1\n",
        "lockstep: 1\nstream: kafka://\n",
        "2:9: error[value]: this is not a stream; try kafka://host:9092",
    ),
    ("lockstep: 1\n", "lockstep: 1\nlimits: {body: 10}\n", "2:16: error[value]: this should be a size; try 10MB"),
    (
        "lockstep: 1\n",
        "lockstep: 1\ncases: {urgent: {field: priorty, values: [critical]}}\n",
        "2:25: error[unknown-field]: no record type of a flow has a field 'priorty'; try 'priority'",
    ),
    (
        "lockstep: 1\n",
        "lockstep: 1\ncases:\n  urgent:\n    field: priority\n    values: [critical, hihg]\n",
        "5:24: error[unknown-value]: priority is never 'hihg'; try 'high'",
    ),
    (
        "  snow:\n    connector",
        "  Snow:\n    connector",
        "3:3: error[name]: a name has lower case letters, digits and _, and begins with a letter",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "expected"), MISTAKES, ids=[expected for *_, expected in MISTAKES])
def test_a_mistake_is_told_with_its_place(tmp_path: Path, right: str, wrong: str, expected: str) -> None:
    assert right in GOOD
    assert expected in told(tmp_path, GOOD.replace(right, wrong, 1))


def test_the_good_one_has_no_problems(tmp_path: Path) -> None:
    assert told(tmp_path, GOOD) == []


def test_urgent_fields_of_types_that_are_not_there_are_no_second_problem(tmp_path: Path) -> None:
    urgent = "lockstep: 1\ncases: {urgent: {field: anything, values: [all]}}\n"
    found = told(tmp_path, GOOD.replace("lockstep: 1\n", urgent).replace("type: incident", "type: incidnt"))
    assert "unknown-type" in found[0] and not [each for each in found if "field" in each]


def test_an_urgent_field_that_is_free_text_may_have_any_value(tmp_path: Path) -> None:
    urgent = "lockstep: 1\ncases: {urgent: {field: summary, values: [on fire]}}\n"
    assert told(tmp_path, GOOD.replace("lockstep: 1\n", urgent)) == []


def test_shapes_references_secrets_and_mappings_are_told_in_one_pass(tmp_path: Path) -> None:
    broken = (LIBRARY / "jira-issue.yaml").read_text().replace("  summary: {path", "  sumary: {path")
    (tmp_path / "our.yaml").write_text(broken)
    text = GOOD.replace('"${SNOW_PASSWORD}"', "hunter2").replace("timeout: 5s", "timeout: soon")
    text = (
        text.replace("mapping: jira-issue", "mapping: our.yaml")
        .replace("in: [jira]", "in: [jra]")
        .replace("union", "unoin")
    )
    assert [line.partition("]")[0].partition("[")[2] for line in told(tmp_path, text)] == [
        "secret-literal",
        "value",
        "unknown-member",
        "choice",
        "unknown-field",
    ]


def test_what_was_left_out_because_of_a_mistake_is_not_missed_again(tmp_path: Path) -> None:
    """A connection without address is one problem, not also an unknown member of the flow."""
    assert told(tmp_path, GOOD.replace("    url: https://example.atlassian.net\n", "")) == [
        "9:3: error[missing-key]: key 'url' is missing; try adding 'url:'"
    ]


def test_one_object_in_two_flows_needs_conditions(tmp_path: Path) -> None:
    flow = GOOD[GOOD.index("  incidents:") :]
    twice = GOOD + flow.replace("incidents:", "others:")
    said = [
        f"{line}:7: error[shared-object]: {object} belongs to flow incidents already (line {first}), not to others, "
        "too; try a second connection to the same system for others, or one flow for both"
        for line, first, object in ((27, 18, "incident of snow"), (28, 19, "issue of jira"))
    ]
    assert told(tmp_path, twice) == said
    divided = twice.replace("servicenow-incident}", "servicenow-incident, where: \"record.priority == 'low'\"}")
    assert told(tmp_path, divided) == said, "conditions do not divide them: changes go to one flow only"


@pytest.mark.parametrize("text", ["", "[]", "just words", "lockstep: [", "a: 1\na: 2"])
def test_files_that_are_no_configuration(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text)
