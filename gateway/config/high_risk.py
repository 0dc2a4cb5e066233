"""`high_risk:` of `lockstep.yaml`, or of a file that it names: which actions matter to security, and how much.

What the program knows is high-risk is so without a rule. A rule can raise it; to lower it, or to turn it off, it has to
say why. The entry that tells of a change of these rules cannot be lowered by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from connectors.contract.written.conditions import Condition, check_condition, compile_condition
from connectors.contract.written.edge import Strict, parse
from connectors.contract.written.places import Source, read_source
from connectors.contract.written.problems import Problem, nearest
from connectors.contract.written.units import Duration
from gateway.core.kinds import BULK, WORDS, word_of
from gateway.core.known_kinds import KINDS

At = tuple[str | int, ...]
Word = Literal["off", "low", "medium", "high", "critical"]
ALWAYS = "high_risk_changed"
"""Whoever could turn this off could turn off the rest unseen."""
FIELDS = ("kind", "actor", "by", "source", "record", "connection", "cause", "outcome", "reason", "count", "detail")
"""Of `entry` in a condition. `count`: how many things the act is about; 0 where nothing is counted."""
FAILURES, WITHIN_S = 5, 3600.0
"""A row outlasts the longest wait of whoever guesses (`gateway.access.throttle`)."""


def _off(value: Any) -> Any:
    return "off" if value is False else value


class RuleModel(Strict):
    """One rule."""

    kind: str = Field(min_length=1, description="Kind of entry, as docs/reference/audit.md lists them; may hold `*`.")
    severity: Annotated[Word, BeforeValidator(_off)]
    when: str | None = Field(default=None, description="CEL condition over `entry`, such as `entry.count > 100`.")
    reason: str = Field(
        default="", max_length=500, description="Why. Needed where the program itself thinks it matters more."
    )


class BulkModel(Strict):
    """When one act counts as one on many."""

    more_than: int = Field(default=BULK, ge=1, description="Things; above it an entry that counts is at least high.")
    reason: str = Field(default="", max_length=500, description="Needed for more than by default.")


class SignInsModel(Strict):
    """When failed sign-ins in a row are told of: of one account, or from one address."""

    failures: int = Field(default=FAILURES, ge=1, description="So many in a row; told again each time they double.")
    within: Duration = Field(default=WITHIN_S, gt=0, description="A row ends with so long a time without one.")
    reason: str = Field(default="", max_length=500, description="Needed for more failures or less time.")


class HighRiskModel(Strict):
    """Which actions matter to security, beyond what the program knows by itself."""

    file: str | None = Field(default=None, description="A .yaml file relative to this one that holds the rest instead.")
    rules: list[RuleModel] = Field(default=[], description="Of several that fit an entry the last one counts.")
    bulk: BulkModel = Field(default=BulkModel())
    sign_ins: SignInsModel = Field(default=SignInsModel())


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled."""

    kind: str
    severity: int
    when: Condition | None = None
    """Called with an entry."""
    reason: str = ""

    @property
    def lowers(self) -> bool:
        """Whether it may make less of an entry than the program does."""
        return bool(self.reason.strip()) and not fnmatchcase(ALWAYS, self.kind)


@dataclass(frozen=True, slots=True)
class HighRisk:
    """The policy in force, filled in."""

    rules: tuple[Rule, ...] = ()
    bulk: int = BULK
    failures: int = FAILURES
    within_s: float = WITHIN_S
    file: Path | None = field(default=None, compare=False)

    @property
    def facts(self) -> dict[str, Any]:
        """As it is compared and shown; `built_in` stands for what the program thinks by itself."""
        rules = [
            {
                "kind": each.kind,
                "severity": word_of(each.severity),
                "when": each.when.text if each.when else "",
                "reason": each.reason,
            }
            for each in self.rules
        ]
        return {
            "rules": rules,
            "bulk": self.bulk,
            "failures": self.failures,
            "within_s": self.within_s,
            "built_in": _built_in(),
        }

    @property
    def digest(self) -> str:
        """What it is known by in the trail."""
        return digest_of(self.facts)


