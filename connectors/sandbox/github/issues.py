"""Issues and their comments. Only GraphQL deletes an issue; afterwards it is answered 410."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from connectors.sandbox.github import answers
from connectors.sandbox.github.calls import REPO_PATH, given_to, known_repository, person_of, text_of
from connectors.sandbox.github.events import Events, names, note_view
from connectors.sandbox.github.things import Thing, Things
from connectors.sandbox.github.views import FULL_NAME, REPO_API, WEB, node, user
from connectors.sandbox.site import Site

_LONGEST_TITLE, _LONGEST_LABEL = 256, 50


class Issues:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, things: Things, events: Events) -> None:
        self._site, self._things, self._events = site, things, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        all_, one = f"{REPO_PATH}/issues", f"{REPO_PATH}/issues/{{number}}"
        return [
            web.get(all_, self.list),
            web.post(all_, self.create),
            web.get(one, self.read),
            web.patch(one, self.update),
            web.get(f"{one}/comments", self.comments),
            web.post(f"{one}/comments", self.comment),
            web.post("/graphql", self.delete),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """By time of change, with the pull requests that this list shows, too."""
        known_repository(request)
        query = request.query
        labels = {each for each in query.get("labels", "").split(",") if each}
        since = query.get("since")
        found = [*self._things.all("issue"), *map(as_issue, self._things.all("pull_request"))]
        found = [each for each in found if labels <= {label["name"] for label in each["labels"]}]
        if query.get("state", "open") != "all":
            found = [each for each in found if each["state"] == query.get("state", "open")]
        if "assignee" in query:
            found = [each for each in found if query["assignee"] in {one["login"] for one in each["assignees"]}]
        if since is not None:
            found = [each for each in found if _time(each["updated_at"]) >= _time(since)]
        by = "updated_at" if query.get("sort") == "updated" else "created_at"
        found.sort(key=lambda each: (each[by], each["number"]), reverse=query.get("direction", "desc") == "desc")
        return answers.page(request, found)

    async def read(self, request: web.Request) -> web.Response:
        """One issue, or the pull request of that number as one."""
        return answers.body(self._issue(request))

    async def create(self, request: web.Request) -> web.Response:
        """201 with the issue. Labels that there are not are made."""
        known_repository(request)
        given, person = await given_to(request), person_of(request)
        text_of(given, "title", "Issue")
        with self._site.store.change():
            number = self._things.number("number", 1)
            issue = {**_blank(number, self._things.now()), "user": user(person), **_checked(given)}
            self._things.put("issue", str(number), issue)
            fields = {name: (None, value) for name, value in _told(issue).items() if value}
            self._events.log("create", "issue", number, person, fields=fields)
            self._events.told("issues", person, {"issue": issue}, action="opened")
        return answers.body(issue, 201)

    async def update(self, request: web.Request) -> web.Response:
        """The issue as it is now."""
        before, given, person = self._issue(request), await given_to(request), person_of(request)
        issue = {**before, **_checked(given), "updated_at": self._things.now()}
        moved = before["state"] != issue["state"]
        if moved:
            closed = issue["state"] == "closed"
            issue |= {"closed_at": issue["updated_at"] if closed else None}
            issue |= {"state_reason": given.get("state_reason") or ("completed" if closed else "reopened")}
        with self._site.store.change():
            self._things.put("issue", str(issue["number"]), issue)
            old, new = _told(before), _told(issue)
            changed = {name: (old[name], new[name]) for name in new if old[name] != new[name]}
            self._events.log("update", "issue", issue["number"], person, fields=changed)
            action = {"closed": "closed", "open": "reopened"}[issue["state"]] if moved else "edited"
            more: Thing = {} if moved else {"changes": {}}
            self._events.told("issues", person, {"issue": issue, **more}, action=action)
        return answers.body(issue)

    async def comments(self, request: web.Request) -> web.Response:
        """Oldest first."""
        return answers.page(request, self._things.all("comment", str(self._issue(request)["number"]))[::-1])

    async def comment(self, request: web.Request) -> web.Response:
        """201 with the comment; it moves its issue's time."""
        issue, given, person = self._issue(request), await given_to(request), person_of(request)
        body = text_of(given, "body", "IssueComment")
        number = str(issue["number"])
        with self._site.store.change():
            id, now = self._things.number("comment", 99_262_140), self._things.now()
            comment = {
                "url": f"{REPO_API}/issues/comments/{id}",
                "html_url": f"{WEB}/{FULL_NAME}/issues/{number}#issuecomment-{id}",
                "issue_url": f"{REPO_API}/issues/{number}",
                "id": id,
                "node_id": node("IC", id),
                "user": user(person),
                "created_at": now,
                "updated_at": now,
                "author_association": "MEMBER",
                "body": body,
                "performed_via_github_app": None,
                "reactions": _reactions(f"{REPO_API}/issues/comments/{id}"),
            }
            self._things.put("comment", str(id), comment, of=number)
            issue |= {"updated_at": now, "comments": issue["comments"] + 1}
            self._things.put("issue", number, issue)
            self._events.log("comment", "issue", number, person, comment=note_view(comment, person))
            self._events.told("issue_comment", person, {"issue": issue, "comment": comment}, action="created")
        return answers.body(comment, 201)

    async def delete(self, request: web.Request) -> web.Response:
        """The one mutation this stand-in knows: `deleteIssue` [M]."""
        given, person = await given_to(request), person_of(request)
        said = re.search(r"deleteIssue\(input:\s*\{issueId:\s*\"I_(\d+)\"\}\)", str(given.get("query", "")))
        issue = self._things.find("issue", said[1]) if said else None
        if issue is None:
            return answers.body({"data": None, "errors": [{"type": "NOT_FOUND", "message": "Could not resolve"}]})
        with self._site.store.change():
            self._things.delete("issue", str(issue["number"]))
            self._things.put("gone", str(issue["number"]), {})
            self._events.log("delete", "issue", issue["number"], person)
            self._events.told("issues", person, {"issue": issue}, action="deleted")
        return answers.body({"data": {"deleteIssue": {"clientMutationId": None}}})

    def _issue(self, request: web.Request) -> Thing:
        known_repository(request)
        number = request.match_info["number"]
        if self._things.find("gone", number) is not None:
            raise answers.refused(410, "This issue was deleted")
        pull = self._things.find("pull_request", number)
        return as_issue(pull) if pull else self._things.get("issue", number)


