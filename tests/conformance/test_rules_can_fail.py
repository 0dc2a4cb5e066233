"""Rules are held against connectors that break them, and must object: one that lets a wrong connector pass proves
nothing.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.conformance.run import names
from tests.conformance.broken.table import BROKEN
from tests.conformance.running import measured


def test_every_rule_has_a_connector_that_breaks_it() -> None:
    assert sorted(BROKEN) == sorted(names())


@pytest.mark.parametrize("rule", BROKEN)
async def test_the_rule_catches_who_breaks_it(rule: str) -> None:
    """By that rule and with a reason. It would pass wrongly where the kit itself fails: that a sound connector holds
    every rule is shown in `test_grades`.
    """
    wrong = BROKEN[rule]
    some = wrong.fixture.actions[: 2 if rule.startswith("write.") else None]
    fixture = replace(wrong.fixture, actions=some)
    found = await measured(wrong.connector, [fixture], [rule])
    assert found.rules()[rule] == "broken"
    assert all(how for _, _, how in found.broken)
