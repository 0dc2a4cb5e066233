"""Random histories of a flawless gateway pass; the same histories with one flaw put in do not."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.demo.verdict import Kind
from tests.unit.gateway.demo.world import MAPPINGS, World, pair

FIELDS = ("summary", "description", "priority")
OTHER = {"snow": "jira", "jira": "snow"}
OBJECT = {"snow": "I1", "jira": "J1"}


class Flawless:
    """Settles a pair after each burst of edits: writes what one side has, sends what lost to the ledger."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = pair()
        self.edits = 0
        self.crossings: list[tuple[str, str, list[object]]] = []
        self.keep_ledger = True
        self.order: Callable[[list[object]], list[object]] = list

    def run(self, bursts: int) -> World:
        """Some bursts of edits, the last one settled."""
        for _ in range(bursts):
            self._burst()
        return self.world

    def _burst(self) -> None:
        typed: dict[tuple[str, str], list[object]] = {}
        for _ in range(self.random.randint(1, 5)):
            system, name = self.random.choice(("snow", "jira")), self.random.choice(FIELDS)
            value = self._value(system, name)
            if self._shown(system, name) != value:
                self.world.human(system, OBJECT[system], **{name: value})
                typed.setdefault((system, name), []).append(value)
        for name in FIELDS:
            sides = [system for system in OTHER if (system, name) in typed]
            if sides:
                self._settle(name, sides, typed)

    def _settle(self, name: str, sides: list[str], typed: dict[tuple[str, str], list[object]]) -> None:
        winner = self.random.choice(sides)
        loser = OTHER[winner]
        values = typed[winner, name]
        if loser in sides:
            values = values[-1:]
            lost = self._canonical(loser, name, self._shown(loser, name))
            if lost != self._canonical(winner, name, values[0]) and self.keep_ledger:
                self.world.loses(loser, OBJECT[loser], name, lost)
        if self.random.random() < 0.3:
            values = values[-1:]
        for value in self.order(values):
            there = MAPPINGS[loser].to_ext(name, self._canonical(winner, name, value))
            if there != self._shown(loser, name):
                self.world.gateway(loser, OBJECT[loser], **{name: there})

    def _value(self, system: str, name: str) -> object:
        codes = MAPPINGS[system].fields[name].codes
        self.edits += 1
        return self.random.choice(list(codes)) if codes else f"text {self.edits} ref t-1"

    def _shown(self, system: str, name: str) -> object:
        return self.world.raws[system, OBJECT[system]][MAPPINGS[system].fields[name].name]

    def _canonical(self, system: str, name: str, value: object) -> object:
        return MAPPINGS[system].from_ext(name, value)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 6))
def test_a_flawless_gateway_passes(seed: int, bursts: int) -> None:
    assert Flawless(seed).run(bursts).verdict().violations == []


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_a_gateway_without_a_ledger_does_not(seed: int) -> None:
    lawful, flawed = Flawless(seed), Flawless(seed)
    flawed.keep_ledger = False
    ledgered = lawful.run(6).verdict().ledgered
    verdict = flawed.run(6).verdict()
    assert [violation.kind for violation in verdict.violations] == [Kind.LOST_EDIT] * (ledgered - verdict.net_zero)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_a_write_taken_out_of_the_log_is_missed(seed: int) -> None:
    world = Flawless(seed).run(3)
    texts = [entry for entry in world.logs["jira"] if not entry.by_human and entry.after.get("body")]
    last = texts[-1]
    if last.kind == "create" or world.raws["jira", "J1"]["body"] != last.after["body"]:
        return
    world.logs["jira"].remove(last)
    world.raws["jira", "J1"]["body"] = last.before["body"]
    kinds = {violation.kind for violation in world.verdict().violations}
    assert Kind.OUT_OF_STEP in kinds


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_a_gateway_that_turns_queues_round_does_not(seed: int) -> None:
    world = Flawless(seed)
    turned: list[int] = []

    def reverse(values: list[object]) -> list[object]:
        if len(set(values)) > 1 and str(values[0]).startswith("text"):
            turned.append(len(values))
            return [*reversed(values), values[-1]]
        return values

    world.order = reverse
    kinds = [violation.kind for violation in world.run(6).verdict().violations]
    assert kinds.count(Kind.ORDER) == sum(count - 1 for count in turned)
