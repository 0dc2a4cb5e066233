"""Fault switches: what is armed, and which armed fault a request or a webhook meets. What a fault does is in
`gate.py` and `hooks.py`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any, Literal

import msgspec

RequestKind = Literal[
    "timeout_before",
    "timeout_after",
    "drop_before",
    "drop_after",
    "late_commit",
    "status",
    "truncated",
    "non_json",
    "bad_credentials",
    "down",
    "slow",
]
HookKind = Literal["hook_duplicate", "hook_delay", "hook_reorder", "hook_lose", "hook_late_secondary"]


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests (or webhooks) a fault meets; what is not said does not narrow."""

    method: str | None = None
    path_regex: str | None = None
    """Searched in path and query of a request."""
    write: bool | None = None
    """True: only requests that change something; false: only those that do not."""
    actor: Literal["human", "gateway"] | None = None
    """Whose requests; for webhooks, whose edits."""
    event: str | None = None
    """Regular expression on a webhook's event name."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One switch as posted. Without `count` and `seconds` it stays until cleared."""

    kind: RequestKind | HookKind
    count: int | None = None
    """How many requests or webhooks it meets."""
    seconds: float | None = None
    """How long it stays armed, real time."""
    skip: int = 0
    """This many matching ones pass first."""
    chance: float = 1.0
    """Share of matching ones it meets."""
    match: Match = Match()
    delay_s: float | None = None
    """For slow, late_commit, hook_delay, hook_reorder, hook_late_secondary."""
    hold_s: float = 60.0
    """How long a time-out holds the socket before it is cut."""
    status: int = 503
    retry_after_s: float | None = None
    message: str = ""
    """What the vendor says to a `status` below 500; empty: its usual words."""
    commit: bool | None = None
    """Whether the request takes effect (status, non_json: no by default; truncated: yes)."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a fault is matched against."""

    method: str = ""
    path: str = ""
    write: bool = False
    actor: str = "human"
    event: str = ""

    def fits(self, match: Match) -> bool:
        """Whether every clause that is said holds."""
        return (
            (match.method is None or match.method.upper() == self.method)
            and (match.path_regex is None or re.search(match.path_regex, self.path) is not None)
            and (match.write is None or match.write == self.write)
            and (match.actor is None or match.actor == self.actor)
            and (match.event is None or re.search(match.event, self.event) is not None)
        )


class Armed(msgspec.Struct, kw_only=True):
    """A fault and how much of it is left."""

    id: int
    fault: Fault
    until: float | None
    left: int | None
    skip: int
    hits: int = 0


class FaultBox:
    """What is armed now. `clock` is monotonic seconds; `chance` comes from the injected random source."""

    def __init__(self, clock: Callable[[], float], chance: random.Random) -> None:
        self._clock, self._random = clock, chance
        self._armed: list[Armed] = []
        self._last_id = 0

    def arm(self, fault: Fault) -> int:
        """Arms and gives the id under which `listed` shows it."""
        self._last_id += 1
        until = None if fault.seconds is None else self._clock() + fault.seconds
        self._armed.append(Armed(id=self._last_id, fault=fault, until=until, left=fault.count, skip=fault.skip))
        return self._last_id

    def clear(self) -> None:
        """Disarms everything; requests already held stay held."""
        self._armed.clear()

    def listed(self) -> list[dict[str, Any]]:
        """What is armed, with what is left of it and how often it was met."""
        self._drop_spent()
        now = self._clock()
        return [
            {
                "id": armed.id,
                "left": armed.left,
                "seconds_left": None if armed.until is None else max(0.0, armed.until - now),
                "hits": armed.hits,
                "fault": msgspec.to_builtins(armed.fault),
            }
            for armed in self._armed
        ]

    def meet(self, subject: Subject, kinds: frozenset[str]) -> list[Fault]:
        """The faults this subject meets, in the order armed: any number of `slow`, then at most one that decides the
        answer.
        """
        self._drop_spent()
        met: list[Fault] = []
        for armed in self._armed:
            if armed.fault.kind in kinds and subject.fits(armed.fault.match) and self._take(armed):
                met.append(armed.fault)
                if armed.fault.kind != "slow":
                    break
        return met

    def is_down(self) -> bool:
        """Whether an unnarrowed `down` is armed: such a system sends no webhooks either."""
        self._drop_spent()
        return any(armed.fault.kind == "down" and armed.fault.match == Match() for armed in self._armed)

    def _take(self, armed: Armed) -> bool:
        if armed.skip > 0:
            armed.skip -= 1
            return False
        if armed.fault.chance < 1.0 and self._random.random() >= armed.fault.chance:
            return False
        armed.hits += 1
        if armed.left is not None:
            armed.left -= 1
        return True

    def _drop_spent(self) -> None:
        if self._armed:
            now = self._clock()
            self._armed = [
                armed
                for armed in self._armed
                if (armed.left is None or armed.left > 0) and (armed.until is None or armed.until > now)
            ]
