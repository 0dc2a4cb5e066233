"""What a run found, as values; nothing here prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from connectors.conformance.grading import Grade
from connectors.conformance.rules import RuleResult
from connectors.conformance.writes import Trial


class ActionReport(msgspec.Struct, frozen=True, kw_only=True):
    """One action with its grade and everything that led to it."""

    action: str
    grade: Grade | None = None
    """None: not every rule was asked."""
    trials: tuple[Trial, ...] = ()

    @property
    def proof(self) -> str:
        """How unknown outcomes of it were settled, in the words of the probe, the most frequent first."""
        ways = Counter(each.by for each in self.trials if each.by)
        return ", ".join(way for way, _ in ways.most_common())


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    connector: str
    against: str
    seed: int
    whole: bool
    """All rules were asked; only such a run gives grades."""
    held: tuple[RuleResult, ...] = ()
    actions: tuple[ActionReport, ...] = ()
    left: tuple[str, ...] = ()
    """What the run made in a staging system and could not take away."""
    taken_away: int = 0
    """Objects of the run that it took away from there again."""

    @property
    def broken(self) -> list[tuple[str, str, str]]:
        """(rule, what it was tried on, how it was broken) of everything that did not hold."""
        return [(each.rule, each.object, each.evidence) for each in self.held if not each.ok] + [
            (trial.rule, action.action, "; ".join(trial.complaints))
            for action in self.actions
            for trial in action.trials
            if not trial.ok
        ]

    @property
    def ok(self) -> bool:
        """Every rule held."""
        return not self.broken

    def rules(self) -> dict[str, str]:
        """Rule -> held, broken or does not apply, over all objects and actions."""
        found: dict[str, str] = {}
        for name, state in self._states():
            found[name] = max(state, found.get(name, ""), key=_WEIGHT.index)
        return found

    def _states(self) -> Iterator[tuple[str, str]]:
        for each in self.held:
            yield each.rule, ("held" if each.applies else "does not apply") if each.ok else "broken"
        for action in self.actions:
            for trial in action.trials:
                yield trial.rule, "held" if trial.ok else "broken"


_WEIGHT = ("", "does not apply", "held", "broken")
