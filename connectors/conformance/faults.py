"""The faults the kit puts between a client and a system, and what a connector may say of a write that met each.

A word is right if everybody who sees what the client sees may say it: whether the request took effect is decided behind
the client's back, so after a lost answer only `unknown` is right, also where nothing happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connectors.contract.errors import (
    Conflict,
    CredentialsError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
)
from connectors.contract.fixture import Canned, Fixture


class Word(StrEnum):
    """What became of a write, in the connector's words."""

    APPLIED = "applied"
    UNKNOWN = "unknown"
    AGAIN = "again"
    REFUSED = "refused"
    CONFLICT = "conflict"
    THROTTLED = "throttled"
    CREDENTIALS = "credentials"
    DEFECT = "defect"  # an exception that is none of the contract's


_WORDS = {
    OutcomeUnknown: Word.UNKNOWN,
    Refused: Word.REFUSED,
    Conflict: Word.CONFLICT,
    CredentialsError: Word.CREDENTIALS,
    Throttled: Word.THROTTLED,
    Retryable: Word.AGAIN,
}
NO_EFFECT = frozenset({Word.AGAIN, Word.REFUSED, Word.CONFLICT, Word.THROTTLED, Word.CREDENTIALS})
"""Words that assert that there was no effect (`Connector.apply`)."""


def word_of(error: Exception) -> Word:
    """The word for what `apply` raised."""
    return next((word for kind, word in _WORDS.items() if isinstance(error, kind)), Word.DEFECT)


class Goes(StrEnum):
    """Whether the request reaches the system."""

    NO = "no"
    YES = "yes"
    LATE = "late"  # only after the client has given up


