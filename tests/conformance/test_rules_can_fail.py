"""Rules are held against connectors that break them, and must object: one that lets a wrong connector pass proves
nothing.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.conformance import reads
from connectors.conformance.run import names
from tests.conformance.broken.reading import MarkerIsNotSearchable, TroubleIsEmpty
from tests.conformance.broken.table import BROKEN
from tests.conformance.broken.writing import ATimeOutIsNotApplied, Stumbles
from tests.conformance.running import measured
from tests.conformance.sound import TICKET, Sound


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


CREATES = replace(TICKET, actions=("create",))


async def test_a_probe_that_proves_what_is_not_so_is_caught_where_the_answer_was_lost() -> None:
    """Its words are right; it is the look for the marker that would let the gateway create a second one."""
    found = await measured(MarkerIsNotSearchable, [CREATES], ["write.cut_after_commit", "write.late_commit"])
    complaints = {rule: how for rule, _, how in found.broken}
    assert set(complaints) == {"write.cut_after_commit", "write.late_commit"}
    assert all("the probe by marker said not_applied, the system shows 1" in how for how in complaints.values())


async def test_a_lie_about_the_effect_is_named_beside_the_wrong_word() -> None:
    found = await measured(ATimeOutIsNotApplied, [CREATES], ["write.cut_after_commit"])
    ((_, _, how),) = found.broken
    assert "said again, which asserts that there was no effect, and there was" in how


async def test_an_exception_that_nobody_declared_is_a_finding_and_no_crash() -> None:
    found = await measured(Stumbles, [CREATES], ["write.plain", "read.present"])
    told = {rule: how for rule, _, how in found.broken}
    assert "KeyError" in told["read.present"]
    assert "said defect" in told["write.plain"]


async def test_a_slow_machine_is_not_taken_for_a_connector_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time-out that ends the silence must not strike in the reads before it, which nothing disturbs."""
    monkeypatch.setattr(reads, "READ_HURRIED_S", (1e-6, 2.0))
    held = await measured(Sound, [TICKET], ["read.silence_after_send"])
    assert (held.rules()["read.silence_after_send"], held.broken) == ("held", [])
    wrong = await measured(TroubleIsEmpty, [TICKET], ["read.silence_after_send"])
    assert wrong.rules()["read.silence_after_send"] == "broken"
