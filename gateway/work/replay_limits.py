"""How fast and how far a replay may go, by the configuration: its share of what each target takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from gateway.access.rights import Principal, Right
from gateway.config import Config
from gateway.work.workplace import Workplace
from replay.values import Limits

LEAST = 0.1
"""Items a minute: however tight a budget is, a run comes to its end."""


def limits_for(config: Config, connections: Collection[str], sends: int, calls: int) -> Limits:
    """Limits of a plan that sends so many items to these connections by so many calls."""
    wanted = config.replay
    found = [config.connections[name].per_s for name in connections if name in config.connections]
    rates = [each for each in found if each is not None]
    each_takes = max(1.0, calls / sends) if sends else 1.0
    shares = [rate * 60.0 * wanted.share / each_takes for rate in rates]
    return Limits(
        rate=max(LEAST, min([wanted.rate, *shares])),
        ramp=tuple(wanted.ramp),
        wait_after=wanted.wait_after,
        in_a_row=wanted.failures,
        share_failed=wanted.failed_share,
        most_creates=wanted.creates,
        most_deletes=wanted.deletes,
        approve_above=wanted.approve_above,
    )


def wanted_limits(place: Workplace, who: Principal, count: int, asked: Mapping[str, Any]) -> Limits | None:
    """The configuration's limits for so many items, with what is asked for by name; None: nothing is. Right WORK."""
    who.require(Right.WORK)
    if not asked:
        return None
    configured = limits_for(place.config, place.config.connections, count, count)
    return msgspec.convert({**msgspec.to_builtins(configured), **asked}, Limits)


def limits_asked(asked: Limits | None, configured: Limits) -> tuple[Limits, bool]:
    """What whoever plans asked for, and whether that is bolder than the configuration. What needs a second person is
    the configuration's to say.
    """
    if asked is None:
        return configured, False
    limits = msgspec.structs.replace(
        asked,
        most_creates=configured.most_creates,
        most_deletes=configured.most_deletes,
        approve_above=configured.approve_above,
    )
    return limits, not limits.no_bolder(configured)
