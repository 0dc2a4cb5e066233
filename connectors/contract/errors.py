"""One tree of errors, grouped by what happens next.

`disposition(error)` is the only place that turns an error into a decision. Errors carry fields, say what happened and
what to do, and never hold a secret or a payload.
"""

from __future__ import annotations

from enum import StrEnum


class Disposition(StrEnum):
    """What the caller does after an error."""

    REFUSE_TO_START = "refuse_to_start"
    CASE = "case"
    AGAIN = "again"
    PROBE = "probe"
    MERGE_AGAIN = "merge_again"
    HOLD_CONNECTION = "hold_connection"
    WAIT = "wait"
    STOP = "stop"
    REJECT_INPUT = "reject_input"


class LockstepError(Exception):
    """Root of everything the product raises on purpose."""

    disposition: Disposition = Disposition.CASE


class ConfigError(LockstepError):
    """The configuration cannot be used. `problems` are lines `file:line:col: error[rule]: text; try ...`."""

    disposition = Disposition.REFUSE_TO_START

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class MappingError(LockstepError):
    """A value that the mapping cannot carry over; becomes a case of class `mapping`."""

    disposition = Disposition.CASE

    def __init__(self, field: str, value: object, *, valid: tuple[object, ...] = (), mapping: str = "") -> None:
        known = f"; known values: {', '.join(map(str, valid))}" if valid else ""
        super().__init__(f"mapping {mapping or '?'}: field {field} has the unknown value {value!r}{known}")
        self.field, self.value, self.valid, self.mapping = field, value, valid, mapping


class InputError(LockstepError):
    """Input from outside (a webhook) that is refused. `status` is the HTTP status to answer."""

    disposition = Disposition.REJECT_INPUT
    status = 400

    def __init__(self, reason: str, *, code: str) -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


class SignatureError(InputError):
    """Missing or wrong signature: 401, counted, nothing stored beyond a digest."""

    status = 401


class MalformedError(InputError):
    """The body is not what the vendor sends: 400."""


class StorageError(LockstepError):
    """Database or stream cannot be used now: stop and acknowledge nothing."""

    disposition = Disposition.STOP


class DeliveryError(LockstepError):
    """A call to a system failed. `status` is the HTTP status if there was an answer, `evidence` is redacted. `said` is
    why, without our request: the system's own words where it gave any; empty where there are none.
    """

    def __init__(
        self, message: str, *, status: int | None = None, evidence: dict[str, object] | None = None, said: str = ""
    ) -> None:
        super().__init__(message)
        self.status, self.evidence, self.said = status, evidence or {}, said


class Retryable(DeliveryError):
    """It certainly had no effect; again later. `retry_after_s` is the system's own wish.

    `down` tells that the system as a whole could not be reached or answered 5xx/502-504: it counts for the breaker.
    """

    disposition = Disposition.AGAIN

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        evidence: dict[str, object] | None = None,
        retry_after_s: float | None = None,
        down: bool = False,
        said: str = "",
    ) -> None:
        super().__init__(message, status=status, evidence=evidence, said=said)
        self.retry_after_s, self.down = retry_after_s, down


class OutcomeUnknown(DeliveryError):
    """The request may have had an effect: sent and not answered, answered 5xx to a write, or cut off. Probe."""

    disposition = Disposition.PROBE


class Refused(DeliveryError):
    """The system said no for good (400, 403, 404, 422): a person must look. `fields` names the fields it blamed."""

    disposition = Disposition.CASE

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        evidence: dict[str, object] | None = None,
        fields: dict[str, str] | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message, status=status, evidence=evidence, said=said)
        self.fields = fields or {}


class Conflict(DeliveryError):
    """Not applied because the object moved (409, 412, transition unavailable): read again, merge again."""

    disposition = Disposition.MERGE_AGAIN


class CredentialsError(DeliveryError):
    """401 or a dead token: hold the whole connection, no attempt is used."""

    disposition = Disposition.HOLD_CONNECTION


class Throttled(DeliveryError):
    """429 or a quota: wait `retry_after_s` (None: the system did not say), no attempt is used."""

    disposition = Disposition.WAIT

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        evidence: dict[str, object] | None = None,
        retry_after_s: float | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message, status=status, evidence=evidence, said=said)
        self.retry_after_s = retry_after_s


class BudgetSpent(Throttled):
    """Not sent: what this connection may send is used up for now. The system was not asked; it says nothing of it."""


def disposition(error: BaseException) -> Disposition:
    """What happens next after `error`. Anything not of our tree is a defect and becomes a case."""
    return error.disposition if isinstance(error, LockstepError) else Disposition.CASE
