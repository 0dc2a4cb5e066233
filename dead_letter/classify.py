"""What kind of case a cause is, and what a person may do about that kind. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from dead_letter.values import CaseClass


class Cause(StrEnum):
    """Every cause that the gateway gives. Stable: a metric label and a search term."""

    VALUE_UNKNOWN = "value.unknown"
    FIELD_REFUSED = "field.refused"
    FIELD_NOT_KEPT = "field.not_kept"
    STEP_UNAVAILABLE = "step.unavailable"
    ITEM_REFUSED = "item.refused"
    TARGET_REFUSED = "target.refused"
    TARGET_ABSENT = "target.absent"
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
    SWEEP_MANY_GONE = "sweep.many_gone"
    CREDENTIALS_DEAD = "credentials.dead"
    CREDENTIALS_ENDING = "credentials.ending"
    SCHEMA_BREAKS = "schema.breaks"
    NOTICE_POISON = "notice.poison"
    CHANGE_UNFIT = "change.unfit"
    POLL_STUCK = "poll.stuck"
    LANE_DEFECT = "lane.defect"
    CONDITION_UNDECIDED = "condition.undecided"
    LINK_ABSENT = "link.absent"
    PERSON_LEFT = "person.left"
    PERSON_GIVEN = "person.given"
    FEED_BEHIND = "feed.behind"
    LEAVER_ASKS = "leaver.asks"
    LEAVER_WHICH = "leaver.which"
    LEAVER_FAILED = "leaver.failed"
    LEAVER_DRIFT = "leaver.drift"
    LEAVER_PAST_DUE = "leaver.past_due"


class ActionName(StrEnum):
    """What a person can ask for."""

    RETRY = "retry"
    DISCARD = "discard"
    LOOK = "look"
    DECLARE_APPLIED = "declare_applied"
    DECLARE_NOT_APPLIED = "declare_not_applied"
    RESOLVE = "resolve"
    CORRECT = "correct"
    ACCEPT = "accept"
    CLOSE = "close"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The actions of one class. Every action is allowed or forbidden with a reason; the recommended one is allowed."""

    recommended: ActionName
    allowed: frozenset[ActionName]
    forbidden: Mapping[ActionName, str]


_CLASS_OF: Mapping[Cause, CaseClass] = {
    Cause.VALUE_UNKNOWN: CaseClass.MAPPING,
    Cause.FIELD_REFUSED: CaseClass.REFUSED,
    Cause.FIELD_NOT_KEPT: CaseClass.REFUSED,
    Cause.STEP_UNAVAILABLE: CaseClass.REFUSED,
    Cause.ITEM_REFUSED: CaseClass.REFUSED,
    Cause.TARGET_REFUSED: CaseClass.REFUSED,
    Cause.TARGET_ABSENT: CaseClass.DELETED,
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
    Cause.SWEEP_MANY_GONE: CaseClass.DELETED,
    Cause.CREDENTIALS_DEAD: CaseClass.CREDENTIALS,
    Cause.CREDENTIALS_ENDING: CaseClass.CREDENTIALS,
    Cause.SCHEMA_BREAKS: CaseClass.SCHEMA,
    Cause.NOTICE_POISON: CaseClass.POISON,
    Cause.CHANGE_UNFIT: CaseClass.POISON,
    Cause.POLL_STUCK: CaseClass.POISON,
    Cause.LANE_DEFECT: CaseClass.POISON,
    Cause.CONDITION_UNDECIDED: CaseClass.MAPPING,
    Cause.LINK_ABSENT: CaseClass.MAPPING,
    Cause.PERSON_LEFT: CaseClass.MAPPING,
    Cause.PERSON_GIVEN: CaseClass.MAPPING,
    Cause.FEED_BEHIND: CaseClass.FEED,
    Cause.LEAVER_ASKS: CaseClass.DEPARTURE,
    Cause.LEAVER_WHICH: CaseClass.DEPARTURE,
    Cause.LEAVER_FAILED: CaseClass.DEPARTURE,
    Cause.LEAVER_DRIFT: CaseClass.DEPARTURE,
    Cause.LEAVER_PAST_DUE: CaseClass.DEPARTURE,
}

_NOT_UNANSWERED = "No request is without an answer, so there is nothing to look for."
_NOT_IN_DOUBT = "The outcome is not in doubt; only an unknown one can be declared."
_NO_SIDES = "There are no two values to choose from."
_NO_VALUE = "No value of a record stands in the way here, so there is none to correct."
_NONE_MISSING = "No comparison was stopped here, so there are no deletions to accept."
_STILL_WAITS = "Something still waits here and would go on waiting. Retry it, or discard it with a reason."
_NOTHING_WAITS = "Nothing waits to be sent, so there is nothing to send again."
_NOTHING_TO_DROP = "Nothing waits to be sent, so there is nothing to discard. Close it once it is seen to."
_MAY_HAVE_HAPPENED = (
    "The request may have taken effect; sent again it could do so twice. Look, or declare what you saw."
)
_UNKNOWN_STAYS = "Nobody knows yet whether it took effect. Look, or declare with proof what became of it."
_CHOOSE = "Two values stand against each other and both are kept. Choose the side that stays."
_CHOOSE_VALUE = "Two values stand against each other. Resolve it, with another value if neither is right."
_SWEPT_AGAIN = (
    "Every round compares anew. Accept the deletions if they are real, else close once we may see them again."
)
_ENDS_BY_ITSELF = "It closes by itself as soon as the connection can sign in."

