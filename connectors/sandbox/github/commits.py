"""Commits, the statuses on them, and pushes. A commit never changes; of statuses with one context the newest counts."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from aiohttp import web

from connectors.sandbox.github import answers
from connectors.sandbox.github.calls import REPO_PATH, given_to, known_repository, person_of, text_of
from connectors.sandbox.github.events import Events
from connectors.sandbox.github.things import Thing, Things
from connectors.sandbox.github.views import BRANCH, FULL_NAME, REPO_API, WEB, node, user
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

_STATES = ("error", "failure", "pending", "success")
_LONGEST = 140
_MOST = 1000
"""Statuses of one commit and context [OAS-GH]."""
_NOBODY = "0" * 40


class Commits:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, things: Things, events: Events) -> None:
        self._site, self._things, self._events = site, things, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get(f"{REPO_PATH}/commits", self.list),
            web.get(f"{REPO_PATH}/commits/{{sha}}", self.read),
            web.put(f"{REPO_PATH}/contents/{{path:.+}}", self.commit),
            web.get(f"{REPO_PATH}/commits/{{sha}}/statuses", self.statuses),
            web.post(f"{REPO_PATH}/statuses/{{sha}}", self.add_status),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """Of the default branch, newest first; `since` is compared with the committer's time, `author` with login and
        address.
        """
        known_repository(request)
        since = request.query.get("since")
        found = self._things.all("commit")
        if author := request.query.get("author"):
            found = [each for each in found if author in (each["author"]["login"], each["commit"]["author"]["email"])]
        if since is not None:
            found = [each for each in found if _time(each["commit"]["committer"]["date"]) >= _time(since)]
        return answers.page(request, found)

    async def read(self, request: web.Request) -> web.Response:
        """With what it changed, too."""
        commit = self._commit(request)
        return answers.body({**commit, "stats": {"additions": 1, "deletions": 0, "total": 1}, "files": []})

    async def commit(self, request: web.Request) -> web.Response:
        """Writes a file, which is a commit on the default branch, pushed at once."""
        known_repository(request)
        given, person = await given_to(request), person_of(request)
        message, path = text_of(given, "message", "Commit"), request.match_info["path"]
        text_of(given, "content", "Commit")
        with self._site.store.change():
            before = next(iter(self._things.all("commit")), None)
            number = self._things.number("commit", 1)
            commit = _blank(number, message, person, self._things.now(), before)
            self._things.put("commit", commit["sha"], commit)
            self._events.log("create", "commit", commit["sha"], person, fields={"message": (None, message)})
            self._events.told("push", person, _push(commit, before, path, person))
        content = {"name": path.rpartition("/")[2], "path": path, "sha": commit["sha"]}
        return answers.body({"content": content, "commit": {"sha": commit["sha"], **commit["commit"]}}, 201)

    async def statuses(self, request: web.Request) -> web.Response:
        """Newest first."""
        return answers.page(request, self._things.all("status", self._commit(request)["sha"]))

    async def add_status(self, request: web.Request) -> web.Response:
        """201 with the status. The same again is one more of the same."""
        given, person = await given_to(request), person_of(request)
        known_repository(request)
        sha = request.match_info["sha"]
        commit = self._things.get("commit", sha, 422, f"No commit found for SHA: {sha}")
        state, said, context = given.get("state"), given.get("description"), str(given.get("context", "default"))
        if state not in _STATES:
            raise answers.invalid("Status", "state", "custom")
        if said is not None and len(str(said)) > _LONGEST:
            raise answers.refused(422, f"Validation Failed: description is too long (maximum is {_LONGEST} characters)")
        earlier = [each for each in self._things.all("status", sha) if each["context"] == context]
        if len(earlier) >= _MOST:
            raise answers.refused(422, "This SHA and context has reached the maximum number of statuses.")
        with self._site.store.change():
            status = self._status(sha, state, said, context, given.get("target_url"), person)
            self._things.put("status", str(status["id"]), status, of=sha)
            old = earlier[0] if earlier else {}
            fields = {name: (old.get(name), status[name]) for name in ("state", "description", "context")}
            self._events.log("update", "commit", sha, person, fields=fields)
            self._events.told("status", person, _told(status, commit))
        return answers.body(status, 201)

    def _status(self, sha: str, state: Any, said: Any, context: str, target: Any, person: Person) -> Thing:
        id, now = self._things.number("status", 6_800_000_001), self._things.now()
        return {
            "url": f"{REPO_API}/statuses/{sha}",
            "avatar_url": user(person)["avatar_url"],
            "id": id,
            "node_id": node("SC", id),
            "state": state,
            "description": said,
            "target_url": target,
            "context": context,
            "created_at": now,
            "updated_at": now,
            "creator": user(person),
        }

    def _commit(self, request: web.Request) -> Thing:
        known_repository(request)
        sha = request.match_info["sha"]
        return self._things.get("commit", sha, 422, f"No commit found for SHA: {sha}")


def _blank(number: int, message: str, person: Person, now: str, parent: Thing | None) -> Thing:
    sha = hashlib.sha1(f"{number} {message}".encode(), usedforsecurity=False).hexdigest()
    tree = {"sha": _NOBODY, "url": f"{REPO_API}/git/trees/{_NOBODY}"}
    who = {"name": person.full_name, "email": person.email, "date": now}
    above = [{"sha": each["sha"], "url": each["url"], "html_url": each["html_url"]} for each in [parent] if each]
    checked = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
    return {
        "sha": sha,
        "node_id": node("C", sha),
        "commit": {
            "author": who,
            "committer": who,
            "message": message,
            "tree": tree,
            "url": f"{REPO_API}/git/commits/{sha}",
            "comment_count": 0,
            "verification": checked,
        },
        "url": f"{REPO_API}/commits/{sha}",
        "html_url": f"{WEB}/{FULL_NAME}/commit/{sha}",
        "comments_url": f"{REPO_API}/commits/{sha}/comments",
        "author": user(person),
        "committer": user(person),
        "parents": above,
    }


def _push(commit: Thing, before: Thing | None, path: str, person: Person) -> Thing:
    made = commit["commit"]
    who = {"name": person.full_name, "email": person.email, "username": person.name}
    shown = {
        "id": commit["sha"],
        "tree_id": made["tree"]["sha"],
        "distinct": True,
        "message": made["message"],
        "timestamp": made["committer"]["date"],
        "url": commit["html_url"],
        "author": who,
        "committer": who,
        "added": [path],
        "removed": [],
        "modified": [],
    }
    return {
        "ref": f"refs/heads/{BRANCH}",
        "before": before["sha"] if before else _NOBODY,
        "after": commit["sha"],
        **dict.fromkeys(("created", "deleted", "forced"), False),
        "base_ref": None,
        "compare": f"{WEB}/{FULL_NAME}/compare/{commit['sha'][:12]}",
        "commits": [shown],
        "head_commit": shown,
        "pusher": {"name": person.name, "email": person.email},
    }


def _told(status: Thing, commit: Thing) -> Thing:
    same = ("id", "avatar_url", "state", "description", "target_url", "context", "created_at", "updated_at")
    branch = {"name": BRANCH, "commit": {"sha": commit["sha"], "url": commit["url"]}, "protected": False}
    head = {**commit, "commit": {**commit["commit"], "verification": {**commit["commit"]["verification"]}}}
    return {
        **{name: status[name] for name in same},
        "sha": commit["sha"],
        "name": FULL_NAME,
        "commit": head,
        "branches": [branch],
    }


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise answers.invalid("Commit", "since", "invalid") from None
