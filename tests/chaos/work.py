"""One schedule after the other, in one process: which one has which number, and what came of it."""

from __future__ import annotations

import gc
import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import structlog

from tests.promises.direct import DirectDatabase
from tests.promises.schedules import LENGTHS, explore, replay, shrink
from tests.promises.settings import SETTINGS, UNDER_FIRE, Setting
from tests.promises.simulated import run
from tests.promises.story import Op

SEEDS_APART = 1_000_000
"""Between the seeds of two campaigns, so that they share no schedule."""
COLLECT_EVERY = 200
"""Schedules between two collections of garbage: each leaves many cycles, and looking for them all the time is slow."""

Bad = list[tuple[str, str]]


@dataclass(frozen=True)
class Numbered:
    """A schedule of a campaign."""

    number: int
    setting: Setting
    seed: int
    steps: int


@dataclass(frozen=True)
class Violation:
    """A schedule that broke a promise, as short as it could be made."""

    number: int
    setting: str
    seed: int
    promise: str
    what: str
    trace: tuple[str, ...]


def settings_of(name: str = "") -> tuple[Setting, ...]:
    """All settings, or those whose name is, or begins with, this one."""
    everything = (*SETTINGS, *UNDER_FIRE)
    exact = tuple(each for each in everything if each.name == name)
    return exact or tuple(each for each in everything if each.name.startswith(name))


@cache
def _round(seed: int, number: int, name: str) -> tuple[Setting, ...]:
    """Every setting once, in an order of its own."""
    order = list(settings_of(name))
    random.Random(f"{seed}:{number}").shuffle(order)
    return tuple(order)


def schedule(campaign: int, number: int, name: str = "") -> Numbered:
    """The schedule with this number: settings take turns, lengths too."""
    size = len(settings_of(name))
    turn, place = divmod(number, size)
    seed = campaign * SEEDS_APART + turn
    return Numbered(number, _round(campaign, turn, name)[place], seed, LENGTHS[turn % len(LENGTHS)])


class Player:
    """Plays schedules on a database of its own."""

    def __init__(self) -> None:
        self._logging = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self.database = DirectDatabase()
        self._played = 0

    def play(self, one: Numbered) -> tuple[list[Op], Bad]:
        """What happened, and what was broken by it."""
        self._tidy()
        ops: list[Op] = []
        try:
            return ops, run(explore(one.setting, one.seed, one.steps, self.database, ops))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            return ops, [("CRASH", f"{type(error).__name__}: {error}")]

    def _tidy(self) -> None:
        if self._played % COLLECT_EVERY == 0:
            gc.collect()
            gc.freeze()
            gc.disable()
        self._played += 1

    def shortest(self, one: Numbered, ops: Sequence[Op], bad: Bad) -> Violation:
        promise, what = bad[0]
        trace = shrink(one.setting, ops, promise, self.database)
        try:
            what = next(
                (said for kind, said in run(replay(one.setting, trace, self.database)) if kind == promise), what
            )
        except Exception as error:  # noqa: BLE001
            what = f"{type(error).__name__}: {error}"
        words = tuple(" ".join(map(str, op)) for op in trace)
        return Violation(one.number, one.setting.name, one.seed, promise, what, words)

    def close(self) -> None:
        structlog.configure(**self._logging)
        gc.enable()
        gc.unfreeze()
        self.database.dispose()


def play(campaign: int, name: str, numbers: Iterable[int]) -> list[Violation]:
    """Plays these schedules and returns the violations, each as short as possible."""
    player, found = Player(), []
    try:
        for number in numbers:
            one = schedule(campaign, number, name)
            ops, bad = player.play(one)
            if bad:
                found.append(player.shortest(one, ops, bad))
    finally:
        player.close()
    return found
