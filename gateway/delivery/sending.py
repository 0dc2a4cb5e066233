"""What a connector's answer or error means for an attempt. The one place where errors become conclusions."""

from __future__ import annotations

from connectors.contract.errors import (
    BudgetSpent,
    Conflict,
    CredentialsError,
    DeliveryError,
    Disposition,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
    disposition,
)
from gateway.delivery.breaker import Gate
from gateway.sync.attempts import Conclusion, Outcome


def concluded(error: Exception, gate: Gate, *, reading: bool = False) -> Conclusion:
    """The conclusion of a failed call; also tells the gate. `reading`: nothing was sent, so no outcome is unknown."""
    next_step = disposition(error)
    if next_step is Disposition.PROBE and not reading:
        _unanswered(error, gate)
        return _conclusion(Outcome.UNKNOWN, error)
    if isinstance(error, CredentialsError):
        gate.rejected(str(error))
        return _conclusion(Outcome.NOT_APPLIED, error, reason="credentials", retry_after_s=gate.wait_s())
    if isinstance(error, BudgetSpent):  # the system was not asked: that tells nothing about it
        return _conclusion(Outcome.NOT_APPLIED, error, reason="budget", retry_after_s=error.retry_after_s)
    if isinstance(error, Throttled):
        gate.throttled(error.retry_after_s)
        return _conclusion(Outcome.NOT_APPLIED, error, reason="throttled", retry_after_s=gate.wait_s())
    if isinstance(error, Conflict):
        gate.succeeded()
        return _conclusion(Outcome.NOT_APPLIED, error, moved=True)
    if isinstance(error, Refused):
        gate.succeeded()
        return _conclusion(Outcome.REFUSED, error, fields=error.fields)
    if isinstance(error, DeliveryError):
        return _again(error, gate)
    gate.succeeded()
    return _conclusion(Outcome.UNKNOWN if not reading else Outcome.REFUSED, error)


def _unanswered(error: Exception, gate: Gate) -> None:
    """A write without a plain answer: whether the system as a whole is in trouble, the client has told in the
    evidence.
    """
    if isinstance(error, OutcomeUnknown) and not error.evidence.get("down") and error.status is not None:
        gate.succeeded()
    else:
        gate.failed(str(error))


def _again(error: DeliveryError, gate: Gate) -> Conclusion:
    alone = gate.others_succeed
    down = isinstance(error, Retryable) and error.down
    if down:
        gate.failed(str(error))
    counts = alone and not (down and gate.wait_s() > 0)
    after = error.retry_after_s if isinstance(error, Retryable) else None
    return _conclusion(
        Outcome.NOT_APPLIED, error, reason="down" if down else "", counts=counts and not down, retry_after_s=after
    )


def _conclusion(
    outcome: Outcome,
    error: Exception,
    *,
    reason: str = "",
    retry_after_s: float | None = None,
    moved: bool = False,
    counts: bool = False,
    fields: dict[str, str] | None = None,
) -> Conclusion:
    known = isinstance(error, DeliveryError)
    return Conclusion(
        outcome=outcome,
        error=str(error) or type(error).__name__,
        status=error.status if isinstance(error, DeliveryError) else None,
        said=error.said if isinstance(error, DeliveryError) else "",
        evidence=dict(error.evidence) if isinstance(error, DeliveryError) else {"type": type(error).__name__},
        fields=fields or {},
        retry_after_s=retry_after_s,
        moved=moved,
        counts=counts and known,
        reason=reason,
    )