def as_issue(pull: Thing) -> Thing:
    """A pull request as the list of issues shows it."""
    own = _blank(pull["number"], pull["created_at"])
    same = ("assignee", "assignees", "title", "body", "state", "user", "updated_at", "closed_at", "labels")
    named = {name: pull[name] for name in ("url", "html_url", "diff_url", "patch_url", "merged_at")}
    return {**own, **{name: pull[name] for name in same}, "pull_request": named, "draft": False}


def _told(issue: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: issue[name] for name in ("title", "body", "state")}, "labels": names(issue)}


def _blank(number: int, now: str) -> Thing:
    home = f"{REPO_API}/issues/{number}"
    return {
        "url": home,
        "repository_url": REPO_API,
        **{f"{name}_url": f"{home}/{name}" for name in ("labels", "comments", "events", "timeline")},
        "html_url": f"{WEB}/{FULL_NAME}/issues/{number}",
        "id": 444_500_000 + number,
        "node_id": node("I", number),
        "number": number,
        "title": "",
        "user": None,
        "labels": [],
        "state": "open",
        "locked": False,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": 0,
        "created_at": now,
        "updated_at": now,
        "closed_at": None,
        "author_association": "MEMBER",
        "active_lock_reason": None,
        "body": None,
        "reactions": _reactions(home),
        "performed_via_github_app": None,
        "state_reason": None,
    }


def _reactions(home: str) -> Thing:
    counted = ("total_count", "+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": f"{home}/reactions", **dict.fromkeys(counted, 0)}


def _checked(given: Mapping[str, Any]) -> Thing:
    """What GitHub does not know it passes over."""
    known: Thing = {name: given[name] for name in ("title", "body", "state", "labels") if name in given}
    if "title" in known and not (isinstance(known["title"], str) and 0 < len(known["title"]) <= _LONGEST_TITLE):
        raise answers.invalid("Issue", "title", "invalid")
    if known.get("state", "open") not in ("open", "closed"):
        raise answers.invalid("Issue", "state", "invalid")
    if "labels" in known:
        asked = known["labels"]
        if not isinstance(asked, list) or any(len(str(each)) > _LONGEST_LABEL for each in asked):
            raise answers.invalid("Label", "name", "invalid")
        known["labels"] = [
            _label(name) for name in sorted({each["name"] if isinstance(each, dict) else each for each in asked})
        ]
    return known


def _label(name: str) -> Thing:
    number = sum(name.encode())
    url = f"{REPO_API}/labels/{name}"
    common = {"color": "ededed", "default": False, "description": None}
    return {"id": number, "node_id": node("LA", number), "url": url, "name": name, **common}


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise answers.invalid("Issue", "since", "invalid") from None
    return at
