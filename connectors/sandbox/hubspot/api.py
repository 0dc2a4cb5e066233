"""The CRM objects API v3 and its properties (facts.md 5.2 [OAS-HS])."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from connectors.sandbox.documents import Document
from connectors.sandbox.gate import signed_in
from connectors.sandbox.hubspot import answers
from connectors.sandbox.hubspot.events import Events
from connectors.sandbox.hubspot.objects import KINDS, MOST_FOUND, Objects, shown, shown_time
from connectors.sandbox.people import Person
from connectors.sandbox.site import Refusal, Site

BASE = "/crm/v3"


class Api:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, objects: Objects, events: Events) -> None:
        self._site, self._objects, self._events = site, objects, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        all_, one = BASE + "/objects/{kind}", BASE + "/objects/{kind}/{id}"
        return [
            web.get(all_, self.listed),
            web.post(all_, self.create),
            web.post(all_ + "/search", self.search),
            web.post(all_ + "/batch/upsert", self.upsert),
            web.get(one, self.read),
            web.patch(one, self.update),
            web.delete(one, self.archive),
            web.get(BASE + "/properties/{kind}", self.properties),
            web.get(BASE + "/properties/{kind}/{name}", self.one_property),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """By id, a hundred at most, without a cap over all."""
        kind, size, after = _kind(request), int(request.query.get("limit", "10")), int(request.query.get("after", "0"))
        if not 0 < size <= 100:
            raise answers.refused(400, "limit must be between 1 and 100")
        rows = [each for each in self._objects.all(kind) if int(each["id"]) > after]
        page = [shown(each, kind, _asked(request)) for each in rows[:size]]
        paging = {"paging": {"next": {"after": page[-1]["id"], "link": ""}}} if len(rows) > size else {}
        return answers.body({"results": page, **paging})

    async def search(self, request: web.Request) -> web.Response:
        """Positions, of 10 000 at most; behind the last edits by the index's lag."""
        kind, asked = _kind(request), await _json(request)
        size, after = int(asked.get("limit", 10)), int(asked.get("after") or 0)
        if not 0 < size <= 200 or len(asked.get("sorts", [])) > 1:
            raise answers.refused(400, "There was a problem with the request: limit or sorts")
        if after + size > MOST_FOUND:
            raise answers.refused(400, f"There was a problem with the request: paging beyond {MOST_FOUND}")
        rows = self._objects.find(kind, asked)
        page = [shown(each, kind, asked.get("properties", [])) for each in rows[after : after + size]]
        paging = {"paging": {"next": {"after": str(after + size)}}} if len(rows) > after + size else {}
        return answers.body({"total": len(rows), "results": page, **paging})

    async def read(self, request: web.Request) -> web.Response:
        """By id, or by `idProperty`: that asks no index."""
        kind = _kind(request)
        return answers.body(shown(self._one(request), kind, _asked(request)))

    async def create(self, request: web.Request) -> web.Response:
        """201."""
        kind, given, person = _kind(request), await _json(request), _person(request)
        with self._site.store.change():
            made = self._objects.create(kind, given.get("properties", {}))
            self._events.created(kind, made, person)
        return answers.body(shown(made, kind, KINDS[kind].properties), 201)

    async def update(self, request: web.Request) -> web.Response:
        """200 with the object."""
        kind, before, given = _kind(request), self._one(request), await _json(request)
        after = self._changed(kind, before, given.get("properties", {}), _person(request))
        return answers.body(shown(after, kind, KINDS[kind].properties))

    async def archive(self, request: web.Request) -> web.Response:
        """204."""
        kind, document, person = _kind(request), self._one(request), _person(request)
        with self._site.store.change():
            self._events.archived(kind, document, person)
            self._objects.archive(kind, document)
        return web.Response(status=204)

    async def upsert(self, request: web.Request) -> web.Response:
        """200 with all, 207 where some were refused (fixture docs.-reference_error-handling-3)."""
        kind, given, person = _kind(request), await _json(request), _person(request)
        inputs = given.get("inputs", [])
        if not 0 < len(inputs) <= 100:
            raise answers.refused(400, "A batch has between 1 and 100 inputs")
        began, results, errors = self._site.now(), list[Any](), list[Any]()
        for each in inputs:
            try:
                results.append(self._upserted(kind, each, person))
            except Refusal as refusal:
                errors.append({"context": {}, "links": {}, "errors": [], **orjson.loads(refusal.response.text or "{}")})
        times = {"startedAt": shown_time(int(began * 1000)), "completedAt": shown_time(int(self._site.now() * 1000))}
        answer = {"status": "COMPLETE", "results": results, **times}
        if not errors:
            return answers.body(answer)
        return answers.body({**answer, "numErrors": len(errors), "errors": errors}, 207)

    async def properties(self, request: web.Request) -> web.Response:
        """All of a kind."""
        kind = _kind(request)
        return answers.body({"results": [_property(kind, name) for name in KINDS[kind].properties]})

    async def one_property(self, request: web.Request) -> web.Response:
        """One, with whether its values are unique."""
        kind, name = _kind(request), request.match_info["name"]
        if name not in KINDS[kind].properties:
            raise answers.refused(404, f"The property named {name} does not exist")
        return answers.body(_property(kind, name))

    def _upserted(self, kind: str, given: dict[str, Any], person: Person) -> Document:
        name, value = str(given.get("idProperty") or ""), str(given.get("id"))
        found = self._objects.by(kind, name, value) if name else self._objects.get(kind, value)
        properties = given.get("properties", {})
        with self._site.store.change():
            if found is None:
                made = self._objects.create(kind, {**properties, name: value})
                self._events.created(kind, made, person)
                return {**shown(made, kind, KINDS[kind].properties), "new": True}
        after = self._changed(kind, found, properties, person)
        return {**shown(after, kind, KINDS[kind].properties), "new": False}

    def _changed(self, kind: str, before: Document, given: dict[str, Any], person: Person) -> Document:
        with self._site.store.change():
            after = self._objects.update(kind, before, given)
            self._events.updated(kind, before, after, person)
        return after

    def _one(self, request: web.Request) -> Document:
        return self._objects.get(_kind(request), request.match_info["id"], request.query.get("idProperty", ""))


def _property(kind: str, name: str) -> dict[str, Any]:
    options = [
        {"label": each, "value": each, "displayOrder": at, "hidden": False}
        for at, each in enumerate(KINDS[kind].properties[name])
    ]
    return {
        "name": name,
        "label": name,
        "type": "enumeration" if options else "string",
        "fieldType": "select" if options else "text",
        "description": "",
        "groupName": f"{KINDS[kind].singular}information",
        "options": options,
        "hasUniqueValue": name in KINDS[kind].unique,
    }


def _kind(request: web.Request) -> str:
    kind = request.match_info["kind"]
    if kind not in KINDS:
        raise answers.refused(404, f"Unable to infer object type from: {kind}")
    return kind


def _asked(request: web.Request) -> list[str]:
    return [each for text in request.query.getall("properties", []) for each in text.split(",")]


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
        raise answers.refused(400, "Invalid input JSON")
    return given
