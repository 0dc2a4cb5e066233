"""How much an entry matters: by the program's own list, and by the rules of an installation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.contract.written.edge import parse
from connectors.contract.written.places import Source
from gateway.audit.risk import in_force, put_in_force, severity
from gateway.config.high_risk import HighRisk, HighRiskModel, read_policy
from gateway.core.kinds import CRITICAL, HIGH, LOW, MEDIUM, NONE
from gateway.storage.database import dumps


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = in_force()
    yield
    put_in_force(before)


def _row(kind: str, closes: str = "", outcome: str = "", **detail: Any) -> dict[str, Any]:
    return {"kind": kind, "actor": "ann", "detail": dumps(detail), "closes": closes, "outcome": outcome}


def _force(rules: str) -> None:
    source = Source("policy.yaml", "high_risk:\n  rules:\n" + rules)
    model = parse(HighRiskModel, Source("policy.yaml", ""), source.data["high_risk"]).model
    assert model is not None
    policy, problems = read_policy(source, model)
    assert problems == []
    put_in_force(policy)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (_row("person_changed"), HIGH),
        (_row("case_decided", action="discard"), HIGH),
        (_row("case_decided", action="retry"), MEDIUM),
        (_row("case_decided", action="correct"), HIGH),
        (_row("case_decided", action="look"), NONE),
        (_row("cases_decided", action="retry", count=10), MEDIUM),
        (_row("cases_decided", action="retry", count=11), HIGH),
        (_row("replay_started", items=3), MEDIUM),
        (_row("replay_started", items=5000), HIGH),
        (_row("case_self_approval"), HIGH),
        (_row("secret_set"), HIGH),
        (_row("high_risk_changed"), CRITICAL),
        (_row("observed", fields=["priority"]), NONE),
        (_row("case_ended"), NONE),
        (_row("case_ended", closes="au1", outcome="applied"), LOW),
        (_row("case_came_back", closes="au1", outcome="failed"), MEDIUM),
        (_row("nobody_knows_this"), MEDIUM),
    ],
)
def test_by_itself(row: dict[str, Any], wanted: int) -> None:
    put_in_force(HighRisk())
    assert severity(row) == wanted


def test_a_rule_raises_by_kind_and_condition() -> None:
    _force("    - {kind: 'connection_*', severity: critical, when: \"entry.connection == 'jira'\"}\n")
    assert severity({**_row("connection_paused"), "connection": "jira"}) == CRITICAL
    assert severity({**_row("connection_paused"), "connection": "snow"}) == MEDIUM


def test_a_count_raises() -> None:
    _force("    - {kind: 'replay_started', severity: critical, when: 'entry.count > 1000'}\n")
    assert severity(_row("replay_started", items=1001)) == CRITICAL
    assert severity(_row("replay_started", items=1000)) == HIGH


def test_only_a_reason_lowers() -> None:
    _force("    - {kind: secret_set, severity: 'off', reason: rotated every hour by a machine}\n")
    assert severity(_row("secret_set")) == NONE
    put_in_force(HighRisk(tuple(_without_reason(each) for each in in_force().rules)))
    assert severity(_row("secret_set")) == HIGH


def _without_reason(rule: Any) -> Any:
    return type(rule)(rule.kind, rule.severity, rule.when, "")


def test_the_last_rule_that_fits_counts() -> None:
    _force("    - {kind: '*', severity: critical}\n    - {kind: observed, severity: 'off', reason: far too many}\n")
    assert severity(_row("observed")) == NONE
    assert severity(_row("adopted")) == CRITICAL


def test_what_cannot_be_decided_raises_and_does_not_lower() -> None:
    _force("    - {kind: swept, severity: high, when: 'entry.detail.gone > 5'}\n")
    assert severity(_row("swept")) == HIGH
    _force("    - {kind: secret_set, severity: low, when: 'entry.detail.gone > 5', reason: none}\n")
    assert severity(_row("secret_set")) == HIGH


def test_its_own_change_cannot_be_lowered() -> None:
    policy = HighRisk((_rule("*"),))
    put_in_force(policy)
    assert severity(_row("high_risk_changed")) == CRITICAL


def _rule(kind: str) -> Any:
    from gateway.config.high_risk import Rule

    return Rule(kind, NONE, None, "all of it")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules:\n  - {kind: secret_set, severity: low}", "3:36: error[high-risk]: this makes less of it"),
        ("rules:\n  - {kind: secret_sets, severity: high}", "3:14: error[unknown-kind]: no entry is of the kind"),
        ("rules:\n  - {kind: '*', severity: 'off', reason: x}", "error[high-risk]: high_risk_changed stays critical"),
        ("rules:\n  - {kind: observed, severity: high, when: 'entry.cuont > 1'}", "no field 'cuont'; try 'count'"),
        ("bulk: {more_than: 100}", "error[high-risk]: this makes less of it"),
        ("sign_ins: {failures: 50}", "error[high-risk]: this makes less of it"),
        ("sign_ins: {within: 1m}", "error[high-risk]: this makes less of it"),
    ],
)
def test_problems_have_places(text: str, said: str) -> None:
    source = Source("lockstep.yaml", "high_risk:\n" + "\n".join(f"  {line}" for line in text.split("\n")))
    parsed = parse(HighRiskModel, Source("lockstep.yaml", ""), source.data["high_risk"])
    assert parsed.model is not None
    _, problems = read_policy(source, parsed.model)
    assert said in str(problems[0])


def test_a_file_holds_the_rest(tmp_path: Path) -> None:
    (tmp_path / "risk.yaml").write_text(
        "rules:\n- {kind: observed, severity: low}\n- {kind: secret_set, severity: low}\n"
    )
    source = Source(str(tmp_path / "lockstep.yaml"), "high_risk: {file: risk.yaml}")
    _, problems = read_policy(source, HighRiskModel(file="risk.yaml"))
    assert [(Path(each.file).name, each.line) for each in problems] == [("risk.yaml", 3)]
    (tmp_path / "risk.yaml").write_text("rules:\n- {kind: observed, severity: low}\n")
    policy, problems = read_policy(source, HighRiskModel(file="risk.yaml"))
    assert problems == []
    assert policy.file == tmp_path / "risk.yaml"
    assert policy.digest != HighRisk().digest
