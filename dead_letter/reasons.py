"""Why people decide as they do: a closed list per class, so that it can be counted, and free text beside it."""

from __future__ import annotations

from collections.abc import Mapping

from dead_letter.values import CaseClass

OTHER = "other"
_OTHER = {OTHER: "another reason, said in words"}
_EVERYWHERE = {
    "not_needed": "the other system need not have it",
    "done_by_hand": "it was put right by hand",
    "duplicate_case": "it is seen to in another case",
    "test_data": "it is test data",
}
_CODES: Mapping[CaseClass, Mapping[str, str]] = {
    CaseClass.MAPPING: {
        "mapping_extended": "the mapping knows the value now",
        "value_corrected": "the value was wrong and was corrected",
        "value_unwanted": "the value is not wanted in the other system",
    },
    CaseClass.REFUSED: {
        "cause_removed": "what the system objected to was removed",
        "value_corrected": "the value was wrong and was corrected",
        "project_archived": "the place it belongs to is archived or closed",
        "rights_given": "our user was given the right it lacked",
    },
    CaseClass.CONFLICT: {
        "owner_decided": "whoever owns the value decided",
        "newer_is_right": "the newer value is right",
        "agreed_between_teams": "both sides agreed on it",
    },
    CaseClass.UNKNOWN_OUTCOME: {
        "seen_in_system": "it was seen in the system",
        "seen_in_log": "the system's own log shows it",
        "confirmed_by_vendor": "whoever runs the system confirmed it",
    },
    CaseClass.OVERWRITE: {
        "nothing_lost": "the last editor misses nothing",
        "entered_again": "the edit was entered again",
    },
    CaseClass.DUPLICATE: {
        "merged": "both objects were merged",
        "one_closed": "one of the two was closed",
        "both_wanted": "both are wanted, and they are not the same",
    },
    CaseClass.DELETED: {
        "deleted_on_purpose": "it was deleted on purpose",
        "restored": "it was restored",
        "hidden_from_us": "it was hidden from our user and is not any more",
        "archived": "it was archived",
    },
    CaseClass.CREDENTIALS: {"credentials_renewed": "the credentials were renewed"},
    CaseClass.SCHEMA: {
        "mapping_changed": "the mapping was changed",
        "restored_there": "it was restored in the system",
        "not_needed": "what is gone is not needed any more",
    },
    CaseClass.FEED: {
        "receiver_back": "the receiver takes events again",
        "receiver_given_up": "there is no such receiver any more",
    },
    CaseClass.POISON: {
        "reported": "it was reported, with the evidence",
        "object_changed": "what could not be stored was changed in the system",
        "updated": "the program was updated",
    },
    CaseClass.DEPARTURE: {
        "seen_to": "it was seen to in the system, and the departure says so",
        "answered": "the question was answered",
    },
}


def codes_of(cls: CaseClass) -> dict[str, str]:
    """Code -> words, those of the class first, `other` last."""
    return {**_CODES[cls], **_EVERYWHERE, **_OTHER}


def reason_of(cls: CaseClass, code: str, text: str) -> tuple[str, str, str]:
    """(code, what the history shows, what is wrong with it). A text without a code is `other`; nothing is nothing."""
    known = codes_of(cls)
    said = text.strip()
    if code and code not in known:
        return code, said, f"There is no reason {code} for this kind of case; there are: {', '.join(known)}."
    if code == OTHER and not said:
        return code, said, "Say the other reason in words."
    code = code or (OTHER if said else "")
    return code, said or (known[code] if code else ""), ""
