"""What a demo was asked to do, and when in its course the troubles come. Values and pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from connectors.contract.written.units import seconds
from gateway.config.urls import database_url, stream_url
from gateway.demo.stand_ins import SYSTEMS


@dataclass(frozen=True, slots=True)
class Outage:
    """One system refuses everybody for so long."""

    connection: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.connection}:{self.seconds:g}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run. `data` None: a directory of its own, removed at the end unless something failed or `keep` is set.

    Raises ValueError for a stream or a database that cannot be one.
    """

    for_s: float = 30.0
    edits_per_s: float = 5.0
    seed: int = 1
    outages: tuple[Outage, ...] = ()
    kills: int = 0
    drain_s: float = 60.0
    stream: str = ""
    database: str = ""
    reuse: bool = False
    data: Path | None = None
    keep: bool = False
    port: int = 0

    def __post_init__(self) -> None:
        for flag, url, check in (("--stream", self.stream, stream_url), ("--database", self.database, database_url)):
            try:
                if url:
                    check(url)
            except ValueError as error:
                raise ValueError(f"{flag}: {error}") from error


def outage_in(text: str) -> Outage:
    """The outage in `jira:10s`. Raises ValueError."""
    connection, colon, span = text.partition(":")
    if not colon or connection not in SYSTEMS:
        raise ValueError(f"'{text}' is no outage; write it like {' or '.join(f'{name}:10s' for name in SYSTEMS)}")
    try:
        return Outage(connection, seconds(span))
    except ValueError as error:
        raise ValueError(f"'{text}' is no outage: {error}") from error


def moments(count: int, begin_s: float, end_s: float, chance: Random) -> list[float]:
    """So many moments, one in each equal part of the span, at random within it, rising."""
    part = (end_s - begin_s) / count if count else 0.0
    return [begin_s + part * (number + chance.uniform(0.1, 0.9)) for number in range(count)]
