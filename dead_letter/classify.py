"""What kind of case an error or a situation is, and what a person may do about that kind. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from connectors.contract.errors import (
    ConfigError,
    Conflict,
    CredentialsError,
    InputError,
    MappingError,
    OutcomeUnknown,
    Refused,
    Retryable,
    StorageError,
    Throttled,
)
from dead_letter.values import CaseClass


class Cause(StrEnum):
    """Known causes. A connector or a guard may bring others; they get the wording and actions of their class."""

    VALUE_UNKNOWN = "value.unknown"
    VALUE_MISSING = "value.missing"
    FIELD_REFUSED = "field.refused"
    STEP_UNAVAILABLE = "step.unavailable"
    ITEM_REFUSED = "item.refused"
    TARGET_REFUSED = "target.refused"
    TARGET_FORBIDDEN = "target.forbidden"
    TARGET_ABSENT = "target.absent"
    TARGET_GONE = "target.gone"
    TRIES_EXHAUSTED = "tries.exhausted"
    TARGET_MOVING = "target.moving"
    TARGET_NORMALISES = "target.normalises"
    CLOSE_REFUSED = "close.refused"
    CONFLICT_MANUAL = "conflict.manual"
    CONFLICT_FLAPPING = "conflict.flapping"
    OUTCOME_UNKNOWN = "outcome.unknown"
    OUTCOME_AMBIGUOUS = "outcome.ambiguous"
    OUTCOME_UNPROVABLE = "outcome.unprovable"
    WINDOW_UNREAD = "window.unread"
    OBJECT_DUPLICATE = "object.duplicate"
    CREDENTIALS_DEAD = "credentials.dead"
    GUARD_REFUSED = "guard.refused"
    NOTICE_POISON = "notice.poison"


class ActionName(StrEnum):
    """What a person can ask for."""

    RETRY = "retry"
    DISCARD = "discard"
    LOOK = "look"
    DECLARE_APPLIED = "declare_applied"
    DECLARE_NOT_APPLIED = "declare_not_applied"
    RESOLVE = "resolve"
    CLOSE = "close"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The actions of one class. Every action is allowed or forbidden with a reason; the recommended one is allowed."""

    recommended: ActionName
    allowed: frozenset[ActionName]
    forbidden: Mapping[ActionName, str]


class Classification(msgspec.Struct, frozen=True, kw_only=True):
    """What an error or a situation is as a case."""

    cls: CaseClass
    cause: Cause
    rules: Rules


_CLASS_OF: Mapping[Cause, CaseClass] = {
    Cause.VALUE_UNKNOWN: CaseClass.MAPPING,
    Cause.VALUE_MISSING: CaseClass.VALIDATION,
    Cause.FIELD_REFUSED: CaseClass.VALIDATION,
    Cause.STEP_UNAVAILABLE: CaseClass.REFUSED,
    Cause.ITEM_REFUSED: CaseClass.REFUSED,
    Cause.TARGET_REFUSED: CaseClass.REFUSED,
    Cause.TARGET_FORBIDDEN: CaseClass.REFUSED,
    Cause.TARGET_ABSENT: CaseClass.DELETED,
    Cause.TARGET_GONE: CaseClass.REFUSED,
    Cause.TRIES_EXHAUSTED: CaseClass.REFUSED,
    Cause.TARGET_MOVING: CaseClass.REFUSED,
    Cause.TARGET_NORMALISES: CaseClass.REFUSED,
    Cause.CLOSE_REFUSED: CaseClass.REFUSED,
    Cause.CONFLICT_MANUAL: CaseClass.CONFLICT,
    Cause.CONFLICT_FLAPPING: CaseClass.CONFLICT,
    Cause.OUTCOME_UNKNOWN: CaseClass.UNKNOWN_OUTCOME,
    Cause.OUTCOME_AMBIGUOUS: CaseClass.UNKNOWN_OUTCOME,
    Cause.OUTCOME_UNPROVABLE: CaseClass.UNKNOWN_OUTCOME,
    Cause.WINDOW_UNREAD: CaseClass.OVERWRITE,
    Cause.OBJECT_DUPLICATE: CaseClass.DUPLICATE,
    Cause.CREDENTIALS_DEAD: CaseClass.CREDENTIALS,
    Cause.GUARD_REFUSED: CaseClass.GUARD,
    Cause.NOTICE_POISON: CaseClass.POISON,
}

_NOT_UNANSWERED = "No request is without an answer, so there is nothing to look for."
_NOT_IN_DOUBT = "The outcome is not in doubt; only an unknown one can be declared."
_NO_SIDES = "There are no two values to choose from."
_STILL_WAITS = "Something still waits here and would go on waiting. Retry it, or discard it with a reason."
_NOTHING_WAITS = "Nothing waits to be sent, so there is nothing to send again."
_NOTHING_TO_DROP = "Nothing waits to be sent, so there is nothing to discard. Close it once it is seen to."
_MAY_HAVE_HAPPENED = (
    "The request may have taken effect; sent again it could do so twice. Look, or declare what you saw."
)
_UNKNOWN_STAYS = "Nobody knows yet whether it took effect. Look, or declare with proof what became of it."
_CHOOSE = "Two values stand against each other and both are kept. Choose the side that stays."
_ENDS_BY_ITSELF = "It closes by itself as soon as the connection can sign in."

