"""Pipelines and deployments. Here a pipeline takes no time: its variables say how it ends."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.sandbox.documents import Document, Documents
from connectors.sandbox.gitlab import answers
from connectors.sandbox.gitlab.asking import API, given_to, known_project, page_of, person_of, since_of
from connectors.sandbox.gitlab.events import Events
from connectors.sandbox.gitlab.issues import PROJECT, person_view, shown_time
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

_SHA = "694ed6ede74c367f17c7fddb56de629354a27069"
_PIPELINE_ENDS = ("success", "failed", "canceled", "skipped", "manual")
_DEPLOYMENT = ("created", "running", "success", "failed", "canceled", "blocked", "skipped")
_TIERS = ("production", "staging", "testing", "development")


class Building:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, documents: Documents, events: Events) -> None:
        self._site, self._documents, self._events = site, documents, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        project = f"{API}/projects/{{project}}"
        return [
            web.get(f"{project}/pipelines", self.pipelines),
            web.get(f"{project}/pipelines/{{id}}", self.pipeline),
            web.post(f"{project}/pipeline", self.run),
            web.post(f"{project}/pipelines/{{id}}/retry", self.retry),
            web.get(f"{project}/deployments", self.deployments),
            web.get(f"{project}/deployments/{{id}}", self.deployment),
            web.post(f"{project}/deployments", self.deploy),
            web.put(f"{project}/deployments/{{id}}", self.move),
        ]

    async def pipelines(self, request: web.Request) -> web.Response:
        """By time of change, oldest first; without what one pipeline by itself shows."""
        known_project(request)
        alone = ("user", "started_at", "finished_at", "duration", "detailed_status")
        found = [each for each, _ in self._documents.listed("pipeline", since=since_of(request))]
        return page_of(request, [{key: value for key, value in each.items() if key not in alone} for each in found])

    async def pipeline(self, request: web.Request) -> web.Response:
        """One pipeline."""
        return answers.body(self._one("pipeline", request))

    async def run(self, request: web.Request) -> web.Response:
        """201 with the pipeline as it was made; the variable `END` says how it ends."""
        known_project(request)
        given, person = await given_to(request), person_of(request)
        said = {each["key"]: each["value"] for each in given.get("variables", [])}
        with self._site.store.change():
            made = self._blank(str(given.get("ref", "main")), person)
            self._put_pipeline(made, person)
            self._events.note("create", "pipeline", str(made["id"]), str(made["iid"]), person, fields={})
            self._end(made, said.get("END", "success"), person)
        return answers.body(made, 201)

    async def retry(self, request: web.Request) -> web.Response:
        """201: the same pipeline, successful now."""
        before, person = self._one("pipeline", request), person_of(request)
        with self._site.store.change():
            self._end(before, "success", person)
        return answers.body(self._one("pipeline", request), 201)

    async def deployments(self, request: web.Request) -> web.Response:
        """By time of change, oldest first."""
        known_project(request)
        return page_of(request, [each for each, _ in self._documents.listed("deployment", since=since_of(request))])

    async def deployment(self, request: web.Request) -> web.Response:
        """One deployment."""
        return answers.body(self._one("deployment", request))

    async def deploy(self, request: web.Request) -> web.Response:
        """201 with the deployment."""
        known_project(request)
        given, person = await given_to(request), person_of(request)
        missing = [name for name in ("environment", "sha", "ref", "status") if not given.get(name)]
        if missing or given["status"] not in _DEPLOYMENT:
            raise answers.refused(400, f"{(missing or ['status'])[0]} is invalid", key="error")
        with self._site.store.change():
            number, now = self._site.store.next_number("deployment", 1), self._now()
            name = str(given["environment"])
            tier = next((each for each in _TIERS if name.startswith(each)), "other")
            made = {
                "id": 40 + number,
                "iid": number,
                "ref": given["ref"],
                "sha": given["sha"],
                "status": given["status"],
                "created_at": shown_time(now),
                "updated_at": shown_time(now),
                "user": person_view(person),
                "environment": {"id": 9, "name": name, "slug": name, "tier": tier, "external_url": None},
                "deployable": None,
            }
            self._events.note("create", "deployment", str(made["id"]), str(number), person, fields={})
            self._put_deployment(made, now, person)
        return answers.body(made, 201)

    async def move(self, request: web.Request) -> web.Response:
        """The deployment with another status."""
        before, given, person = self._one("deployment", request), await given_to(request), person_of(request)
        if given.get("status") not in _DEPLOYMENT:
            raise answers.refused(400, "status does not have a valid value", key="error")
        with self._site.store.change():
            now = self._now()
            moved = {**before, "status": given["status"], "updated_at": shown_time(now)}
            fields = {"status": (before["status"], moved["status"])}
            self._events.note("update", "deployment", str(before["id"]), str(before["iid"]), person, fields=fields)
            self._put_deployment(moved, now, person)
        return answers.body(moved)

    def _end(self, pipeline: Document, status: str, person: Person) -> None:
        if status not in _PIPELINE_ENDS:
            raise answers.refused(400, "variables is invalid", key="error")
        now = shown_time(self._now())
        ended = {
            **pipeline,
            "status": status,
            "started_at": pipeline["created_at"],
            "finished_at": now,
            "updated_at": now,
        }
        fields = {"status": (pipeline["status"], status)}
        self._events.note("update", "pipeline", str(ended["id"]), str(ended["iid"]), person, fields=fields)
        self._put_pipeline(ended, person)

    def _blank(self, ref: str, person: Person) -> Document:
        number, now = self._site.store.next_number("pipeline", 1), shown_time(self._now())
        return {
            "id": 1_078_343_000 + number,
            "iid": number,
            "project_id": PROJECT,
            "sha": _SHA,
            "ref": ref,
            "status": "created",
            "source": "api",
            "created_at": now,
            "updated_at": now,
            "web_url": f"https://gitlab.com/lockstep/desk/-/pipelines/{1_078_343_000 + number}",
            "name": None,
            "user": person_view(person),
            "started_at": None,
            "finished_at": None,
        }

    def _put_pipeline(self, pipeline: Document, person: Person) -> None:
        self._documents.put("pipeline", str(pipeline["id"]), pipeline, self._now())
        names = ("id", "iid", "ref", "sha", "source", "status", "created_at", "finished_at")
        self._events.post("pipeline", person, object_attributes={name: pipeline[name] for name in names})

    def _put_deployment(self, deployment: Document, now: int, person: Person) -> None:
        self._documents.put("deployment", str(deployment["id"]), deployment, now)
        told = {"deployment_id": deployment["id"], "environment": deployment["environment"]["name"]}
        more = {name: deployment[name] for name in ("status", "ref")}
        self._events.post("deployment", person, **told, **more, short_sha=deployment["sha"][:8])

    def _one(self, kind: str, request: web.Request) -> Document:
        known_project(request)
        found = self._documents.get(kind, request.match_info["id"])
        if found is None:
            raise answers.refused(404, "404 Not found")
        return found

    def _now(self) -> int:
        return int(self._site.now() * 1000)


def objects(documents: Documents, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    """Documents of these kinds as the admin API shows objects."""
    return [
        {
            "object": kind,
            "id": str(each["iid"] if kind == "merge_request" else each["id"]),
            "key": str(each["iid"]),
            "correlation": None,
            "raw": each,
            "comments": [],
        }
        for kind in kinds
        for each in documents.all(kind)
    ]
