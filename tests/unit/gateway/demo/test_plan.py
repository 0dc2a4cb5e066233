from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from gateway.demo.plan import Outage, moments, outage_in


def test_an_outage() -> None:
    assert outage_in("jira:8s") == Outage("jira", 8.0)
    assert str(outage_in("snow:0.5m")) == "snow:30s"


@pytest.mark.parametrize("text", ["jira", "hr:10s", "jira:soon", ":10s", "jira:10"])
def test_no_outage(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like|should be a duration"):
        outage_in(text)


def test_troubles_come_apart_and_inside_the_span() -> None:
    for seed in range(50):
        found = moments(5, 3.0, 28.0, Random(seed))
        assert found == sorted(found)
        assert 3.0 < found[0] < found[-1] < 28.0
        assert min(later - earlier for earlier, later in pairwise(found)) >= 1.0
    assert moments(0, 3.0, 28.0, Random(1)) == []
