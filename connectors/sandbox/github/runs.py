"""Workflow runs. Here a workflow takes no time: whoever starts it says how it ends. A re-run keeps its id."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.sandbox.github import answers
from connectors.sandbox.github.calls import REPO_PATH, given_to, known_repository, person_of
from connectors.sandbox.github.events import Events
from connectors.sandbox.github.things import Thing, Things
from connectors.sandbox.github.views import API, BRANCH, FULL_NAME, REPO_API, WEB, node, repository, user
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

_ENDS = ("success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required")
_WORKFLOW = 17_248_323
_PATH = ".github/workflows/build.yml"
_NOBODY = "0" * 40


class Runs:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, things: Things, events: Events) -> None:
        self._site, self._things, self._events = site, things, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        runs = f"{REPO_PATH}/actions/runs"
        return [
            web.get(runs, self.list),
            web.get(f"{runs}/{{id}}", self.read),
            web.delete(f"{runs}/{{id}}", self.delete),
            web.post(f"{runs}/{{id}}/rerun", self.rerun),
            web.post(f"{REPO_PATH}/actions/workflows/{{workflow}}/dispatches", self.dispatch),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """Newest first, by when they were made."""
        known_repository(request)
        return answers.page(request, self._things.all("workflow_run"), inside="workflow_runs")

    async def read(self, request: web.Request) -> web.Response:
        """One run."""
        return answers.body(self._run(request))

    async def delete(self, request: web.Request) -> web.Response:
        """204. No webhook tells of it [M]."""
        run, person = self._run(request), person_of(request)
        with self._site.store.change():
            self._things.delete("workflow_run", str(run["id"]))
            self._events.log("delete", "workflow_run", run["id"], person)
        return web.Response(status=204)

    async def dispatch(self, request: web.Request) -> web.Response:
        """204, without the run's id. Inputs `title` and `conclusion` say what it shows and how it ends."""
        known_repository(request)
        given, person = await given_to(request), person_of(request)
        asked = given.get("inputs") or {}
        with self._site.store.change():
            run = self._blank(str(asked.get("title", "build")), str(given.get("ref", BRANCH)), person)
            self._put(run, "requested", person)
            self._events.log(
                "create", "workflow_run", run["id"], person, fields={"title": (None, run["display_title"])}
            )
            self._ended(run, asked.get("conclusion", "success"), person)
        return web.Response(status=204)

    async def rerun(self, request: web.Request) -> web.Response:
        """201: the same run, one attempt more."""
        run, given, person = self._run(request), await given_to(request), person_of(request)
        asked = given.get("inputs") or {}
        with self._site.store.change():
            again = {**run, "run_attempt": run["run_attempt"] + 1, "status": "queued", "conclusion": None}
            again |= {"display_title": str(asked.get("title", run["display_title"]))}
            self._put(again, "requested", person)
            fields = {"display_title": (run["display_title"], again["display_title"])}
            self._events.log("update", "workflow_run", run["id"], person, fields=fields)
            self._ended(again, asked.get("conclusion", "success"), person)
        return answers.body({}, 201)

    def _ended(self, run: Thing, conclusion: Any, person: Person) -> None:
        if conclusion not in _ENDS:
            raise answers.invalid("WorkflowRun", "conclusion", "invalid")
        run = self._put({**run, "status": "in_progress"}, "in_progress", person)
        self._put({**run, "status": "completed", "conclusion": conclusion}, "completed", person)

    def _put(self, run: Thing, action: str, person: Person) -> Thing:
        stored = self._things.put("workflow_run", str(run["id"]), {**run, "updated_at": self._things.now()})
        workflow = _workflow(stored["created_at"])
        self._events.told("workflow_run", person, {"workflow_run": stored, "workflow": workflow}, action=action)
        return stored

    def _blank(self, title: str, ref: str, person: Person) -> Thing:
        id, now = self._things.number("workflow_run", 289_782_451), self._things.now()
        head = next(iter(self._things.all("commit")), None)
        sha, home = head["sha"] if head else _NOBODY, f"{REPO_API}/actions/runs/{id}"
        who = {"name": person.full_name, "email": person.email}
        commit = {"id": sha, "tree_id": _NOBODY, "message": title, "timestamp": now, "author": who, "committer": who}
        names = ("jobs", "logs", "artifacts", "cancel", "rerun")
        return {
            "id": id,
            "name": "build",
            "node_id": node("WFR", id),
            "head_branch": ref,
            "head_sha": sha,
            "path": _PATH,
            "display_title": title,
            "run_number": self._things.number("run_number", 1),
            "event": "workflow_dispatch",
            "status": "queued",
            "conclusion": None,
            "workflow_id": _WORKFLOW,
            "check_suite_id": id + 1,
            "check_suite_node_id": node("CS", id + 1),
            "url": home,
            "html_url": f"{WEB}/{FULL_NAME}/actions/runs/{id}",
            "pull_requests": [],
            "created_at": now,
            "updated_at": now,
            "actor": user(person),
            "triggering_actor": user(person),
            "run_attempt": 1,
            "referenced_workflows": [],
            "run_started_at": now,
            **{f"{name}_url": f"{home}/{name}" for name in names},
            "check_suite_url": f"{API}/check-suites/{id + 1}",
            "previous_attempt_url": None,
            "workflow_url": f"{REPO_API}/actions/workflows/{_WORKFLOW}",
            "head_commit": commit,
            "repository": repository(),
            "head_repository": repository(),
        }

    def _run(self, request: web.Request) -> Thing:
        known_repository(request)
        return self._things.get("workflow_run", request.match_info["id"])


def _workflow(now: str) -> Thing:
    return {
        "id": _WORKFLOW,
        "node_id": node("W", _WORKFLOW),
        "name": "build",
        "path": _PATH,
        "state": "active",
        "created_at": now,
        "updated_at": now,
        "url": f"{REPO_API}/actions/workflows/{_WORKFLOW}",
        "html_url": f"{WEB}/{FULL_NAME}/blob/{BRANCH}/{_PATH}",
        "badge_url": f"{WEB}/{FULL_NAME}/workflows/build/badge.svg",
    }