_DEFAULT_WHY: Mapping[ActionName, str] = {
    ActionName.RETRY: _NOTHING_WAITS,
    ActionName.DISCARD: _NOTHING_TO_DROP,
    ActionName.LOOK: _NOT_UNANSWERED,
    ActionName.DECLARE_APPLIED: _NOT_IN_DOUBT,
    ActionName.DECLARE_NOT_APPLIED: _NOT_IN_DOUBT,
    ActionName.RESOLVE: _NO_SIDES,
    ActionName.CORRECT: _NO_VALUE,
    ActionName.ACCEPT: _NONE_MISSING,
    ActionName.CLOSE: _STILL_WAITS,
}


def _rules(recommended: ActionName, *others: ActionName, why: Mapping[ActionName, str] | None = None) -> Rules:
    allowed = frozenset({recommended, *others})
    reasons = {**_DEFAULT_WHY, **(why or {})}
    forbidden = {action: reason for action, reason in reasons.items() if action not in allowed}
    return Rules(recommended=recommended, allowed=allowed, forbidden=forbidden)


_RESEND = _rules(ActionName.RETRY, ActionName.DISCARD)
_PUT_RIGHT = _rules(ActionName.RETRY, ActionName.DISCARD, ActionName.CORRECT)
_SEE_TO_IT = _rules(ActionName.CLOSE)
_RULES: Mapping[CaseClass, Rules] = {
    CaseClass.MAPPING: _PUT_RIGHT,
    CaseClass.REFUSED: _PUT_RIGHT,
    CaseClass.POISON: _RESEND,
    CaseClass.CONFLICT: _rules(
        ActionName.RESOLVE,
        why={
            ActionName.RETRY: _CHOOSE,
            ActionName.DISCARD: _CHOOSE,
            ActionName.CLOSE: _CHOOSE,
            ActionName.CORRECT: _CHOOSE_VALUE,
        },
    ),
    CaseClass.UNKNOWN_OUTCOME: _rules(
        ActionName.LOOK,
        ActionName.DECLARE_APPLIED,
        ActionName.DECLARE_NOT_APPLIED,
        why={
            ActionName.RETRY: _MAY_HAVE_HAPPENED,
            ActionName.DISCARD: _UNKNOWN_STAYS,
            ActionName.CORRECT: _UNKNOWN_STAYS,
            ActionName.CLOSE: _UNKNOWN_STAYS,
        },
    ),
    CaseClass.OVERWRITE: _SEE_TO_IT,
    CaseClass.DUPLICATE: _SEE_TO_IT,
    CaseClass.DELETED: _SEE_TO_IT,
    CaseClass.SCHEMA: _SEE_TO_IT,  # closes by itself when the description or the mapping is mended
    CaseClass.FEED: _SEE_TO_IT,  # closes by itself when the receiver has what waited
    CaseClass.DEPARTURE: _SEE_TO_IT,  # closes by itself once it is answered or gone; closed before, it comes back
    CaseClass.CREDENTIALS: _rules(
        ActionName.LOOK,
        why={
            ActionName.RETRY: _ENDS_BY_ITSELF,
            ActionName.DISCARD: _ENDS_BY_ITSELF,
            ActionName.CLOSE: _ENDS_BY_ITSELF,
        },
    ),
}
_OF_CAUSE: Mapping[str, Rules] = {
    # P8: giving up a close would leave a leaver's access in place, by a click.
    Cause.CLOSE_REFUSED: _rules(
        ActionName.RETRY,
        why={
            ActionName.DISCARD: "The person has left; discarding leaves the access open. "
            "Remove what hinders, then retry."
        },
    ),
    Cause.CONFLICT_FLAPPING: _rules(
        ActionName.RESOLVE,
        ActionName.RETRY,
        why={
            ActionName.DISCARD: _CHOOSE,
            ActionName.CLOSE: _CHOOSE,
            ActionName.CORRECT: _CHOOSE_VALUE,
        },
    ),
    Cause.SWEEP_MANY_GONE: _rules(
        ActionName.CLOSE, ActionName.ACCEPT, why={ActionName.RETRY: _SWEPT_AGAIN, ActionName.DISCARD: _SWEPT_AGAIN}
    ),
    Cause.PERSON_GIVEN: _SEE_TO_IT,  # nothing of ours waits: somebody else is to have it, or the person is back
    Cause.POLL_STUCK: _SEE_TO_IT,  # the next turn tries anyway, and its success closes the case
    Cause.CHANGE_UNFIT: _SEE_TO_IT,  # it was not stored, so nothing could be tried again
}
"""Causes that offer less, or other, actions than their class."""


def rules_of(cls: CaseClass, cause: str = "") -> Rules:
    """The actions of a cause that has its own, else of its class."""
    return _OF_CAUSE.get(cause, _RULES[cls])


def class_of(cause: Cause) -> CaseClass:
    """The class of a known cause."""
    return _CLASS_OF[cause]
