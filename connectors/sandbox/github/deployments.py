"""Deployments and their statuses. A new status moves the deployment's time, not its place in the list."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.sandbox.github import answers
from connectors.sandbox.github.calls import REPO_PATH, given_to, known_repository, person_of, text_of
from connectors.sandbox.github.events import Events
from connectors.sandbox.github.things import Thing, Things
from connectors.sandbox.github.views import BRANCH, REPO_API, node, user
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

_STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
_KINDS = ("sha", "ref", "task", "environment")


class Deployments:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, things: Things, events: Events) -> None:
        self._site, self._things, self._events = site, things, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        all_, one = f"{REPO_PATH}/deployments", f"{REPO_PATH}/deployments/{{id}}"
        return [
            web.get(all_, self.list),
            web.post(all_, self.create),
            web.get(one, self.read),
            web.delete(one, self.delete),
            web.get(f"{one}/statuses", self.statuses),
            web.post(f"{one}/statuses", self.add_status),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """Newest first, by when they were made."""
        known_repository(request)
        wanted = {name: request.query[name] for name in _KINDS if request.query.get(name, "none") != "none"}
        found = self._things.all("deployment")
        return answers.page(request, [each for each in found if wanted.items() <= each.items()])

    async def read(self, request: web.Request) -> web.Response:
        """One deployment; its state is that of its newest status."""
        return answers.body(self._deployment(request))

    async def create(self, request: web.Request) -> web.Response:
        """201 with the deployment."""
        known_repository(request)
        given, person = await given_to(request), person_of(request)
        ref = text_of(given, "ref", "Deployment")
        with self._site.store.change():
            head = next(iter(self._things.all("commit")), None)
            sha = head["sha"] if head and ref == BRANCH else ref
            id, now = self._things.number("deployment", 145_988_746), self._things.now()
            home = f"{REPO_API}/deployments/{id}"
            environment = str(given.get("environment", "production"))
            deployment = {
                "url": home,
                "id": id,
                "node_id": node("DE", id),
                "sha": sha,
                "ref": ref,
                "task": str(given.get("task", "deploy")),
                "payload": given.get("payload", {}),
                "original_environment": environment,
                "environment": environment,
                "description": given.get("description"),
                "creator": user(person),
                "created_at": now,
                "updated_at": now,
                "statuses_url": f"{home}/statuses",
                "repository_url": REPO_API,
                "transient_environment": given.get("transient_environment") is True,
                "production_environment": given.get("production_environment", environment == "production"),
                "performed_via_github_app": None,
            }
            self._things.put("deployment", str(id), deployment)
            self._events.log(
                "create", "deployment", id, person, fields={"description": (None, given.get("description"))}
            )
            body = {"deployment": deployment, "workflow": None, "workflow_run": None}
            self._events.told("deployment", person, body, action="created")
        return answers.body(deployment, 201)

    async def delete(self, request: web.Request) -> web.Response:
        """204; an active one is refused, as GitHub does. No webhook tells of it [M]."""
        deployment, person = self._deployment(request), person_of(request)
        newest = next(iter(self._things.all("deployment_status", str(deployment["id"]))), None)
        if newest is not None and newest["state"] != "inactive":
            raise answers.refused(422, "We cannot delete an active deployment unless it is the only deployment.")
        with self._site.store.change():
            self._things.delete("deployment", str(deployment["id"]))
            self._events.log("delete", "deployment", deployment["id"], person)
        return web.Response(status=204)

    async def statuses(self, request: web.Request) -> web.Response:
        """Newest first."""
        return answers.page(request, self._things.all("deployment_status", str(self._deployment(request)["id"])))

    async def add_status(self, request: web.Request) -> web.Response:
        """201 with the status."""
        deployment, given, person = self._deployment(request), await given_to(request), person_of(request)
        if given.get("state") not in _STATES:
            raise answers.invalid("DeploymentStatus", "state", "custom")
        with self._site.store.change():
            status = self._status(deployment, given, person)
            id = str(deployment["id"])
            before = next(iter(self._things.all("deployment_status", id)), {})
            self._things.put("deployment_status", str(status["id"]), status, of=id)
            deployment = self._things.put("deployment", id, {**deployment, "updated_at": status["updated_at"]})
            fields = {name: (before.get(name), status[name]) for name in ("state", "description")}
            self._events.log("update", "deployment", id, person, fields=fields)
            body = {"deployment_status": status, "deployment": deployment, "workflow": None, "workflow_run": None}
            self._events.told("deployment_status", person, {**body, "check_run": None}, action="created")
        return answers.body(status, 201)

    def _status(self, deployment: Thing, given: dict[str, Any], person: Person) -> Thing:
        id, now = self._things.number("deployment_status", 209_916_254), self._things.now()
        return {
            "url": f"{deployment['url']}/statuses/{id}",
            "id": id,
            "node_id": node("DES", id),
            "state": given["state"],
            "creator": user(person),
            "description": str(given.get("description", ""))[:140],
            "environment": deployment["environment"],
            "target_url": str(given.get("log_url", "")),
            "created_at": now,
            "updated_at": now,
            "deployment_url": deployment["url"],
            "repository_url": REPO_API,
            "environment_url": str(given.get("environment_url", "")),
            "log_url": str(given.get("log_url", "")),
            "performed_via_github_app": None,
        }

    def _deployment(self, request: web.Request) -> Thing:
        known_repository(request)
        return self._things.get("deployment", request.match_info["id"])
