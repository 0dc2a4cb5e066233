"""Which channels are told of an event, and when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from gateway.config.notifications import EVENTS, LEVELS, Quiet, Rule
from gateway.notify.facts import URGENT, Facts, Kind


def channels_for(kind: Kind, facts: Facts, rules: Iterable[Rule], now: float) -> Mapping[str, float]:
    """Channel -> when it is told: now, or at the end of its quiet hours. Of several rules the earliest counts."""
    found: dict[str, float] = {}
    for rule in rules:
        if _matches(kind, facts, rule):
            at = now if rule.quiet is None or _urgent(kind, facts) else end_of_quiet(rule.quiet, now)
            found[rule.to] = min(at, found.get(rule.to, at))
    return found


def _matches(kind: Kind, facts: Facts, rule: Rule) -> bool:
    if kind not in EVENTS or kind not in rule.events:
        return False
    if rule.connections and not rule.connections & set(facts.connections):
        return False
    if rule.causes and facts.cause not in rule.causes:
        return False
    return kind is Kind.RUN_FINISHED or LEVELS.index(facts.level) >= LEVELS.index(rule.least)


def _urgent(kind: Kind, facts: Facts) -> bool:
    return kind in URGENT or facts.level == "critical"


def end_of_quiet(quiet: Quiet, now: float) -> float:
    """When the quiet hours end that `now` is in; `now` outside of them. Hours are those of the zone's clocks."""
    here = datetime.fromtimestamp(now, UTC).astimezone(quiet.zone)
    for begins in (here.date() - timedelta(days=1), here.date()):
        ends = begins if quiet.since < quiet.until else begins + timedelta(days=1)
        since = datetime.combine(begins, quiet.since, quiet.zone).timestamp()
        until = datetime.combine(ends, quiet.until, quiet.zone).timestamp()
        if since <= now < until:
            return until
    return now
