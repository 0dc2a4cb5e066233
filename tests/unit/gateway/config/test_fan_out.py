"""Templates in the configuration: where the tasks go must be able to hold them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.config import read

EXAMPLE = Path(__file__).parents[4] / "examples" / "onboarding"
ENV = dict.fromkeys(("SNOW_PASSWORD", "SNOW_HOOK", "JIRA_TOKEN", "JIRA_HOOK"), "x") | {
    "SNOW_URL": "https://snow.test",
    "JIRA_URL": "https://jira.test",
}


FANNED_OUT = """    fan_out:
      - {tasks: onboarding.yaml, into: onboarding}
      - {tasks: facilities.yaml, into: facilities}
"""


@pytest.fixture
def example(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    return tmp_path / "lockstep.yaml"


def told(file: Path, before: str, after: str, *, where: str = "lockstep.yaml") -> list[str]:
    """The problems, once this was written instead of that."""
    spoilt = file.parent / where
    text = spoilt.read_text()
    assert before in text
    spoilt.write_text(text.replace(before, after))
    _, problems = read(file, ENV)
    return [f"{Path(each.file).name}: {each.rule}: {each.text}" for each in problems]


def test_the_example_has_no_problems(example: Path) -> None:
    config, problems = read(example, ENV)
    assert problems == [] and config is not None
    found = [(fan.into, fan.plan.label) for fan in config.flows["requests"].fan_out]
    assert found == [("onboarding", "onboarding@1"), ("facilities", "facilities@1")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("into: onboarding", "into: onbording", "unknown-flow: there is no other flow 'onbording'"),
        ("into: onboarding", "into: requests", "unknown-flow: there is no other flow 'requests'"),
        ("tasks: onboarding.yaml", "tasks: gone.yaml", "file: "),
        (
            "    create: {in: [jira]}\n",
            "",
            "fan-out: the flow onboarding creates nothing anywhere, so nobody would see the tasks",
        ),
        (
            "    create: {in: [jira]}\n",
            "    create: {in: [jira]}\n    fan_out: [{tasks: onboarding.yaml, into: requests}]\n",
            "fan-out: the flow onboarding makes tasks itself; tasks of tasks are not made",
        ),
        (
            "      - {tasks: onboarding.yaml, into: onboarding}\n",
            "      - {tasks: onboarding.yaml, into: onboarding}\n" * 2,
            "duplicate-value: the template 'onboarding' is named twice; its tasks could not be told apart",
        ),
        (
            FANNED_OUT,
            "",
            "members: one member alone is in step with nothing",
        ),
    ],
)
def test_a_mistake_in_the_configuration(example: Path, before: str, after: str, expected: str) -> None:
    assert any(expected in each for each in told(example, before, after))


def test_a_template_for_other_types(example: Path) -> None:
    said = told(example, "from: request\nto: task", "from: task\nto: request", where="onboarding.yaml")
    assert all(each.startswith("onboarding.yaml") for each in said) and said, "its own mistakes come first"
    (example.parent / "onboarding.yaml").write_text(
        "tasks: onboarding\nfrom: task\nto: request\nmake: {one: {set: {summary: x, status: new}}}\n"
        "roll_up: {field: status, done: [done]}\n"
    )
    _, problems = read(example, ENV)
    assert [each.text for each in problems] == [
        "onboarding makes request, the flow onboarding is about task",
        "onboarding makes tasks of task, the flow requests is about request",
    ]
