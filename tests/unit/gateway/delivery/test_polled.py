"""Polls and the gate: they shut it, and open what they have shut, and nothing else."""

from __future__ import annotations

import pytest

from connectors.contract.errors import CredentialsError, OutcomeUnknown, Refused, Retryable, Throttled
from gateway.delivery.breaker import Gate, GateSettings, GateState
from gateway.delivery.polled import Polled
from tests.support.world import FakeClock

DOWN = Retryable("no connection", down=True)
DEAD = CredentialsError("401")


@pytest.fixture
def changes() -> list[GateState]:
    return []


@pytest.fixture
def gate(changes: list[GateState]) -> Gate:
    return Gate(FakeClock(), GateSettings(failures=3), lambda state, reason, wait_s: changes.append(state))


def test_dead_credentials_are_told_at_once_and_end_with_the_next_good_poll(gate: Gate) -> None:
    polled = Polled(gate)
    polled.told(DEAD)
    assert str(gate.state) == "credentials"
    polled.told(DEAD)
    polled.told(None)
    assert str(gate.state) == "closed"


def test_a_system_that_is_down_shuts_it_after_as_many_failures_as_a_lane_needs(gate: Gate) -> None:
    polled = Polled(gate)
    polled.told(DOWN)
    polled.told(DOWN)
    assert str(gate.state) == "closed"
    polled.told(DOWN)
    assert str(gate.state) == "open"
    polled.told(None)
    assert str(gate.state) == "closed"


def test_a_throttled_poll_holds_the_lanes_too(gate: Gate) -> None:
    Polled(gate).told(Throttled("slow down", retry_after_s=30.0))
    assert (gate.state, gate.admits(), gate.wait_s()) == (GateState.THROTTLED, False, 30.0)


@pytest.mark.parametrize("shut", [lambda gate: gate.rejected("401"), lambda gate: [gate.failed("x") for _ in "abc"]])
def test_what_lanes_have_found_is_not_undone_by_a_poll(gate: Gate, shut: object) -> None:
    """Readers are served, writers are not."""
    polled = Polled(gate)
    polled.told(None)
    shut(gate)  # type: ignore[operator]
    state, wait_s = gate.state, gate.wait_s()
    polled.told(DEAD)
    polled.told(None)
    assert (gate.state, gate.wait_s()) == (state, wait_s)


def test_good_polls_do_not_hide_that_writes_fail(gate: Gate) -> None:
    polled = Polled(gate)
    polled.told(None)
    for _ in range(3):
        gate.failed("503")
        polled.told(None)
    assert gate.state is GateState.OPEN


def test_the_first_good_poll_says_that_the_system_works(gate: Gate, changes: list[GateState]) -> None:
    """A case that a former process opened is closed by it."""
    polled = Polled(gate)
    polled.told(None)
    polled.told(None)
    assert changes == [GateState.CLOSED]


@pytest.mark.parametrize("error", [Refused("400"), Retryable("odd"), OutcomeUnknown("?")])
def test_what_says_nothing_about_the_system_is_not_told(gate: Gate, error: Exception) -> None:
    polled = Polled(gate)
    for _ in range(5):
        polled.told(error)
    assert gate.state is GateState.CLOSED
