"""What every handler of the API needs: the body, the issue asked for, the person, paging. Raises Refusal."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from connectors.sandbox.gate import signed_in
from connectors.sandbox.jira import answers
from connectors.sandbox.jira.catalog import may_see
from connectors.sandbox.jira.issues import Issues
from connectors.sandbox.jira.render import Renderer, for_person
from connectors.sandbox.jira.tables import Comment, Issue
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

MALFORMED = "There was an error parsing JSON. Check that your request body is valid."


class Desk:
    """Shared by the handlers of one site."""

    def __init__(self, site: Site, issues: Issues) -> None:
        self.site, self.issues = site, issues

    def renderer(self, request: web.Request) -> Renderer:
        """Shows things to whoever asks, with links to where the request came in."""
        return for_person(self.issues, self.site.base_url, signed_in(request))

    def issue(self, request: web.Request) -> Issue:
        """The issue in the path; 404 also for one this person may not see (facts.md 2.3)."""
        issue = self.issues.get(request.match_info["issue"])
        if issue is None or not may_see(signed_in(request), issue.project):
            raise answers.not_found()
        return issue

    def comment(self, request: web.Request) -> tuple[Issue, Comment]:
        """The comment in the path, with its issue."""
        issue = self.issue(request)
        comment = self.issues.comment(request.match_info["comment"])
        if comment is None or comment.issue != issue.id:
            raise answers.not_found(f"Can not find a comment for the id: {request.match_info['comment']}.")
        return issue, comment


def person_of(request: web.Request) -> Person:
    """Whoever signed in; 401 for nobody."""
    person = signed_in(request)
    if person is None:
        raise answers.anonymous_refused()
    return person


async def payload_of(request: web.Request) -> dict[str, Any]:
    """The JSON object in the body; 400 for anything else."""
    try:
        given = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        raise answers.refused(MALFORMED) from None
    if not isinstance(given, dict):
        raise answers.refused(MALFORMED)
    return given


async def write_of(request: web.Request) -> dict[str, Any]:
    """The body of a write to an issue or comment; 400 if its common parts have wrong types."""
    payload = await payload_of(request)
    if not _well_formed(payload):
        raise answers.refused(MALFORMED)
    return payload


def _well_formed(payload: dict[str, Any]) -> bool:
    """Whether the parts that every write shares have their types."""
    objects = all(isinstance(payload.get(name), dict | None) for name in ("fields", "update", "transition"))
    properties = payload.get("properties") or []
    return (
        objects
        and isinstance(properties, list)
        and all(
            isinstance(each, str) or (isinstance(each, dict) and isinstance(each.get("key"), str))
            for each in properties
        )
    )


def words(request: web.Request, name: str) -> list[str]:
    """A parameter with comma-separated words, given once or several times."""
    return [word.strip() for text in request.query.getall(name, []) for word in text.split(",") if word.strip()]


def page(request: web.Request, *, default: int, cap: int) -> tuple[int, int]:
    """`startAt` and `maxResults`."""
    start, size = request.query.get("startAt", "0"), request.query.get("maxResults", str(default))
    if not start.isdecimal() or not size.isdecimal():
        raise answers.refused("startAt and maxResults must be whole numbers.")
    return int(start), min(int(size), cap)


def page_bean(
    request: web.Request, base_url: str, values: list[Any], *, start: int, size: int, total: int
) -> dict[str, Any]:
    """A page as most lists of v3 show it."""
    shown = {
        "self": f"{base_url}{request.path_qs}",
        "maxResults": size,
        "startAt": start,
        "total": total,
        "isLast": start + len(values) >= total,
        "values": values,
    }
    if not shown["isLast"]:
        shown["nextPage"] = f"{base_url}{request.path}?startAt={start + len(values)}&maxResults={size}"
    return shown
