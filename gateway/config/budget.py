"""What a connection may send, all workers together: windows, requests in flight, and shares of those who send."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from connectors.contract.limits import Purpose
from connectors.contract.written.edge import Strict

_WINDOW = re.compile(r"(\d{1,9})\s*/\s*(\d{0,5})(s|min|h|d)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NAMES = {1.0: "s", 60.0: "min", 3600.0: "h", 86400.0: "d"}
SHARES: Mapping[Purpose, float] = {Purpose.LIVE: 0.7, Purpose.REPLAY: 0.2, Purpose.BACKFILL: 0.1}


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """So many requests in any stretch of so many seconds."""

    per_s: float
    requests: int

    @property
    def rate(self) -> float:
        """Requests per second on average."""
        return self.requests / self.per_s

    @property
    def words(self) -> str:
        """As people write it: `600/min`, `100/10s`."""
        unit = max((each for each in _NAMES if self.per_s % each == 0), default=1.0)
        count = self.per_s / unit
        return f"{self.requests}/{'' if count == 1 else f'{count:g}'}{_NAMES[unit]}"


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """Of one connection; see `connections.*.budget`."""

    windows: tuple[Window, ...] = ()
    """The shortest first."""
    concurrent: int | None = None
    shares: Mapping[Purpose, float] = field(default_factory=lambda: dict(SHARES))

    @property
    def limits(self) -> bool:
        """Whether anything is limited: without that no worker asks another."""
        return bool(self.windows) or self.concurrent is not None

    @property
    def rate(self) -> float | None:
        """Requests per second that the narrowest window lets through for long; None: no window."""
        return min((window.rate for window in self.windows), default=None)


def window(text: Any) -> Window:
    """A window as people write it."""
    match = _WINDOW.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0 or match[2] == "0":
        raise ValueError(
            "this should be a number of requests in a time; try 10/s, 100/10s, 600/min, 5000/h or 100000/d"
        )
    return Window(int(match[2] or 1) * _SECONDS[match[3]], int(match[1]))


Allowed = Annotated[
    Window,
    BeforeValidator(window),
    WithJsonSchema({"type": "string", "pattern": rf"^{_WINDOW.pattern}$", "examples": ["10/s", "600/min", "100000/d"]}),
]
_Part = Annotated[float, Field(ge=0, le=1)]


class Shares(Strict):
    """Of each window. A share that nobody asks for is lent to the others; a leaver goes before all of them."""

    live: _Part = SHARES[Purpose.LIVE]
    replay: _Part = SHARES[Purpose.REPLAY]
    backfill: _Part = Field(default=SHARES[Purpose.BACKFILL], description="Sweeps, comparisons, field descriptions.")

    @model_validator(mode="after")
    def _whole(self) -> Shares:
        if self.live + self.replay + self.backfill > 1.0 + 1e-9:
            raise ValueError("the shares are more than 1 together; leave some out, or make them smaller")
        return self


class BudgetModel(Strict):
    """What the system allows, all workers together."""

    windows: list[Allowed] = Field(
        default=[], max_length=8, description="Requests in a time; several hold at once. Default: the connector's."
    )
    concurrent: int | None = Field(
        default=None, ge=1, le=1000, description="Requests in flight of all workers. Default: the connector's."
    )
    shares: Shares = Shares()


def rules_of(given: BudgetModel, windows: Sequence[tuple[int, float]], concurrent: int | None) -> BudgetRules:
    """The rules of a connection; what it leaves out is as its connector's file says."""
    wanted = given.windows or [Window(per_s, requests) for requests, per_s in windows]
    shares = {Purpose.LIVE: given.shares.live, Purpose.REPLAY: given.shares.replay}
    return BudgetRules(
        tuple(sorted(set(wanted))),
        given.concurrent or concurrent,
        {**shares, Purpose.BACKFILL: given.shares.backfill},
    )
