"""When what happens in a demo: options are read, moments are drawn."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from gateway.demo.plan import Outage, Plan, moments, outage_in


def test_an_outage() -> None:
    assert outage_in("jira:8s") == Outage("jira", 8.0)
    assert str(outage_in("snow:0.5m")) == "snow:30s"


@pytest.mark.parametrize("text", ["jira", "erp:10s", "jira:soon", ":10s", "jira:10"])
def test_no_outage(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like|should be a duration"):
        outage_in(text)


@pytest.mark.parametrize("url", ["words", "postgresql://h/x", "mysql://h/x", "postgresql+asyncpg://h:port/x"])
def test_a_database_that_cannot_be_one_is_refused_by_the_name_of_its_flag(url: str) -> None:
    with pytest.raises(ValueError, match="--database: this is not a database; try postgresql"):
        Plan(database=url)


@pytest.mark.parametrize("url", ["words", "kafka://", "sqlite:///relative.db"])
def test_a_stream_that_cannot_be_one_is_refused_by_the_name_of_its_flag(url: str) -> None:
    with pytest.raises(ValueError, match="--stream: this is not a stream; try kafka"):
        Plan(stream=url)


def test_troubles_come_apart_and_inside_the_span() -> None:
    for seed in range(50):
        found = moments(5, 3.0, 28.0, Random(seed))
        assert found == sorted(found)
        assert 3.0 < found[0] < found[-1] < 28.0
        assert min(later - earlier for earlier, later in pairwise(found)) >= 1.0
    assert moments(0, 3.0, 28.0, Random(1)) == []
