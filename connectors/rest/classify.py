"""The one place that says what an answer, or its absence, means: a pure function over plain values.

The question is always the same: may the request have had an effect? Only where it certainly had none may a write be
sent again; everything in doubt is `OutcomeUnknown` and gets probed (DESIGN.md P2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple, TypedDict

from connectors.contract.errors import (
    Conflict,
    CredentialsError,
    DeliveryError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
)
from connectors.rest.answer import Answer, Call, Failure
from connectors.rest.evidence import evidence
from connectors.rest.limits import retry_after


class Sign(StrEnum):
    """What only a vendor's connector can tell from an answer, whatever its status."""

    NOT_SIGNED_IN = "not_signed_in"
    BROKEN_OFF = "broken_off"  # the work was cut off: nothing is known of a write, and a read is incomplete
    THROTTLED = "throttled"  # too much was asked; nothing was done
    NOT_YET = "not_yet"  # declined before any work, for now
    MOVED = "moved"  # not done, because the object is not as the request took it to be
    NO = "no"  # not done, and again would not help


Vendor = Callable[[Call, Answer], Sign | None]
"""A vendor's own signs, looked at before the general rules."""
Blame = Callable[[Answer], tuple[str, dict[str, str]]]
"""Reads a vendor's error body: (message, field -> reason)."""


def no_blame(_: Answer) -> tuple[str, dict[str, str]]:
    """For systems whose error bodies are not read."""
    return "", {}


def classify(
    call: Call,
    answer: Answer | None,
    failure: Failure | None = None,
    *,
    now: float = 0.0,
    vendor: Vendor | None = None,
    blame: Blame = no_blame,
    secrets: Iterable[str] = (),
) -> DeliveryError | None:
    """The error that an answer amounts to; None for success and for statuses in `call.tolerate`. Total: never raises.

    `answer` is None when not even a status line came; then `failure` says how far the request got. An answer whose body
    was cut has `whole=False`: its status still counts when it is an error, because the status alone settles that.
    """
    case = _Case(call, answer, failure, tuple(secrets))
    if answer is None:
        return _unanswered(case)
    sign = vendor(call, answer) if vendor else None
    if sign is Sign.NOT_SIGNED_IN:
        return CredentialsError(case.say("the credentials were not accepted"), **case.found)
    if sign is Sign.BROKEN_OFF:
        wait = retry_after(answer.headers, now)
        return _doubt(case, "the system broke off its work", down=answer.status >= 500, wait=wait)
    if sign is not None:
        return _signed(case, sign, retry_after(answer.headers, now), *blame(answer))
    if answer.status in call.tolerate:
        return None
    if 200 <= answer.status < 300:
        return _success(case, answer)
    return _error(case, answer, retry_after(answer.headers, now), *blame(answer))


def _signed(case: _Case, sign: Sign, wait: float | None, reason: str, fields: dict[str, str]) -> DeliveryError:
    """A sign that says for certain that nothing was done."""
    match sign:
        case Sign.THROTTLED:
            return Throttled(case.say(reason), **case.found, said=reason, retry_after_s=wait)
        case Sign.NOT_YET:
            return Retryable(case.say(reason), **case.found, said=reason, retry_after_s=wait)
        case Sign.MOVED:
            return Conflict(case.say(reason), **case.found, said=reason)
        case _:
            return Refused(case.say(reason), **case.found, said=reason, fields=fields)


class _Found(TypedDict):
    status: int | None
    evidence: dict[str, object]


class _Case(NamedTuple):
    """One exchange under judgement. Evidence is made only when there is an error: most calls have none."""

    call: Call
    answer: Answer | None
    failure: Failure | None
    secrets: tuple[str, ...]

    @property
    def found(self) -> _Found:
        told = evidence(self.call, self.answer, self.failure, self.secrets)
        return {"status": self.answer.status if self.answer else None, "evidence": told}

    def say(self, reason: str) -> str:
        path = self.call.url.partition("://")[2].partition("/")[2].partition("?")[0]
        said = f"{self.call.method} /{path} " + (
            f"answered {self.answer.status}" if self.answer else "was not answered"
        )
        return f"{said}: {reason}" if reason else said


def _unanswered(case: _Case) -> DeliveryError:
    if case.failure is Failure.UNSENDABLE:
        reason = "the request cannot be sent; check the connection's url"
        return Refused(case.say(reason), **case.found, said=reason)
    if case.failure is Failure.NOT_SENT:
        return Retryable(case.say("the system was not reached, nothing was sent"), **case.found, down=True)
    return _doubt(case, "it was sent and may have been received", down=True)


def _success(case: _Case, answer: Answer) -> DeliveryError | None:
    if case.failure is Failure.TOO_LARGE and not case.call.write:
        reason = "the answer exceeds the size cap"
        return Refused(case.say(reason), **case.found, said=reason)
    if not answer.whole:
        return _doubt(case, "the answer was cut off")
    if case.call.empty_ok and not answer.body:
        return None
    if not answer.is_json:
        return _doubt(case, "a document was due and something else came")
    complaint = case.call.sound(answer.data) if case.call.sound else ""
    return _doubt(case, complaint) if complaint else None


def _error(case: _Case, answer: Answer, wait: float | None, reason: str, fields: dict[str, str]) -> DeliveryError:
    status = answer.status
    if status in _SIGN_IN:
        return CredentialsError(case.say(reason), **case.found, said=reason)
    if status == 429:
        return Throttled(case.say(reason), **case.found, said=reason, retry_after_s=wait)
    if status in _CONFLICT:
        return Conflict(case.say(reason), **case.found, said=reason)
    if status in _NOT_YET:
        return Retryable(case.say(reason), **case.found, said=reason, retry_after_s=wait)
    if status in _UNSETTLED or (status >= 500 and status not in _NEVER_DONE):
        return _doubt(case, reason, down=status >= 500, wait=wait)
    return Refused(case.say(reason), **case.found, said=reason, fields=fields)


_SIGN_IN = frozenset({401, 407})
_CONFLICT = frozenset({409, 412})
_NOT_YET = frozenset({423, 425})
"""Locked, too early: declined before any work."""
_NEVER_DONE = frozenset({501, 505})
"""The server does not know the method or the protocol version, so it cannot have carried the request out."""
_UNSETTLED = frozenset({303, 408})
"""303 points to the result of work that may have been done; 408 also comes from gateways that gave up on the server
behind.
"""


def _doubt(case: _Case, reason: str, *, down: bool = False, wait: float | None = None) -> DeliveryError:
    """Answered with nothing to rely on: a write may have been applied, a read may be repeated.

    This holds for 503 too, with or without Retry-After: gateways send it when the server behind them is slow to answer,
    and that server may go on. Neither vendor documents that its 503 comes before any work. What an outcome in doubt
    tells about the system as a whole is in its evidence (`down`, `retry_after_s`), for the breaker.
    """
    if not case.call.write:
        return Retryable(case.say(reason), **case.found, said=reason, retry_after_s=wait, down=down)
    found = case.found
    found["evidence"] |= {"down": down} | ({} if wait is None else {"retry_after_s": wait})
    return OutcomeUnknown(case.say(reason), **found, said=reason)
