"""What Jira's answers look like: shapes, error bodies, and its own sign of a sign-in that failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.rest.answer import Answer, Call, TypeCheck
from connectors.rest.classify import Sign

LOGIN_REASON = "x-seraph-loginreason"
_NOT_SIGNED_IN = ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED")


def vendor_sign(call: Call, answer: Answer) -> Sign | None:
    """A bad token may be served as anonymous: 200 with fewer rows, or 404 for what is there (facts.md 2.1 [M]).

    Seen in recordings [HAR-JIRA]: X-Seraph-LoginReason: AUTHENTICATED_FAILED beside a 200 and a 404. Taken at their
    word they would say that an issue is gone. A write that succeeded all the same did succeed.
    """
    reason = answer.headers.get(LOGIN_REASON, "")
    refused = any(word in reason for word in _NOT_SIGNED_IN)
    return Sign.NOT_SIGNED_IN if refused and not (call.write and 200 <= answer.status < 300) else None


def blame(answer: Answer) -> tuple[str, dict[str, str]]:
    """`{"errorMessages": [], "errors": {field: message}}` (facts.md 2.3 [OAS-JIRA]); bodies may also be plain text."""
    if not isinstance(answer.data, Mapping):
        return "", {}
    said, errors = answer.data.get("errorMessages"), answer.data.get("errors")
    messages = [str(each) for each in said] if isinstance(said, list) else []
    fields = {str(name): str(why) for name, why in errors.items()} if isinstance(errors, Mapping) else {}
    return "; ".join((*messages, *(f"{name}: {why}" for name, why in fields.items()))), fields


def an_issue(data: Any) -> str:
    """Complaint unless it is an issue with fields."""
    sound = isinstance(data, Mapping) and data.get("id") and isinstance(data.get("fields"), Mapping)
    return "" if sound else "no issue with `id` and `fields`"


def has_id(data: Any) -> str:
    """Complaint unless it names what was created."""
    return "" if isinstance(data, Mapping) and data.get("id") else "no `id` in the answer"


def a_person(data: Any) -> str:
    """Complaint unless it is a user."""
    return "" if isinstance(data, Mapping) and data.get("accountId") else "no `accountId` in the answer"


def a_group(data: Any) -> str:
    """Complaint unless it is a group."""
    return "" if isinstance(data, Mapping) and data.get("groupId") else "no `groupId` in the answer"


def people(data: Any) -> str:
    """Complaint unless it is a bare list of users."""
    return a_list(data) or next((said for each in data if (said := a_person(each))), "")


def a_list(data: Any) -> str:
    """Complaint unless it is a bare list of objects."""
    sound = isinstance(data, list) and all(isinstance(each, Mapping) for each in data)
    return "" if sound else "no list of objects"


def a_list_of(name: str) -> TypeCheck:
    """Complains unless there is a list of objects under `name`."""

    def check(data: Any) -> str:
        found = data.get(name) if isinstance(data, Mapping) else None
        sound = isinstance(found, list) and all(isinstance(each, Mapping) for each in found)
        return "" if sound else f"no list of objects under `{name}`"

    return check


SEARCH, TRANSITIONS, COMMENTS, VALUES = (a_list_of(name) for name in ("issues", "transitions", "comments", "values"))
