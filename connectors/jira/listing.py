"""The list of what a project holds, ids only, as pure functions.

In the order of creation, which never changes, page tokens are safe to follow: in the order of the last update, an issue
edited while one pages would push others past (facts.md 2.2 [OAS-JIRA, M]). A search may lag behind either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.values import IdPage, Listed
from connectors.jira.jql import all_of, quoted
from connectors.jira.times import parse_time

FIELDS = ("updated",)
_BOUNDED = 'created >= "1990/01/01"'
"""JQL must be bounded (facts.md 2.2 [OAS-JIRA]); this bound leaves nothing out."""


def query(*, project: str, condition: str) -> str:
    """The JQL of the list."""
    scope = f"project = {quoted(project)}" if project else _BOUNDED
    return all_of([scope, condition], "created ASC, key ASC")


def from_cursor(given: Mapping[str, Any] | None) -> str:
    """The page token out of stored JSON; "" for the beginning."""
    return str(given["token"]) if given else ""


def page(issues: Sequence[Mapping[str, Any]], token: str) -> IdPage:
    """What a page of the search says. `token` is "" where nothing follows."""
    return IdPage(listed=tuple(_listed(issue) for issue in issues), cursor={"token": token} if token else None)


def _listed(issue: Mapping[str, Any]) -> Listed:
    fields = issue.get("fields")
    updated = parse_time(fields.get("updated")) if isinstance(fields, Mapping) else None
    return Listed(id=str(issue.get("id", "")), key=str(issue.get("key", "")), updated_at=updated)