_DEFAULT_WHY: Mapping[ActionName, str] = {
    ActionName.RETRY: _NOTHING_WAITS,
    ActionName.DISCARD: _NOTHING_TO_DROP,
    ActionName.LOOK: _NOT_UNANSWERED,
    ActionName.DECLARE_APPLIED: _NOT_IN_DOUBT,
    ActionName.DECLARE_NOT_APPLIED: _NOT_IN_DOUBT,
    ActionName.RESOLVE: _NO_SIDES,
    ActionName.CLOSE: _STILL_WAITS,
}


def _rules(recommended: ActionName, *others: ActionName, why: Mapping[ActionName, str] | None = None) -> Rules:
    allowed = frozenset({recommended, *others})
    reasons = {**_DEFAULT_WHY, **(why or {})}
    forbidden = {action: reason for action, reason in reasons.items() if action not in allowed}
    return Rules(recommended=recommended, allowed=allowed, forbidden=forbidden)


_RESEND = _rules(ActionName.RETRY, ActionName.DISCARD)
_SEE_TO_IT = _rules(ActionName.CLOSE)
_RULES: Mapping[CaseClass, Rules] = {
    CaseClass.MAPPING: _RESEND,
    CaseClass.VALIDATION: _RESEND,
    CaseClass.REFUSED: _RESEND,
    CaseClass.GUARD: _RESEND,
    CaseClass.POISON: _RESEND,
    CaseClass.CONFLICT: _rules(
        ActionName.RESOLVE,
        why={ActionName.RETRY: _CHOOSE, ActionName.DISCARD: _CHOOSE, ActionName.CLOSE: _CHOOSE},
    ),
    CaseClass.UNKNOWN_OUTCOME: _rules(
        ActionName.LOOK,
        ActionName.DECLARE_APPLIED,
        ActionName.DECLARE_NOT_APPLIED,
        why={
            ActionName.RETRY: _MAY_HAVE_HAPPENED,
            ActionName.DISCARD: _UNKNOWN_STAYS,
            ActionName.CLOSE: _UNKNOWN_STAYS,
        },
    ),
    CaseClass.OVERWRITE: _SEE_TO_IT,
    CaseClass.DUPLICATE: _SEE_TO_IT,
    CaseClass.DELETED: _SEE_TO_IT,
    CaseClass.CREDENTIALS: _rules(
        ActionName.RETRY, why={ActionName.DISCARD: _ENDS_BY_ITSELF, ActionName.CLOSE: _ENDS_BY_ITSELF}
    ),
}
_NARROWER: Mapping[str, Mapping[ActionName, str]] = {
    # P8: giving up a close would leave a leaver's access in place, by a click.
    Cause.CLOSE_REFUSED: {
        ActionName.DISCARD: "The person has left; discarding leaves the access open. Remove what hinders, then retry."
    },
}


def rules_of(cls: CaseClass, cause: str = "") -> Rules:
    """The actions of a class, narrowed where the cause asks for it; a cause never widens them."""
    rules = _RULES[cls]
    narrower = _NARROWER.get(cause)
    if not narrower:
        return rules
    return Rules(
        recommended=rules.recommended,
        allowed=rules.allowed - narrower.keys(),
        forbidden={**rules.forbidden, **narrower},
    )


def class_of(cause: Cause) -> CaseClass:
    """The class of a known cause."""
    return _CLASS_OF[cause]


def classify(what: BaseException | Cause) -> Classification | None:
    """What `what` is once it has to become a case: for a Retryable when the lane has given up, for a Conflict when
    merging again did not help. None: it never becomes a case, because it stops the program (ConfigError, StorageError),
    is answered at the door (InputError) or only waits (Throttled). Anything not of our tree is a defect: poison.
    """
    cause = what if isinstance(what, Cause) else _cause(what)
    if cause is None:
        return None
    cls = class_of(cause)
    return Classification(cls=cls, cause=cause, rules=rules_of(cls, cause))


def _cause(error: BaseException) -> Cause | None:
    match error:
        case ConfigError() | StorageError() | InputError() | Throttled():
            return None
        case MappingError():
            return Cause.VALUE_UNKNOWN
        case OutcomeUnknown():
            return Cause.OUTCOME_UNKNOWN
        case Refused():
            return _refusal(error)
        case Retryable():
            return Cause.TRIES_EXHAUSTED
        case Conflict():
            return Cause.TARGET_MOVING
        case CredentialsError():
            return Cause.CREDENTIALS_DEAD
        case _:
            return Cause.NOTICE_POISON


def _refusal(error: Refused) -> Cause:
    if error.fields:
        return Cause.FIELD_REFUSED
    if error.status == 403:
        return Cause.TARGET_FORBIDDEN
    if error.status in {404, 410}:
        return Cause.TARGET_GONE
    return Cause.TARGET_REFUSED
