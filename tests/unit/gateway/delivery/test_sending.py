"""What each failure of a call means: for the attempt, for the tries, and for the gate."""

from __future__ import annotations

import pytest

from connectors.contract.errors import (
    Conflict,
    CredentialsError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
)
from gateway.delivery.breaker import Gate, GateSettings, GateState
from gateway.delivery.sending import concluded
from gateway.sync.attempts import Conclusion, Outcome
from tests.support.world import FakeClock


def fresh() -> Gate:
    return Gate(FakeClock(), GateSettings(failures=1, retry_s=2.0, cap_s=10.0))


@pytest.mark.parametrize(
    ("error", "outcome", "state"),
    [
        (OutcomeUnknown("no answer"), Outcome.UNKNOWN, GateState.OPEN),
        (OutcomeUnknown("odd answer", status=200), Outcome.UNKNOWN, GateState.CLOSED),
        (OutcomeUnknown("busy", status=503, evidence={"down": True}), Outcome.UNKNOWN, GateState.OPEN),
        (Retryable("no way there", down=True), Outcome.NOT_APPLIED, GateState.OPEN),
        (Retryable("try again"), Outcome.NOT_APPLIED, GateState.CLOSED),
        (CredentialsError("401", status=401), Outcome.NOT_APPLIED, GateState.CREDENTIALS),
        (Throttled("429", status=429, retry_after_s=7.0), Outcome.NOT_APPLIED, GateState.THROTTLED),
        (Conflict("412", status=412), Outcome.NOT_APPLIED, GateState.CLOSED),
        (Refused("400", status=400), Outcome.REFUSED, GateState.CLOSED),
        (ValueError("a defect of the connector"), Outcome.UNKNOWN, GateState.CLOSED),
    ],
)
def test_a_write_that_failed(error: Exception, outcome: Outcome, state: GateState) -> None:
    gate = fresh()
    assert concluded(error, gate).outcome is outcome
    assert gate.state is state


@pytest.mark.parametrize(
    "error",
    [
        Retryable("no way there", down=True),
        CredentialsError("401", status=401),
        Throttled("429", status=429),
        Conflict("409", status=409),
    ],
)
def test_what_uses_up_no_try(error: Exception) -> None:
    assert not concluded(error, fresh()).counts, "an outage costs no attempts (P10)"


def test_only_a_failure_of_this_lane_alone_uses_up_a_try() -> None:
    gate = fresh()
    assert concluded(Retryable("lock wait"), gate).counts
    gate.failed("down")
    assert not concluded(Retryable("lock wait"), gate).counts


def test_reads_leave_no_outcome_unknown() -> None:
    conclusion: Conclusion = concluded(ValueError("a defect"), fresh(), reading=True)
    assert conclusion.outcome is not Outcome.UNKNOWN
    assert concluded(Throttled("429", retry_after_s=3.0), fresh(), reading=True).retry_after_s == pytest.approx(3.0)


def test_what_the_system_said_is_told_apart_from_what_we_asked() -> None:
    """Titles of cases are made of `words`: a request line is for nobody who reads them."""
    asked = "PUT /rest/api/3/issue/1 answered 423"
    locked = concluded(Retryable(f"{asked}: locked by a job", status=423, said="locked by a job"), fresh())
    assert (locked.words, locked.quoted, locked.error) == (
        "locked by a job",
        ("423", "locked by a job"),
        f"{asked}: locked by a job",
    )
    silent = concluded(Refused(asked, status=423), fresh())
    assert (silent.words, silent.quoted) == ("it answered 423", ("423", ""))
    ours = concluded(ValueError("a defect of the connector"), fresh())
    assert (ours.words, ours.quoted) == ("a defect of the connector", ("", ""))
