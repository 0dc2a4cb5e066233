"""Pull requests: opened, edited, closed, merged. They share their numbers with issues."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.sandbox.github import answers
from connectors.sandbox.github.calls import REPO_PATH, given_to, known_repository, person_of, text_of
from connectors.sandbox.github.events import Events
from connectors.sandbox.github.things import Thing, Things
from connectors.sandbox.github.views import API, FULL_NAME, OWNER, REPO_API, WEB, node, repository, user
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

_NOBODY = "0" * 40
_LINKS = ("comments", "commits", "review_comments", "statuses")


class Pulls:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, things: Things, events: Events) -> None:
        self._site, self._things, self._events = site, things, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        all_, one = f"{REPO_PATH}/pulls", f"{REPO_PATH}/pulls/{{number}}"
        return [
            web.get(all_, self.list),
            web.post(all_, self.create),
            web.get(one, self.read),
            web.patch(one, self.update),
            web.put(f"{one}/merge", self.merge),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """By `sort` and `direction`; without what only one pull request by itself shows."""
        known_repository(request)
        state, found = request.query.get("state", "open"), self._things.all("pull_request")
        by = "updated_at" if request.query.get("sort") == "updated" else "created_at"
        found = sorted(found, key=lambda each: (each[by], each["number"]), reverse=_descends(request))
        return answers.page(request, [_simple(each) for each in found if state in ("all", each["state"])])

    async def read(self, request: web.Request) -> web.Response:
        """One, with what is known of its merging."""
        return answers.body(self._pull(request))

    async def create(self, request: web.Request) -> web.Response:
        """201 with the pull request."""
        known_repository(request)
        given, person = await given_to(request), person_of(request)
        title, head, base = (text_of(given, name, "PullRequest") for name in ("title", "head", "base"))
        with self._site.store.change():
            number = self._things.number("number", 1)
            pull = _blank(number, self._things.now(), person, head, base)
            pull |= {"title": title, "body": given.get("body")}
            self._events.log("create", "pull_request", number, person, fields={"title": (None, title)})
            self._put(pull, "opened", person)
        return answers.body(pull, 201)

    async def update(self, request: web.Request) -> web.Response:
        """Title, text, and `state`."""
        before, given, person = self._pull(request), await given_to(request), person_of(request)
        known: Thing = {name: given[name] for name in ("title", "body", "state") if name in given}
        moved = known.get("state", before["state"]) != before["state"]
        now = self._things.now()
        closed = {"closed_at": now if known.get("state") == "closed" else None} if moved else {}
        action = {"closed": "closed", "open": "reopened"}[known["state"]] if moved else "edited"
        with self._site.store.change():
            fields = {name: (before[name], value) for name, value in known.items() if before[name] != value}
            self._events.log("update", "pull_request", before["number"], person, fields=fields)
            pull = self._put({**before, **known, **closed, "updated_at": now}, action, person)
        return answers.body(pull)

    async def merge(self, request: web.Request) -> web.Response:
        """200; 405 for one that is not open."""
        before, person = self._pull(request), person_of(request)
        if before["state"] != "open":
            raise answers.refused(405, "Pull Request is not mergeable")
        now, sha = self._things.now(), _NOBODY
        ended = {"state": "closed", "merged": True, "merged_at": now, "closed_at": now, "updated_at": now}
        with self._site.store.change():
            self._events.log("update", "pull_request", before["number"], person, fields={"merged": (False, True)})
            self._put({**before, **ended, "merged_by": user(person), "merge_commit_sha": sha}, "closed", person)
        return answers.body({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})

    def _put(self, pull: Thing, action: str, person: Person) -> Thing:
        stored = self._things.put("pull_request", str(pull["number"]), pull)
        body: dict[str, Any] = {"number": pull["number"], "pull_request": stored}
        more: Thing = {"changes": {}} if action == "edited" else {}
        self._events.told("pull_request", person, {**body, **more}, action=action)
        return stored

    def _pull(self, request: web.Request) -> Thing:
        known_repository(request)
        return self._things.get("pull_request", request.match_info["number"])


def _descends(request: web.Request) -> bool:
    return request.query.get("direction", "desc") == "desc"


_ALONE = (
    "merged merged_by mergeable mergeable_state rebaseable comments review_comments maintainer_can_modify commits "
    "additions deletions changed_files"
)


def _simple(pull: Thing) -> Thing:
    return {name: value for name, value in pull.items() if name not in _ALONE.split()}


def _blank(number: int, now: str, person: Person, head: str, base: str) -> Thing:
    home, page = f"{REPO_API}/pulls/{number}", f"{WEB}/{FULL_NAME}/pull/{number}"
    links = {name: {"href": f"{home}/{name}"} for name in ("commits", "comments", "review_comments", "review_comment")}
    links |= {"self": {"href": home}, "html": {"href": page}, "issue": {"href": f"{REPO_API}/issues/{number}"}}
    return {
        "url": home,
        "id": 279_147_000 + number,
        "node_id": node("PR", number),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": f"{REPO_API}/issues/{number}",
        **{f"{name}_url": f"{home}/{name}" for name in _LINKS},
        "review_comment_url": f"{API}/pulls/comments{{/number}}",
        "number": number,
        "state": "open",
        "locked": False,
        "user": user(person),
        "created_at": now,
        "updated_at": now,
        "closed_at": None,
        "merged_at": None,
        "merge_commit_sha": None,
        **dict.fromkeys(("assignee", "milestone", "active_lock_reason", "auto_merge", "merged_by")),
        **{name: [] for name in ("assignees", "requested_reviewers", "requested_teams", "labels")},
        "head": _branch(head),
        "base": _branch(base),
        "_links": {**links, "statuses": {"href": f"{home}/statuses"}},
        "author_association": "MEMBER",
        "draft": False,
        "merged": False,
        "mergeable": None,
        "rebaseable": None,
        "mergeable_state": "unknown",
        "maintainer_can_modify": False,
        **dict.fromkeys(("comments", "review_comments"), 0),
        **dict.fromkeys(("commits", "additions", "deletions", "changed_files"), 1),
    }


def _branch(ref: str) -> Thing:
    place = repository()
    merging = ("allow_merge_commit", "allow_squash_merge", "allow_rebase_merge")
    shown = {**place, **dict.fromkeys(merging, True)}
    return {"label": f"{OWNER}:{ref}", "ref": ref, "sha": _NOBODY, "user": place["owner"], "repo": shown}
