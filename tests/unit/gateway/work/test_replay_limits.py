"""How fast a plan may be run: the share of what its targets take, and what is bolder than one person may ask for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from gateway.config import Config
from gateway.config.replay import Replays
from gateway.work.replay_limits import LEAST, limits_asked, limits_for


def config(rates: dict[str, float | None], **settings: Any) -> Config:
    connections = {name: SimpleNamespace(per_s=rate) for name, rate in rates.items()}
    return cast(Config, SimpleNamespace(connections=connections, replay=Replays(**settings)))


@pytest.mark.parametrize(
    ("rates", "sends", "calls", "rate"),
    [
        ({"jira": None}, 10, 10, 600.0),  # no budget is known: what the configuration says
        ({"jira": 1.0}, 10, 10, 18.0),  # 60 calls a minute, of which 30 %
        ({"jira": 1.0}, 10, 20, 9.0),  # each item takes two
        ({"jira": 1.0, "snow": 0.5}, 10, 10, 9.0),  # the tightest of all
        ({"jira": 100.0}, 10, 10, 600.0),  # never faster than the configuration says
        ({"jira": 0.001}, 10, 10, LEAST),  # however tight, it comes to its end
        ({"jira": 1.0}, 0, 0, 18.0),
    ],
)
def test_a_run_takes_its_share_of_the_tightest_budget(
    rates: dict[str, float | None], sends: int, calls: int, rate: float
) -> None:
    assert limits_for(config(rates), rates, sends, calls).rate == pytest.approx(rate)


def test_only_the_plans_own_targets_count() -> None:
    assert limits_for(config({"jira": 1.0, "slow": 0.01}), ["jira"], 1, 1).rate == pytest.approx(18.0)
    assert limits_for(config({"jira": 1.0}, share=1.0), ["jira", "gone"], 1, 1).rate == pytest.approx(60.0)


def test_what_one_person_may_is_the_configurations_to_say() -> None:
    configured = limits_for(config({"jira": 1.0}, creates=7, deletes=1, approve_above=9), ["jira"], 1, 1)
    assert limits_asked(None, configured) == (configured, False)
    wish = msgspec.structs.replace(configured, rate=5.0, most_creates=1000, most_deletes=1000, approve_above=1000)
    limits, bolder = limits_asked(wish, configured)
    assert (limits.rate, limits.most_creates, limits.most_deletes, limits.approve_above) == (5.0, 7, 1, 9)
    assert not bolder
    assert limits_asked(msgspec.structs.replace(configured, rate=1000.0), configured)[1]
