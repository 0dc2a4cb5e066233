"""One run of the kit: rules one after the other, then the trials of all writes side by side, each behind a proxy of its
own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from connectors.conformance import departing, hooks, polls, reads, writes
from connectors.conformance.bench import Bench
from connectors.conformance.faults import FAULTS, faults_of
from connectors.conformance.grading import grade
from connectors.conformance.place import Place, benches
from connectors.conformance.report import ActionReport, Report
from connectors.conformance.rules import Broken, DoesNotApply, Rule, RuleResult
from connectors.conformance.subject import Subject
from connectors.conformance.writes import PLAIN, STALE, TWICE, Trial
from connectors.contract.clock import Clock
from connectors.contract.fixture import Fixture

AT_ONCE = 12
"""Trials side by side: most of each is waiting."""
RULES: tuple[Rule, ...] = (*reads.RULES, *polls.RULES, *hooks.RULES)
WRITE_RULES = {
    f"write.{PLAIN}": "applied, once, by one request, and every proof says so",
    f"write.{STALE}": "a write on a state that has moved",
    f"write.{TWICE}": "the same as two attempts, where a key is declared",
    **{f"write.{fault.name}": fault.says for fault in FAULTS},
    "write.dead_sign_in": "the vendor's own signs of a dead sign-in",
    "write.broken_off": "the vendor's own signs of work that was broken off",
}
"""Name of a rule about writes -> what happens to the write."""
OF_EACH = frozenset(
    {
        *("check.passes", "read.present", "read.absent", "read.marker", "read.history", "read.comments"),
        *("poll.new", "poll.overlap", "poll.keys", "poll.deletes", "poll.ids", "hook.signed"),
        *(f"write.{name}" for name in (PLAIN, TWICE, STALE, "cut_after_send", "cut_after_commit", "late_commit")),
    }
)
"""What is asked of an object that goes through the same code as another one (`Fixture.like`): what its table, its
marker and its rights decide. How a failed call is told is the code's alone, and was asked of the other one.
"""
Progress = Callable[[str, int, int], None]
"""(what was done, how much of, how much in all)."""


def names() -> list[str]:
    """Of all rules."""
    return [*(rule.name for rule in RULES), *WRITE_RULES, *(rule.name for rule in departing.RULES)]


async def measure(
    subject: Subject,
    place: Place,
    *,
    clock: Clock,
    seed: int = 0,
    only: Collection[str] = (),
    progress: Progress = lambda what, done, of: None,
) -> Report:
    """Tests one connector. `only` names rules (or beginnings of their names); then grades are not whole and
    `Report.whole` is False. Raises ConfigError where nothing can be tested.

    Cancelled, it begins nothing more, ends what is under way, and tidies before it leaves: a request that we cut off
    ourselves might land after the tidying.
    """
    steps = _Steps(progress)
    work = asyncio.create_task(_measured(subject, place, clock, seed, only, steps))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        steps.stopped = True
        await asyncio.wait({work})
        raise


async def _measured(
    subject: Subject, place: Place, clock: Clock, seed: int, only: Collection[str], steps: _Steps
) -> Report:
    held: list[RuleResult] = []
    actions: list[ActionReport] = []
    async with benches(subject, place, clock=clock, seed=seed) as found:
        steps.all = sum(_count(bench.fixture, only) for bench in found)
        for together in _in_turn(found):
            limit = asyncio.Semaphore(AT_ONCE)
            for results in await asyncio.gather(*(_rules(bench, only, limit, steps) for bench in together)):
                held += results
        for together in _in_turn(found):
            limit = asyncio.Semaphore(AT_ONCE)
            for reports in await asyncio.gather(*(_actions(bench, only, limit, steps) for bench in together)):
                actions += reports
    gone = await departing.measured(subject, place, clock, lambda name: _wanted(name, only), whole=not only)
    held += gone.held
    actions += gone.actions
    left = [f"{bench.fixture.object} {id}" for bench in found for id in sorted(bench.made)] if place.staging else []
    return Report(
        connector=subject.name,
        against=place.name,
        seed=seed,
        whole=not only,
        held=tuple(held),
        actions=tuple(actions),
        left=tuple(left),
        taken_away=sum(bench.taken_away for bench in found) if place.staging else 0,
    )


def _asked(fixture: Fixture, only: Collection[str]) -> list[Rule]:
    """The rules that an object has to hold to; a part of one has none of its own."""
    if fixture.part:
        return []
    return [rule for rule in RULES if _wanted(rule.name, only) and _due(fixture, rule.name)]


def _wanted(name: str, only: Collection[str]) -> bool:
    return not only or any(name == each or name.startswith(f"{each}.") for each in only)


def _due(fixture: Fixture, name: str) -> bool:
    return not fixture.like or name in OF_EACH


def _in_turn(found: Sequence[Bench]) -> list[list[Bench]]:
    """Who is asked everything comes by itself, one after the other; those that are like one of them come together."""
    alike = [bench for bench in found if bench.fixture.like]
    return [*([bench] for bench in found if not bench.fixture.like), *([alike] if alike else [])]


async def _rules(bench: Bench, only: Collection[str], limit: asyncio.Semaphore, steps: _Steps) -> Sequence[RuleResult]:
    """In the order of the table. Polls come by themselves: an empty page is empty only where nobody else makes rows."""
    rules = _asked(bench.fixture, only)

    async def one(rule: Rule) -> RuleResult:
        async with limit:
            found = await _held(rule, bench, steps)
        steps.done(rule.name)
        return found

    others = [rule for rule in rules if rule not in polls.RULES]
    found = dict(zip((each.name for each in others), await asyncio.gather(*map(one, others)), strict=True))
    for rule in rules:
        if rule.name not in found:
            found[rule.name] = await one(rule)
    return [found[rule.name] for rule in rules]


async def _held(rule: Rule, bench: Bench, steps: _Steps) -> RuleResult:
    name, object = rule.name, bench.fixture.object
    try:
        steps.go_on()
        return RuleResult(rule=name, object=object, ok=True, evidence=await rule.run(bench))
    except DoesNotApply as reason:
        return RuleResult(rule=name, object=object, ok=True, applies=False, evidence=str(reason))
    except Broken as how:
        return RuleResult(rule=name, object=object, ok=False, evidence=str(how))
    except Exception as error:  # noqa: BLE001 - a connector under test may raise anything, and that breaks the rule
        return RuleResult(rule=name, object=object, ok=False, evidence=f"{type(error).__name__}: {error}"[:400])


async def _actions(
    bench: Bench, only: Collection[str], limit: asyncio.Semaphore, steps: _Steps
) -> Sequence[ActionReport]:
    return await asyncio.gather(*(_action(bench, action, only, limit, steps) for action in bench.fixture.actions))


async def _action(
    bench: Bench, action: str, only: Collection[str], limit: asyncio.Semaphore, steps: _Steps
) -> ActionReport:
    """The resend comes first: whether the system knows a key decides what may be done about a lost answer."""
    fixture = bench.fixture
    todo = _todo(fixture, action, only)
    trials: list[Trial] = []
    if TWICE in todo:
        trials.append(await _tried(action, TWICE, limit, steps, lambda: writes.twice(bench, action)))
    declared = bench.spec.key_s > 0
    keyed = declared and action == "create" and bool(trials) and trials[0].ok
    faults = {fault.name: fault for fault in faults_of(fixture)}

    def run(name: str) -> Callable[[], Awaitable[Trial]]:
        if name == PLAIN:
            return lambda: writes.plain(bench, action)
        if name == STALE:
            return lambda: writes.stale(bench, action)
        return lambda: writes.trial(bench, action, faults[name], keyed=keyed)

    rest = [name for name in todo if name != TWICE]
    trials += await asyncio.gather(*(_tried(action, name, limit, steps, run(name)) for name in rest))
    return ActionReport(
        action=fixture.name(action), grade=None if only else grade(action, trials, keyed=declared), trials=tuple(trials)
    )


def _todo(fixture: Fixture, action: str, only: Collection[str]) -> list[str]:
    """Names of the trials of one action. The resend goes with every fault: it says what may be done about one."""
    chosen = [fault.name for fault in faults_of(fixture) if _wanted(f"write.{fault.name.partition(':')[0]}", only)]
    named = [
        name for name in (PLAIN, STALE) if _wanted(f"write.{name}", only) and (name != STALE or action == "update")
    ]
    todo = [*([TWICE] if chosen or _wanted(f"write.{TWICE}", only) else []), *named, *chosen]
    return [name for name in todo if _due(fixture, f"write.{name}")]


async def _tried(
    action: str, name: str, limit: asyncio.Semaphore, steps: _Steps, run: Callable[[], Awaitable[Trial]]
) -> Trial:
    async with limit:
        try:
            steps.go_on()
            return await run()
        except Exception as error:  # noqa: BLE001 - as in `_held`
            said = f"{type(error).__name__}: {error}"[:400]
            return Trial(action=action, fault=name, word="defect", effects=0, sent=0, complaints=(said,))
        finally:
            steps.done(f"{action}, {name}")


def _count(fixture: Fixture, only: Collection[str]) -> int:
    """How many rules and trials there will be."""
    return len(_asked(fixture, only)) + sum(len(_todo(fixture, action, only)) for action in fixture.actions)


class _Steps:
    """Counts for whoever watches, and stops for whoever interrupts."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._done, self.all = progress, 0, 0
        self.stopped = False

    def go_on(self) -> None:
        """Raises DoesNotApply once the run was interrupted."""
        if self.stopped:
            raise DoesNotApply("the run was interrupted")

    def done(self, what: str) -> None:
        self._done += 1
        if not self.stopped:
            self._progress(what, self._done, self.all)
