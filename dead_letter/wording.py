"""The sentences people read: a title per cause, what to do next, and a step of the history in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dead_letter.classify import Cause
from dead_letter.scrub import clean
from dead_letter.values import CaseClass, Step

MAX_TITLE = 200


class Wording(NamedTuple):
    """What happened, with places to fill in, and what to do about it."""

    happened: str
    next: str


_WORDING: Mapping[Cause, Wording] = {
    Cause.VALUE_UNKNOWN: Wording(
        "The mapping does not know the value {value} of {field} in {connection}",
        "Add the value to the mapping's table, or change it in the system, then retry.",
    ),
    Cause.VALUE_MISSING: Wording(
        "{connection} needs {field} for {thing}, and no system has given it",
        "Fill it in where the record is edited; the write goes out by itself, or retry.",
    ),
    Cause.FIELD_REFUSED: Wording(
        "{connection} refuses the value of {field} for {thing}: {said}",
        "Correct the value where it was entered, then retry. Discard it if this system need not have it.",
    ),
    Cause.STEP_UNAVAILABLE: Wording(
        "{connection} offers no move of {thing} to {field} {value}",
        "Make the move possible in the system's workflow, or declare the way in the mapping's steps, then retry.",
    ),
    Cause.ITEM_REFUSED: Wording(
        "{connection} refuses a comment on {thing}: {said}",
        "Remove what it objects to, or discard this one comment; others go on.",
    ),
    Cause.TARGET_REFUSED: Wording(
        "{connection} refuses to write {thing}: {said}",
        "Read the system's answer, remove the reason there, then retry. The present values are sent, not the old ones.",
    ),
    Cause.TARGET_FORBIDDEN: Wording(
        "{connection} does not let the integration user write {thing}",
        "Give the integration user the right named in the answer, then retry.",
    ),
    Cause.TARGET_GONE: Wording(
        "{connection} no longer has {thing}, or hides it from the integration user",
        "Look in the system with your own account. Restore it or the right to see it, then retry; else discard.",
    ),
    Cause.TRIES_EXHAUSTED: Wording(
        "{connection} kept failing for {thing} while other records went through",
        "Look at the last answer, remove what is special about this record, then retry.",
    ),
    Cause.TARGET_MOVING: Wording(
        "{thing} in {connection} kept changing under every write",
        "Find what keeps changing it (a workflow rule, another integration), then retry.",
    ),
    Cause.TARGET_NORMALISES: Wording(
        "{connection} stores {field} of {thing} differently than it was sent",
        "Declare in the mapping how the system changes the value, then retry.",
    ),
    Cause.CLOSE_REFUSED: Wording(
        "{connection} refuses to close {thing} although the person has left",
        "Close it by hand in the system at once, then retry so that it is read back.",
    ),
    Cause.CONFLICT_MANUAL: Wording(
        "{field} of {thing} was changed in two systems at once, and a person decides",
        "Compare both values and choose the side that stays. Other fields go on meanwhile.",
    ),
    Cause.CONFLICT_FLAPPING: Wording(
        "{field} of {thing} flips to and fro without anybody editing it",
        "Choose the side that stays, then find the rule in {connection} that keeps changing it.",
    ),
    Cause.OUTCOME_UNKNOWN: Wording(
        "{connection} did not answer a write of {thing}, and looking has not shown what became of it",
        "Look again. Later changes of this record wait; declare only what you have seen in the system.",
    ),
    Cause.OUTCOME_AMBIGUOUS: Wording(
        "{thing} in {connection} changed after an unanswered write and shows the old value again",
        "Ask who edited it last: declare applied if our value was there and was taken back, else not applied.",
    ),
    Cause.OUTCOME_UNPROVABLE: Wording(
        "{connection} did not answer a write of {thing} and has no way to look it up",
        "Look in the system yourself and declare what you see; its own notice may still settle it.",
    ),
    Cause.WINDOW_UNREAD: Wording(
        "An edit of {thing} in {connection} may have been overwritten in the moment we wrote",
        "Ask the last editor whether something is missing, enter it again if so, then close.",
    ),
    Cause.OBJECT_DUPLICATE: Wording(
        "{connection} has a second object for the record of {thing}",
        "Merge or close one of the two in the system, then close this case.",
    ),
    Cause.TARGET_ABSENT: Wording(
        "{thing} is no longer in {connection}, and nothing says what that means for the others",
        "Restore it there, or close the record in the other systems, then close this case.",
    ),
    Cause.CREDENTIALS_DEAD: Wording(
        "{connection} no longer accepts our credentials; everything for it waits",
        "Put new credentials in place. Nothing is lost and no attempt is used up; it goes on by itself.",
    ),
    Cause.GUARD_REFUSED: Wording(
        "A guard refuses the change of {thing} for {connection}: {said}",
        "Meet the guard's condition, then retry; discard the change if it should not happen.",
    ),
    Cause.NOTICE_POISON: Wording(
        "A notice from {connection} could not be processed because of a defect in this program",
        "Keep the evidence for a bug report. Retry after an update; the notice is stored.",
    ),
}
_CLASS_NEXT: Mapping[CaseClass, str] = {
    CaseClass.MAPPING: "Correct the mapping, then retry.",
    CaseClass.VALIDATION: "Correct the value where it was entered, then retry.",
    CaseClass.REFUSED: "Remove the reason of the refusal in the system, then retry.",
    CaseClass.CONFLICT: "Compare both values and choose the side that stays.",
    CaseClass.UNKNOWN_OUTCOME: "Look again; declare only what you have seen in the system.",
    CaseClass.OVERWRITE: "Ask the last editor whether something is missing, then close.",
    CaseClass.DUPLICATE: "Merge or close one of the two in the system, then close this case.",
    CaseClass.DELETED: "Find out what the deletion means for the other systems, then close.",
    CaseClass.CREDENTIALS: "Put new credentials in place; it goes on by itself.",
    CaseClass.GUARD: "Meet the guard's condition, then retry; or discard the change.",
    CaseClass.POISON: "Keep the evidence for a bug report and retry after an update.",
}


def title(
    cause: Cause, *, connection: str = "", thing: str = "", field: str = "", value: object = None, said: str = ""
) -> str:
    """One plain sentence without a final stop, on one line, at most 200 characters. `thing` is what people call the
    object, `said` the system's own words. Personal values are the caller's duty: hand in `fingerprint.shape` of them.
    """
    sentence = _WORDING[cause].happened.format(
        connection=connection or "a system",
        thing=thing or "an object",
        field=field or "a field",
        value="(empty)" if value is None else repr(value),
        said=said or "it gives no reason",
    )
    line = " ".join(clean(sentence).split()).rstrip(".")
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 3] + "..."


def next_step(cls: CaseClass, cause: str, *, connection: str = "") -> str:
    """What to do next, in one or two sentences; a cause of somebody else's gets its class's."""
    if cause not in {*Cause}:
        return _CLASS_NEXT[cls]
    return _WORDING[Cause(cause)].next.format(connection=connection or "the system")


def describe(step: Step) -> str:
    """A step of the history in words, as a stale decision names it."""
    match step.name:
        case "decided":
            what = f"{step.actor} decided {step.action}" + (f" {step.choice}" if step.choice else "")
        case "closed":
            what = f"{step.actor} closed it as {step.action}"
        case "changed":
            what = f"{', '.join(step.changed)} changed"
        case "came_back":
            what = "it came back"
        case _:
            what = "it was opened"
    return f"{what} ({step.reason})" if step.reason else what
