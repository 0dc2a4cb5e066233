"""A campaign: so many schedules from one seed, played in parallel, in parts that survive an interruption."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.work import Violation, play
from tests.support.broken import without

PART = 94
"""Schedules of one part: what is lost by an interruption, and how often progress is told."""


@dataclass
class Campaign:
    """What was played so far. `setting` and `lacking` as given on the command line."""

    seed: int
    setting: str = ""
    lacking: str = ""
    done: set[int] = field(default_factory=set)
    """Numbers of the parts that are over."""
    schedules: int = 0
    seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list)

    def parts(self, schedules: int) -> Iterator[tuple[int, range]]:
        """Those still to be played of so many schedules. The last one may be short; it is then not kept as done."""
        for start in range(0, schedules, PART):
            if start // PART not in self.done:
                yield start // PART, range(start, min(start + PART, schedules))

    def save(self, file: Path) -> None:
        """Whole or not at all."""
        state = {**asdict(self), "done": sorted(self.done)}
        temporary = file.with_suffix(file.suffix + ".new")
        temporary.write_text(json.dumps(state, indent=1), encoding="utf-8")
        temporary.replace(file)

    @staticmethod
    def load(file: Path) -> Campaign:
        """As it was saved."""
        state = json.loads(file.read_text(encoding="utf-8"))
        found = [Violation(**{**each, "trace": tuple(each["trace"])}) for each in state.pop("violations")]
        return Campaign(**{**state, "done": set(state["done"])}, violations=found)


def _part(seed: int, setting: str, lacking: str, numbers: range) -> list[Violation]:
    if not lacking:
        return play(seed, setting, numbers)
    with without(lacking):
        return play(seed, setting, numbers)


def run(
    campaign: Campaign, schedules: int, jobs: int, tell: Callable[[Campaign], None], file: Path | None = None
) -> None:
    """Plays what is still to be played. After each part it is told, and saved in `file` if there is one. One
    job: in this process, for a debugger.
    """
    began, before = time.monotonic(), campaign.seconds
    todo = campaign.parts(schedules)

    def over(number: int, numbers: range, found: list[Violation]) -> None:
        campaign.violations += found
        campaign.schedules += len(numbers)
        campaign.seconds = before + time.monotonic() - began
        if len(numbers) == PART:
            campaign.done.add(number)
        tell(campaign)
        if file is not None:
            campaign.save(file)

    if jobs == 1:
        for number, numbers in todo:
            over(number, numbers, _part(campaign.seed, campaign.setting, campaign.lacking, numbers))
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        under_way: dict[Future[list[Violation]], tuple[int, range]] = {}

        def more() -> None:
            for number, numbers in todo:
                future = pool.submit(_part, campaign.seed, campaign.setting, campaign.lacking, numbers)
                under_way[future] = number, numbers
                return

        for _ in range(jobs):
            more()
        while under_way:
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                number, numbers = under_way.pop(future)
                more()
                over(number, numbers, future.result())
