"""The sentences people read: how long a title is, what to do next, and a step of the history in words.

What happened is said by whoever opens a case, who knows it best; nothing here repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping

from dead_letter.classify import Cause
from dead_letter.scrub import clean
from dead_letter.values import CaseClass, Step

MAX_TITLE = 140

_NEXT: Mapping[Cause, str] = {
    Cause.VALUE_UNKNOWN: "Add the value to the mapping's table, or change it in the system, then retry.",
    Cause.FIELD_REFUSED: (
        "Correct the value where it was entered, then retry. Discard it if this system need not have it."
    ),
    Cause.FIELD_NOT_KEPT: (
        "See in {connection} whether the field exists for this kind of object and our user may read and write it, then "
        "retry. Discard it if {connection} need not have it."
    ),
    Cause.STEP_UNAVAILABLE: (
        "Make the move possible in the system's workflow, or declare the way in the mapping's steps, then retry."
    ),
    Cause.ITEM_REFUSED: "Remove what it objects to, or discard this one comment; others go on.",
    Cause.TARGET_REFUSED: (
        "Read the system's answer, remove the reason there, then retry. The present values are sent, not the old ones."
    ),
    Cause.TRIES_EXHAUSTED: "Look at the last answer, remove what is special about this record, then retry.",
    Cause.TARGET_MOVING: "Find what keeps changing it (a workflow rule, another integration), then retry.",
    Cause.TARGET_NORMALISES: "Declare in the mapping how the system changes the value, then retry.",
    Cause.CLOSE_REFUSED: "Close it by hand in the system at once, then retry so that it is read back.",
    Cause.CONFLICT_MANUAL: "Compare both values and choose the side that stays. Other fields go on meanwhile.",
    Cause.CONFLICT_FLAPPING: (
        "Find the rule or the integration that keeps changing it and stop it, then retry; or choose the side that "
        "stays."
    ),
    Cause.OUTCOME_UNKNOWN: (
        "Wait: it is looked at again by itself until the system can no longer take the request. Later changes of this "
        "record wait behind it. Send nothing by hand; declare only what you have seen in {connection}."
    ),
    Cause.OUTCOME_AMBIGUOUS: (
        "Ask who edited it last: declare applied if our value was there and was taken back, else not applied."
    ),
    Cause.OUTCOME_UNPROVABLE: (
        "Look in the system yourself and declare what you see; its own notice may still settle it."
    ),
    Cause.WINDOW_UNREAD: "Ask the last editor whether something is missing, enter it again if so, then close.",
    Cause.OBJECT_DUPLICATE: "Merge or close one of the two in the system, then close this case.",
    Cause.TARGET_ABSENT: "Restore it there, or close the record in the other systems, then close this case.",
    Cause.SWEEP_MANY_GONE: (
        "Look in {connection}, with your own account, whether they are gone or only hidden from ours. Gone: accept. "
        "Hidden: give our account its right back, then close. Until then nothing counts as deleted."
    ),
    Cause.CREDENTIALS_DEAD: (
        "Put new credentials where the configuration takes them from: replace the file, or lockstep connection rotate "
        "{connection}. They are proved and used by themselves; only a variable of the environment wants a restart. "
        "Nothing is lost and no attempt is used up meanwhile."
    ),
    Cause.CREDENTIALS_ENDING: (
        "Get a new credential in {connection} before this one ends, then lockstep connection rotate {connection}, or "
        "replace its file. It is proved before it is used, and the old one is kept for a while."
    ),
    Cause.SCHEMA_BREAKS: (
        "Change the mapping to what {connection} has now, or restore it there. lockstep connection show {connection} "
        "names everything that changed. The case closes by itself when they are looked at again."
    ),
    Cause.CHANGE_UNFIT: (
        "Look at the object in {connection} and change what cannot be stored: the next poll brings it. Then close."
    ),
    Cause.POLL_STUCK: (
        "Keep the evidence for a bug report. Webhooks and sweeps go on; polling is tried again by itself, and the case "
        "closes when it works. An object that was edited just before it began may be the reason."
    ),
    Cause.LANE_DEFECT: ("Keep the evidence for a bug report. Retry after an update: what is lacking is computed anew."),
    Cause.CONDITION_UNDECIDED: (
        "Add the value to the mapping, or change the condition or the value in the system, then retry."
    ),
    Cause.LINK_ABSENT: (
        "Find out why the record that is named is not in {connection}; once it is, this goes on by itself. Retry to "
        "wait as long again, or discard to go on without it."
    ),
    Cause.PERSON_LEFT: (
        "Give it to somebody else in the system where it is theirs, or correct the value here; discard leaves it as it "
        "is in {connection}. Retry sends it only if the person was let in again."
    ),
    Cause.PERSON_GIVEN: (
        "Give it to somebody else in {connection}: it closes by itself then. It went to no other system. Taking away "
        "what they have there is a step of the departure."
    ),
    Cause.FEED_BEHIND: (
        "See with lockstep siem status what its receiver says, and bring it back. Nothing is lost meanwhile: what the "
        "spool cannot hold waits in the audit trail. The case closes when it goes on."
    ),
    Cause.NOTICE_POISON: "Keep the evidence for a bug report. Retry after an update; the notice is stored.",
    Cause.LEAVER_ASKS: (
        "Read the question with lockstep leaver show and the number of the departure, and answer it with a reason. "
        "The case closes by itself then."
    ),
    Cause.LEAVER_WHICH: (
        "Several accounts of {connection} could be the person's. Choose with lockstep leaver which; nothing is taken "
        "from any of them before. The case closes by itself then."
    ),
    Cause.LEAVER_FAILED: (
        "Read what {connection} said with lockstep leaver show. Remove the reason there and ask for a recheck, or take "
        "the access away by hand there: the recheck sees it. The case closes by itself once it is gone."
    ),
    Cause.LEAVER_DRIFT: (
        "Somebody or something gave back in {connection} what had been taken away. It is taken away once more by "
        "itself. Find out who did it, or tell that the person is back; then close."
    ),
    Cause.LEAVER_PAST_DUE: (
        "Read with lockstep leaver show what is still open and why. What a system that is down holds up goes on by "
        "itself; everything else waits for somebody. The case closes by itself when nothing is past due any more."
    ),
}
_CLASS_NEXT: Mapping[CaseClass, str] = {
    CaseClass.MAPPING: "Correct the mapping, then retry.",
    CaseClass.REFUSED: "Remove the reason of the refusal in the system, then retry.",
    CaseClass.CONFLICT: "Compare both values and choose the side that stays.",
    CaseClass.UNKNOWN_OUTCOME: "Look again; declare only what you have seen in the system.",
    CaseClass.OVERWRITE: "Ask the last editor whether something is missing, then close.",
    CaseClass.DUPLICATE: "Merge or close one of the two in the system, then close this case.",
    CaseClass.DELETED: "Find out what the deletion means for the other systems, then close.",
    CaseClass.CREDENTIALS: "Put new credentials in place; it goes on by itself.",
    CaseClass.SCHEMA: "Change the mapping, or restore what changed in the system.",
    CaseClass.POISON: "Keep the evidence for a bug report and retry after an update.",
    CaseClass.FEED: "Bring the receiver back; the events that wait go by themselves.",
    CaseClass.DEPARTURE: "Read the departure with lockstep leaver show and see to what it names.",
}


def headline(text: str) -> str:
    """The title of a case: one line without a final stop, cut after a whole word at `MAX_TITLE` characters.

    A system's answer may be a page long; all of it stands in the evidence.
    """
    line = " ".join(clean(text).split()).rstrip(".")
    if len(line) <= MAX_TITLE:
        return line
    words, _, rest = line[:MAX_TITLE].rpartition(" ")
    return f"{words if len(words) > MAX_TITLE // 2 else words + ' ' + rest[:-1]}…".lstrip()


def next_step(cls: CaseClass, cause: str, *, connection: str = "") -> str:
    """What to do next, in one or two sentences; a cause that is not known (an older program's) gets its class's."""
    if cause not in {*Cause}:
        return _CLASS_NEXT[cls]
    return _NEXT[Cause(cause)].format(connection=connection or "the system")


def describe(step: Step) -> str:
    """A step of the history in words, as a stale decision names it."""
    match step.name:
        case "decided":
            what = f"{step.actor} decided {step.action}" + (f" {step.choice}" if step.choice else "")
        case "closed":
            what = f"{step.actor} closed it as {step.action}"
        case "changed":
            what = f"{', '.join(step.changed)} changed"
        case "asked":
            what = f"{step.actor} asked for approval of {step.action}"
        case "rejected":
            what = f"{step.actor} rejected {step.action}"
        case "worked":
            what = _worked(step)
        case "came_back":
            what = "it came back"
        case _:
            what = "it was opened"
    return f"{what} ({step.reason})" if step.reason else what


_WORKED: Mapping[str, str] = {
    "claim": "{actor} took it",
    "release": "{actor} gave it back",
    "delegate": "{actor} handed it to {choice}",
    "assign": "{actor} assigned it to {choice}",
    "escalate": "{actor} escalated it",
    "park": "{actor} parked it until {choice}",
    "unpark": "{actor} took it up again",
    "comment": "{actor} commented",
    "link": "{actor} linked {choice}",
    "unlink": "{actor} removed the link {choice}",
    "attach": "{actor} attached {choice}",
    "add_task": "{actor} added a task",
    "take_task": "{actor} took a task",
    "end_task": "{actor} did a task",
    "drop_task": "{actor} dropped a task",
    "due_soon": "it is due soon",
    "overdue": "it is overdue",
}


def _worked(step: Step) -> str:
    said = _WORKED.get(step.action, "{actor}: " + step.action.replace("_", " "))
    return said.replace("{actor}", step.actor).replace("{choice}", step.choice)
