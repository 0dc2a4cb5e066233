"""References in the configuration: where they lead, and what is said there, must fit the types on both sides."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.config import read

EXAMPLE = Path(__file__).parents[4] / "examples" / "delivery"
NAMES = ("HUB_TOKEN", "HUB_HOOK", "HUB_OWNER", "HUB_REPO", "JIRA_TOKEN", "JIRA_HOOK", "SNOW_PASSWORD", "SNOW_HOOK")
ENV = dict.fromkeys(NAMES, "x") | {f"{name}_URL": f"https://{name.lower()}.test" for name in ("HUB", "JIRA", "SNOW")}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    return tmp_path / "lockstep.yaml"


def test_the_example_has_no_problems(example: Path) -> None:
    config, problems = read(example, ENV)
    assert problems == [] and config is not None
    (refers,) = config.flows["commits"].refers
    record = {"references": ["OPS-1"], "message": "OPS-1"}
    assert refers.names(record) == ["OPS-1"]
    assert refers.answer(record, ["OPS-1"], []) == {"check": "passed", "check_note": "References OPS-1"}
    through, direct = config.flows["deployments"].refers
    assert (dict(through.through), dict(direct.through)) == ({"commits": "hub"}, {})
    values, text = through.tells[0].says({"stage": "prod"})
    assert (values, text, through.tells[0].forward) == ({"stage": "prod"}, "", True)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("through: {commits: hub}", "through: {comits: hub}", "unknown-flow: there is no flow 'comits'"),
        ("through: {commits: hub}", "through: {tasks: jira}", "refers: the flow tasks refers to nothing"),
        ("to: {tasks: jira}", "to: {tasks: hub}", "unknown-member: 'hub' is not a member of the flow tasks"),
        ("- from: commit  ", "- from: created  ", "unknown-field: 'created' is not a field of kind set or text"),
        ("order: created", "order: note", "unknown-field: 'note' is not a field of kind time of deployment"),
        (
            "- from: references               # and",
            "- from: commit  # and",
            "duplicate-value: what follows from commit",
        ),
        ('{stage: "${stage}"}', '{stage: "${state}x"}', "template: stage is enum, which this text does not give"),
        ('{stage: "${stage}"}', "{stage: live}", "unknown-value: 'live' is not a value of stage"),
        ('{stage: "${stage}"}', '{phase: "${stage}"}', "unknown-field: the type tracked has no field 'phase'"),
        ('{stage: "${stage}"}', '{comments: "x"}', "unknown-field: comments of tracked cannot be set"),
        ('"Deployed to ${environment}. ${note}"', '"${env}"', "unknown-field: the type deployment has no field 'env'"),
        ("when: \"record.state == 'failed'\"", "when: record.stat == 'x'", "condition: the record has no field 'stat'"),
        ('comment: "Deployed to ${environment}. ${note}"', "forward: false", "refers: healthy says nothing"),
        ("{check: passed,", "{check: good,", "unknown-value: 'good' is not a value of check"),
        ('{tracked: "${found}"}', '{tracked: "${fund}"}', "unknown-field: the type deployment has no field 'fund'"),
        (
            "mapping: jira-tracked.yaml, with: {project: OPS}}",
            "mapping: jira-tracked.yaml, with: {project: OPS}}\n    merge: {stage: manual}",
            "merge: in tasks a person decides about stage",
        ),
        ("    fan_out:\n", "    fan_uot:\n", "unknown-key"),
    ],
)
def test_a_mistake_is_told(example: Path, before: str, after: str, expected: str) -> None:
    text = example.read_text()
    assert before in text
    example.write_text(text.replace(before, after, 1))
    _, problems = read(example, ENV)
    assert any(expected in f"{each.rule}: {each.text}" for each in problems), [str(each) for each in problems]


def test_records_that_set_fields_of_each_other_are_refused(example: Path) -> None:
    back = "\n    refers: [{from: summary, to: {deployments: hub}, tell: {x: {set: {note: x}}}}]"
    text = example.read_text()
    example.write_text(text.replace("with: {project: OPS}}", f"with: {{project: OPS}}}}{back}"))
    _, problems = read(example, ENV)
    assert {each.text for each in problems if each.rule == "circle"} == {
        "what tasks sets comes back to it",
        "what deployments sets comes back to it",
    }