class Comes(StrEnum):
    """What the client gets."""

    REFUSED = "refused"  # nobody listens
    HEAD_RESET = "head_reset"  # reset before the request was read whole
    RESET = "reset"
    SILENCE = "silence"
    CANNED = "canned"
    TRUNCATED = "truncated"  # less than Content-Length says
    HALF = "half"  # a whole answer with half a document
    PAGE = "page"  # an HTML page with status 200
    MISLABELLED = "mislabelled"  # the document, called text/html
    MARKED = "marked"  # the system's answer with headers of ours
    SLOW = "slow"
    REDIRECT = "redirect"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way in which a request goes wrong."""

    name: str
    says: str
    goes: Goes
    comes: Comes
    words: frozenset[Word]
    answer: Canned | None = None
    retry_after_s: float | None = None
    """What `Throttled` must carry over."""
    unsent: bool = False
    """The answer asserts that the request was turned away at the door, so it may be sent again with a newer sign-in."""
    lasts: bool = False
    """Every request meets it, not only the first."""

    @property
    def silent(self) -> bool:
        """The client ends it by its own time-out."""
        return self.comes is Comes.SILENCE


RETRY_AFTER_S = 7.0
_UNKNOWN = frozenset({Word.UNKNOWN})
_EITHER = frozenset({Word.UNKNOWN, Word.APPLIED})
_JSON = {"Content-Type": "application/json"}


def _canned(name: str, status: int, **headers: str) -> Canned:
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return Canned(name=name, status=status, headers={**_JSON, **given}, body=b'{"error":{"message":"in trouble"}}')


def _trouble(status: int, goes: Goes, **headers: str) -> Fault:
    after = goes is Goes.YES
    return Fault(
        name=f"{status}_{'after' if after else 'before'}_effect",
        says=f"{status} {'after the work was done' if after else 'before any work'}",
        goes=goes,
        comes=Comes.CANNED,
        words=_UNKNOWN,
        answer=_canned("trouble", status, **headers),
    )


FAULTS = (
    Fault(
        name="slow",
        says="a slow answer, within the time-out",
        goes=Goes.YES,
        comes=Comes.SLOW,
        words=frozenset({Word.APPLIED}),
    ),
    Fault(
        name="not_reached",
        says="nobody listens",
        goes=Goes.NO,
        comes=Comes.REFUSED,
        words=frozenset({Word.AGAIN, Word.UNKNOWN}),
    ),
    Fault(
        name="cut_before_send",
        says="cut while it is being sent",
        goes=Goes.NO,
        comes=Comes.HEAD_RESET,
        words=frozenset({Word.AGAIN, Word.UNKNOWN}),
    ),
    Fault(
        name="cut_after_send",
        says="sent, swallowed, connection cut",
        goes=Goes.NO,
        comes=Comes.RESET,
        words=_UNKNOWN,
    ),
    Fault(
        name="silence_after_send", says="sent, swallowed, silence", goes=Goes.NO, comes=Comes.SILENCE, words=_UNKNOWN
    ),
    Fault(
        name="cut_after_commit",
        says="applied, answer swallowed, connection cut",
        goes=Goes.YES,
        comes=Comes.RESET,
        words=_UNKNOWN,
    ),
    Fault(
        name="silence_after_commit",
        says="applied, answer swallowed, silence",
        goes=Goes.YES,
        comes=Comes.SILENCE,
        words=_UNKNOWN,
    ),
    Fault(
        name="late_commit",
        says="applied after the client had given up",
        goes=Goes.LATE,
        comes=Comes.SILENCE,
        words=_UNKNOWN,
    ),
    Fault(name="truncated", says="applied, answer broken off", goes=Goes.YES, comes=Comes.TRUNCATED, words=_EITHER),
    Fault(name="half_json", says="applied, half a document", goes=Goes.YES, comes=Comes.HALF, words=_EITHER),
    Fault(name="not_json", says="applied, answered by a page", goes=Goes.YES, comes=Comes.PAGE, words=_UNKNOWN),
    Fault(
        name="maintenance",
        says="swallowed, answered 200 by a page",
        goes=Goes.NO,
        comes=Comes.PAGE,
        words=_UNKNOWN,
    ),
    Fault(
        name="wrong_type",
        says="applied, JSON called text/html",
        goes=Goes.YES,
        comes=Comes.MISLABELLED,
        words=_EITHER,
    ),
    Fault(
        name="429_retry_after",
        says="429 with Retry-After",
        goes=Goes.NO,
        comes=Comes.CANNED,
        words=frozenset({Word.THROTTLED}),
        answer=_canned("throttled", 429, Retry_After=f"{RETRY_AFTER_S:.0f}"),
        retry_after_s=RETRY_AFTER_S,
    ),
    Fault(
        name="429",
        says="429 without Retry-After",
        goes=Goes.NO,
        comes=Comes.CANNED,
        words=frozenset({Word.THROTTLED}),
        answer=_canned("throttled", 429),
    ),
    _trouble(500, Goes.NO),
    _trouble(500, Goes.YES),
    _trouble(502, Goes.YES),
    _trouble(503, Goes.NO, Retry_After="3"),
    _trouble(504, Goes.YES),
    Fault(
        name="expired",
        says="401, the sign-in is dead",
        goes=Goes.NO,
        comes=Comes.CANNED,
        words=frozenset({Word.CREDENTIALS}),
        answer=_canned("expired", 401),
        unsent=True,
        lasts=True,
    ),
    Fault(
        name="expired_once",
        says="401 once, as a token does that has just expired",
        goes=Goes.NO,
        comes=Comes.CANNED,
        words=frozenset({Word.CREDENTIALS, Word.APPLIED}),
        answer=_canned("expired", 401),
        unsent=True,
    ),
    Fault(
        name="revoked",
        says="403, the right was taken away",
        goes=Goes.NO,
        comes=Comes.CANNED,
        words=frozenset({Word.CREDENTIALS, Word.REFUSED}),
        answer=_canned("revoked", 403),
        lasts=True,
    ),
    Fault(
        name="redirect",
        says="sent on to another host",
        goes=Goes.NO,
        comes=Comes.REDIRECT,
        words=frozenset({Word.REFUSED, Word.UNKNOWN}),
    ),
)
BY_NAME = {fault.name: fault for fault in FAULTS}


def dead_sign_in(canned: Canned) -> Fault:
    """A vendor's own way of saying that a sign-in is dead. Where the request goes on nevertheless, it did succeed."""
    return Fault(
        name=f"dead_sign_in:{canned.name}",
        says=f"the sign-in is dead, told as {canned.name}",
        goes=Goes.YES if canned.goes_on else Goes.NO,
        comes=Comes.MARKED if canned.goes_on else Comes.CANNED,
        words=_EITHER | {Word.CREDENTIALS} if canned.goes_on else frozenset({Word.CREDENTIALS}),
        answer=canned,
        unsent=not canned.goes_on,
        lasts=not canned.goes_on,
    )


def broken_off(canned: Canned) -> Fault:
    """A vendor's own way of saying that it broke off its work, which may have been done by then."""
    return Fault(
        name=f"broken_off:{canned.name}",
        says=f"applied, answered by {canned.name}",
        goes=Goes.YES,
        comes=Comes.CANNED,
        words=_UNKNOWN,
        answer=Canned(name=canned.name, status=canned.status, headers={**_JSON, **canned.headers}, body=canned.body),
    )


def faults_of(fixture: Fixture) -> tuple[Fault, ...]:
    """All faults that writes of this system meet."""
    return (*FAULTS, *map(dead_sign_in, fixture.dead), *map(broken_off, fixture.cut_off))