def digest_of(facts: Mapping[str, Any]) -> str:
    """Of `HighRisk.facts`."""
    return sha256(dumps(facts, sort_keys=True).encode()).hexdigest()


def _built_in() -> str:
    told = {name: [each.severity, each.field, dict(each.among), each.counted] for name, each in KINDS.items()}
    return sha256(dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def read_policy(source: Source, model: HighRiskModel) -> tuple[HighRisk, list[Problem]]:
    """The policy of a configuration, and what is wrong with it: with `file` in that file."""
    if model.file is None:
        problems = list(_check(source, ("high_risk",), model))
        return (HighRisk() if problems else _policy(model, None)), problems
    at: At = ("high_risk", "file")
    if model != HighRiskModel(file=model.file):
        text = "what is high-risk stands in the file that is named, or here, not in both"
        return HighRisk(), [source.problem(at, "high-risk", text, "moving it into that file")]
    path = (Path(source.file).parent / model.file).resolve()
    if not path.is_file():
        return HighRisk(), [source.problem(at, "high-risk", f"there is no file {model.file}")]
    other = read_source(path)
    if other.problems:
        return HighRisk(), list(other.problems)
    parsed = parse(HighRiskModel, other)
    problems = list(parsed.problems)
    if parsed.model is not None:
        if parsed.model.file is not None:
            problems.append(other.problem(("file",), "high-risk", "this file is the one that was named", key=True))
        problems += _check(other, (), parsed.model)
    if problems or parsed.model is None:
        return HighRisk(), problems
    return _policy(parsed.model, path), []


def _policy(model: HighRiskModel, file: Path | None) -> HighRisk:
    rules = tuple(
        Rule(
            each.kind,
            WORDS[each.severity],
            compile_condition(each.when, variable="entry", fields=FIELDS) if each.when else None,
            each.reason,
        )
        for each in model.rules
    )
    return HighRisk(rules, model.bulk.more_than, model.sign_ins.failures, model.sign_ins.within, file)


def _check(source: Source, at: At, model: HighRiskModel) -> Iterator[Problem]:
    for index, rule in enumerate(model.rules):
        yield from _check_rule(source, (*at, "rules", index), rule)
    if model.bulk.more_than > BULK and not model.bulk.reason.strip():
        yield _unsaid(source, (*at, "bulk", "more_than"), f"by itself more than {BULK} is many")
    sign_ins = model.sign_ins
    if not sign_ins.reason.strip():
        if sign_ins.failures > FAILURES:
            yield _unsaid(source, (*at, "sign_ins", "failures"), f"by itself {FAILURES} in a row are told")
        if sign_ins.within < WITHIN_S:
            yield _unsaid(source, (*at, "sign_ins", "within"), f"by itself a row lasts {WITHIN_S / 60:.0f} minutes")


def _check_rule(source: Source, at: At, rule: RuleModel) -> Iterator[Problem]:
    for fault in check_condition(rule.when, variable="entry", fields=FIELDS) if rule.when else ():
        line, col = source.inside((*at, "when"), fault.line, fault.col)
        yield Problem(source.file, line, col, "condition", fault.text, fault.hint)
    fit = [each for name, each in KINDS.items() if fnmatchcase(name, rule.kind)]
    if not fit:
        text = f"no entry is of the kind '{rule.kind}'"
        yield source.problem((*at, "kind"), "unknown-kind", text, nearest(rule.kind, KINDS))
    lowered = [each.name for each in fit if each.most > WORDS[rule.severity]]
    if ALWAYS in lowered:
        text = f"{ALWAYS} stays critical: whoever could lower it could lower the rest unseen"
        yield source.problem((*at, "severity"), "high-risk", text, "another kind")
    elif lowered and not rule.reason.strip():
        yield _unsaid(source, (*at, "severity"), f"{_some(lowered)} by itself matter{'s' * (len(lowered) == 1)} more")


def _unsaid(source: Source, at: Sequence[str | int], why: str) -> Problem:
    return source.problem(at, "high-risk", f"this makes less of it than the program does: {why}", "adding 'reason:'")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
