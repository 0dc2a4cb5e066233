"""What follows from the runs: ratios between numbers of workers, bytes per record and change, a line through costs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

import msgspec

from benchmarks.scale_meter import BROKER, DATABASE, PARTS, WORKERS
from benchmarks.scale_run import Outcome, Steady
from benchmarks.scale_store import Held

Pick = Callable[[Steady], float]
Point = tuple[int, float]
"""Workers, and changes per second over all of them."""
Round = Sequence[Outcome]


class Spread(msgspec.Struct, frozen=True):
    """Of several rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def over(cls, values: Iterable[float]) -> Spread:
        """Of at least one value."""
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))


class Bytes(msgspec.Struct, frozen=True):
    """What is stored for good: when a record is created, with the change that does it, and for each further change."""

    create: float
    update: float


class Line(msgspec.Struct, frozen=True):
    """`y = fixed + slope * x`, by least squares."""

    fixed: float
    slope: float

    @classmethod
    def through(cls, points: Sequence[tuple[float, float]]) -> Line:
        """Flat where all x are the same."""
        x_mean, y_mean = (statistics.fmean(each) for each in zip(*points, strict=True))
        square = sum((x - x_mean) ** 2 for x, _ in points)
        slope = sum((x - x_mean) * (y - y_mean) for x, y in points) / square if square else 0.0
        return cls(y_mean - slope * x_mean, slope)


def steady_at(played: Round, point: Point) -> Steady:
    """The run of a round with that many workers and that rate. Raises StopIteration."""
    return next(each.steady for each in played if each.steady and (each.order.workers, each.order.rate) == point)


def spread_at(rounds: Sequence[Round], point: Point, pick: Pick) -> Spread:
    """One figure at one point, over the rounds."""
    return Spread.over(pick(steady_at(played, point)) for played in rounds)


def ratio(rounds: Sequence[Round], point: Point, base: Point, pick: Pick) -> Spread:
    """A figure at one point as a share of that at another in the same round."""
    return Spread.over(pick(steady_at(each, point)) / pick(steady_at(each, base)) for each in rounds)


def of_workers(steady: Steady) -> float:
    """Microseconds per change of all workers together, idling taken off."""
    return steady.spent.net[WORKERS]


def of_database(steady: Steady) -> float:
    """The same of PostgreSQL."""
    return steady.spent.net[DATABASE]


def of_broker(steady: Steady) -> float:
    """The same of the broker."""
    return steady.spent.net[BROKER]


def of_all(steady: Steady) -> float:
    """The same of all three."""
    return sum(steady.spent.net[part] for part in PARTS)


def stored(outcome: Outcome) -> dict[str, Bytes]:
    """By table, and of the broker's log. Needs a steady run."""
    steady = outcome.steady
    assert steady is not None
    marks = (steady.fresh, steady.created, steady.held)
    found = {name: _bytes(outcome, steady, [_table(mark, name) for mark in marks]) for name in steady.held.tables}
    found["(log of the broker)"] = _bytes(outcome, steady, [float(mark.log_bytes) for mark in marks])
    return found


def in_tables(found: dict[str, Bytes]) -> Bytes:
    """All tables together."""
    tables = [each for name, each in found.items() if not name.startswith("(")]
    return Bytes(sum(each.create for each in tables), sum(each.update for each in tables))


def median_bytes(rounds: Sequence[Round], point: Point) -> dict[str, Bytes]:
    """At one point, over the rounds."""
    runs = [stored(next(each for each in played if each.steady is steady_at(played, point))) for played in rounds]
    return {
        name: Bytes(*(statistics.median(getattr(run[name], kind) for run in runs) for kind in ("create", "update")))
        for name in runs[0]
    }


def foretold(found: Bytes, outcome: Outcome) -> float:
    """Bytes that all tables of a run should have by these figures, as a share of what they have."""
    steady = outcome.steady
    assert steady is not None
    grown = sum(_table(steady.held, name) - _table(steady.fresh, name) for name in steady.held.tables)
    creates = outcome.order.warm + steady.creates
    return (found.create * creates + found.update * (steady.changes - steady.creates)) / grown


def _bytes(outcome: Outcome, steady: Steady, marks: Sequence[float]) -> Bytes:
    fresh, created, held = marks
    create = (created - fresh) / outcome.order.warm
    return Bytes(create, (held - created - create * steady.creates) / (steady.changes - steady.creates))


def _table(held: Held, name: str) -> float:
    size = held.tables[name]
    return float(size.rows + size.indexes)
