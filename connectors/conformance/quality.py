"""quality.yaml: what a run found, written for reviewers, and held against what was committed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from connectors.conformance.grading import rank
from connectors.conformance.report import ActionReport, Report
from connectors.contract.clock import Clock

KIT = 2
"""Grows when a rule is added or asks for more, so that a grade says by which kit it was given."""
_HEAD = """# Measured by `lockstep connector test {name} --write`, never edited by hand.
# What the words mean: docs/reference/conformance.md
"""


def text(report: Report, clock: Clock) -> str:
    """The file's content. Raises ValueError for a run that did not ask every rule: it gives no grades."""
    if not report.whole:
        raise ValueError("only a whole run gives grades")
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    into = StringIO()
    yaml.dump(document(report, clock), into)
    return _HEAD.format(name=report.connector) + into.getvalue()


def document(report: Report, clock: Clock) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "connector": report.connector,
        "measured": True,
        "when": datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%d"),
        "release": release(),
        "kit": KIT,
        "against": report.against,
        "seed": report.seed,
        "actions": {each.action: _action(each) for each in report.actions},
        "rules": _rules(report),
    }


def release() -> str:
    """Of Lockstep; "unreleased" where it runs from its folder."""
    try:
        return version("lockstep-gateway")
    except PackageNotFoundError:
        return "unreleased"


def write(report: Report, file: Path, clock: Clock) -> None:
    """Replaces the file."""
    file.write_text(text(report, clock), encoding="utf-8")


def _action(each: ActionReport) -> dict[str, Any]:
    seen = {trial.fault: trial.tells() for trial in each.trials}
    return {"grade": each.grade and each.grade.value, "proof": each.proof, "seen": seen}


def _rules(report: Report) -> dict[str, dict[str, Any]]:
    told: dict[str, list[str]] = {}
    for held in report.held:
        told.setdefault(held.rule, []).append(held.evidence)
    for action in report.actions:
        for trial in action.trials:
            how = "; ".join(trial.complaints) or trial.word
            told.setdefault(trial.rule, []).append(f"{action.action.rpartition('.')[2]}: {how}")
    return {
        name: {"state": state, "evidence": "; ".join(dict.fromkeys(told[name]))}
        for name, state in report.rules().items()
    }


def falls(before: Mapping[str, Any], report: Report) -> list[str]:
    """What is worse than what was committed, one sentence each: a grade that fell, an action or a rule that is gone, a
    rule that held and does not hold any more. A file that was not measured promises nothing.
    """
    if before.get("measured") is not True:
        return []
    asked = before if report.against == before.get("against") else _without_people(before)
    now = {each.action: str(each.grade) for each in report.actions}
    found = []
    for action, said in (asked.get("actions") or {}).items():
        grade = str(said.get("grade", ""))
        if action not in now:
            found.append(f"{action} was graded {grade!r} and is not tested any more")
        elif rank(now[action]) > rank(grade):
            found.append(f"{action} fell from {grade!r} to {now[action]!r}")
    rules = report.rules()
    for name, said in (asked.get("rules") or {}).items():
        if said.get("state") == "held" and rules.get(name) != "held":
            found.append(f"{name} held and now {rules.get(name, 'is not asked')}")
    return found


def _without_people(before: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is asked of a staging system, too: how access ends is measured on stand-ins only."""
    return {
        part: {name: said for name, said in (before.get(part) or {}).items() if not name.startswith("access.")}
        for part in ("actions", "rules")
    }


def rises(before: Mapping[str, Any], report: Report) -> list[str]:
    """What is better than what was committed: worth writing down, because only then can it fall."""
    known = before.get("actions") or {}
    found = []
    for each in report.actions:
        said = str(known.get(each.action, {}).get("grade", ""))
        if before.get("measured") is not True or rank(str(each.grade)) < rank(said):
            found.append(f"{each.action} is {str(each.grade)!r}, quality.yaml says {said or 'nothing'!r}")
    return found
