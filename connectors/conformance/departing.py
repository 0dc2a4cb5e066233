"""The part of a run that sees access end: rules side by side, then the trials of each kind, on its own stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from connectors.conformance import endings
from connectors.conformance.grading import Grade, grade
from connectors.conformance.leaving import RULES, LeavingBench, LeavingRule, of, own, story
from connectors.conformance.place import Place, leaving
from connectors.conformance.report import ActionReport
from connectors.conformance.rules import Broken, DoesNotApply, RuleResult
from connectors.conformance.subject import Subject
from connectors.conformance.writes import PLAIN, Trial
from connectors.contract.access import GrantKind
from connectors.contract.clock import Clock

__all__ = ("OBJECT", "RULES", "Found", "measured")

OBJECT = "access"
"""What its rules and grades stand under."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of departures; nothing for a connector that does not end access."""

    held: tuple[RuleResult, ...] = ()
    actions: tuple[ActionReport, ...] = ()


async def measured(
    subject: Subject, place: Place, clock: Clock, wanted: Callable[[str], bool], *, whole: bool
) -> Found:
    """`wanted`: which rules are asked. Single endings are tried, and graded kind by kind, in a `whole` run only. Nobody
    is hired and dismissed in a system that others work with, staging or not.
    """
    rules = [rule for rule in RULES if wanted(rule.name)]
    if subject.access is None or place.staging is not None or not rules:
        return Found()
    async with leaving(subject, place, clock=clock) as bench:
        assert bench is not None
        held = await asyncio.gather(*(_held(rule, bench) for rule in rules))
        tried = await _tried(bench) if whole else ()
    return Found(held=tuple(held), actions=tuple(tried))


async def _held(rule: LeavingRule, bench: LeavingBench) -> RuleResult:
    def result(evidence: str, *, ok: bool = True, applies: bool = True) -> RuleResult:
        return RuleResult(rule=rule.name, object=OBJECT, ok=ok, applies=applies, evidence=evidence)

    try:
        return result(await rule.run(bench))
    except DoesNotApply as reason:
        return result(str(reason), applies=False)
    except Broken as how:
        return result(str(how), ok=False)
    except Exception as error:  # noqa: BLE001 - a connector under test may raise anything, and that breaks the rule
        return result(f"{type(error).__name__}: {error}"[:400], ok=False)


async def _tried(bench: LeavingBench) -> Sequence[ActionReport]:
    """One report for each kind that the connector knows: a grade, or that it needs a person."""
    try:
        async with bench.client() as client:
            connector = of(client)
            there = await story(bench, connector, alone=True)
            kinds, tried = dict(connector.ends), {grant.kind for grant in own(connector, there.held)}
    except Exception as error:  # noqa: BLE001 - as above
        return [ActionReport(action=OBJECT, grade=Grade.REJECTED, trials=(_defect(OBJECT, error),))]
    return await asyncio.gather(*(_kind(bench, kind, kinds[kind], kind in tried) for kind in kinds))


async def _kind(bench: LeavingBench, kind: GrantKind, why: str, tried: bool) -> ActionReport:
    action = f"{OBJECT}.{kind}"
    if why:
        return ActionReport(action=action, grade=Grade.BY_A_PERSON)
    if not tried:  # there only by way of another, with which it ends: `access.ends` saw that
        return ActionReport(action=action, grade=Grade.BY_TARGET_STATE)
    try:
        trials = await endings.trials(bench, kind)
    except Exception as error:  # noqa: BLE001 - as above
        trials = [_defect(action, error)]
    return ActionReport(action=action, grade=grade(str(kind), trials, keyed=False), trials=tuple(trials))


def _defect(action: str, error: Exception) -> Trial:
    said = f"{type(error).__name__}: {error}"[:400]
    return Trial(action=action, fault=PLAIN, word="defect", effects=0, sent=0, complaints=(said,))
