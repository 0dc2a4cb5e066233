"""The part of the API that employees need, under both of its addresses (facts.md 4.1 [BB-SDK])."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from connectors.sandbox.bamboohr import answers
from connectors.sandbox.bamboohr.employees import FIELDS, Employees
from connectors.sandbox.bamboohr.events import Events
from connectors.sandbox.documents import Document
from connectors.sandbox.gate import signed_in
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

BASES = ("/api/v1", "/api/gateway.php/{company}/v1")
_ACTIONS = ("", "inserted", "updated", "deleted")


class Api:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, employees: Employees, events: Events) -> None:
        self._site, self._employees, self._events = site, employees, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        web_page = web.post("/app/employees/{id}/delete", self.delete)
        return [web_page, *(each for base in BASES for each in self._under(base))]

    def _under(self, base: str) -> list[web.RouteDef]:
        return [
            web.get(base + "/employees/changed", self.changed),
            web.get(base + "/employees/directory", self.directory),
            web.post(base + "/employees", self.create),
            web.get(base + "/employees/{id}", self.read),
            web.post(base + "/employees/{id}", self.update),
            web.get(base + "/employees/{id}/tables/employmentStatus", self.statuses),
            web.post(base + "/employees/{id}/tables/employmentStatus", self.add_status),
            web.get(base + "/meta/fields", self.fields),
            web.post(base + "/reports/custom", self.report),
        ]

    async def changed(self, request: web.Request) -> web.Response:
        """Ids by id, without the employees; `since` has to be given."""
        since, action = _time(request.query.get("since", "")), request.query.get("type", "").lower()
        if action not in _ACTIONS:
            raise answers.refused(400, "Invalid type")
        found = self._employees.changed(since, action)
        latest = max((each["lastChanged"] for each in found.values()), default=None)
        return answers.body({"latest": latest, "employees": found or []})  # an empty map is written as a list [M]

    async def directory(self, request: web.Request) -> web.Response:
        """Active ones only [M]."""
        shown = [self._employees.shown(each) for each in self._employees.all()]
        return answers.body({"fields": [], "employees": [each for each in shown if each["status"] == "Active"]})

    async def read(self, request: web.Request) -> web.Response:
        """Only the fields that are named; id 0 is whoever owns the key."""
        employee, asked = self._employee(request), request.query.get("fields", "")
        shown = self._employees.shown(employee)
        known = [name for name in asked.split(",") if name in FIELDS]
        return answers.employee({"id": employee["id"], **{name: shown[name] for name in known}}, request)

    async def create(self, request: web.Request) -> web.Response:
        """201 without a body; the address says the id."""
        given, person = await _json(request), _person(request)
        with self._site.store.change():
            employee = self._employees.create(given)
            self._events.created(self._employees.shown(employee), person)
        return web.Response(
            status=201, headers={"Location": f"{self._site.base_url}/api/v1/employees/{employee['id']}"}
        )

    async def update(self, request: web.Request) -> web.Response:
        """200 without a body."""
        employee, given, person = self._employee(request), await _json(request), _person(request)
        before = self._employees.shown(employee)
        with self._site.store.change():
            after = self._employees.shown(self._employees.update(employee, given))
            self._events.updated(before, after, person)
        return web.Response()

    async def statuses(self, request: web.Request) -> web.Response:
        """The table employmentStatus of one employee."""
        return answers.body(self._employee(request)["employmentStatus"])

    async def add_status(self, request: web.Request) -> web.Response:
        """A new row; `Terminated` ends the employment on its day."""
        employee, given, person = self._employee(request), await _json(request), _person(request)
        before = self._employees.shown(employee)
        with self._site.store.change():
            after = self._employees.shown(self._employees.add_status(employee, given))
            self._events.updated(before, after, person)
        return web.Response()

    async def fields(self, request: web.Request) -> web.Response:
        """What can be asked for, as recorded (fixture faros.fields)."""
        listed = [
            {"id": number, "name": said, "type": kind, "alias": name}
            for number, (name, (said, kind)) in enumerate(FIELDS.items(), start=4000)
        ]
        return answers.body(listed)

    async def report(self, request: web.Request) -> web.Response:
        """Everybody with the fields asked for; `onlyCurrent=false` with those who left [HAR-BB]."""
        given = await _json(request)
        asked = [name for name in given.get("fields", []) if name in FIELDS]
        shown = [self._employees.shown(each) for each in self._employees.all()]
        if request.query.get("onlyCurrent", "true") != "false":
            shown = [each for each in shown if each["status"] == "Active"]
        fields = [{"id": name, "type": FIELDS[name][1], "name": FIELDS[name][0]} for name in asked]
        rows = [{"id": each["id"], **{name: each[name] for name in asked}} for each in shown]
        return answers.body({"title": given.get("title", ""), "fields": fields, "employees": rows})

    async def delete(self, request: web.Request) -> web.Response:
        """What the web page does; the API has no such call."""
        employee, person = self._employee(request), _person(request)
        with self._site.store.change():
            self._events.deleted(self._employees.shown(employee), person)
            self._employees.delete(employee)
        return web.Response(status=204)

    def _employee(self, request: web.Request) -> Document:
        id = request.match_info["id"]
        if id == "0":
            email = _person(request).email
            id = next((each["id"] for each in self._employees.all() if each.get("workEmail") == email), "0")
        return self._employees.get(id)


def _person(request: web.Request) -> Person:
    person = signed_in(request)
    assert person is not None, "every path needs somebody"
    return person


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        given = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise answers.refused(400, "Malformed request")
    return given


def _time(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise answers.refused(400, "Invalid since") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
