"""How much a row of the trail matters to security, by the policy in force in this process."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from connectors.contract.written.conditions import ConditionError
from gateway.config.high_risk import FIELDS, HighRisk, Rule
from gateway.core.kinds import FAILED, LOW, MEDIUM, NONE, count_in, severity_of
from gateway.core.known_kinds import KINDS
from gateway.storage.database import loads

COUNTS = ("count", "items", "cases", "sessions_ended")
"""Of a detail: where it says how many things an act is about."""


class _InForce:
    """One process works by one policy. What its rules say of a kind is looked up once."""

    def __init__(self) -> None:
        self.policy = HighRisk()
        self.by_kind: dict[str, tuple[Rule, ...]] = {}

    def take(self, policy: HighRisk) -> None:
        self.policy, self.by_kind = policy, {}

    def rules(self, kind: str) -> tuple[Rule, ...]:
        """Those that may fit, the last one first: it counts."""
        found = self.by_kind.get(kind)
        if found is None:
            fit = [each for each in reversed(self.policy.rules) if fnmatchcase(kind, each.kind)]
            found = self.by_kind[kind] = tuple(fit)
        return found


_now = _InForce()


def put_in_force(policy: HighRisk) -> None:
    """Entries of this process are judged by it from now on."""
    _now.take(policy)


def in_force() -> HighRisk:
    """The policy that this process works by."""
    return _now.policy


def severity(row: Mapping[str, Any]) -> int:
    """Of a row about to be written (`kind`, `actor`, `detail` as JSON text, ...), by the policy in force. NONE: no
    high-risk action. Above it OCSF severities (1 informational, 2 low, 3 medium, 4 high, 5 critical). Never raises: a
    condition that cannot be decided counts where it would raise, and not where it would lower.
    """
    name = str(row["kind"])
    kind, rules, closes = KINDS.get(name), _now.rules(name), row.get("closes")
    if kind is not None and not kind.most and not rules and not closes:
        return NONE
    told = loads(row["detail"])
    detail = told if isinstance(told, dict) else {}
    found = severity_of(kind, detail, bulk=_now.policy.bulk)
    if closes:
        found = max(found, MEDIUM if row.get("outcome") == FAILED else LOW)
    for rule in rules:
        if rule.severity < found and not rule.lowers:
            continue
        if rule.when is None or _holds(rule, row, detail, unclear=rule.severity >= found):
            return rule.severity
    return found


def _holds(rule: Rule, row: Mapping[str, Any], detail: Mapping[str, Any], *, unclear: bool) -> bool:
    assert rule.when is not None, "the caller has looked"
    entry = {name: row.get(name) or detail.get(name) or "" for name in FIELDS}
    counted = max((count_in(detail, each) for each in COUNTS), default=0)
    try:
        return rule.when({**entry, "count": counted, "detail": detail})
    except ConditionError:
        return unclear
