"""The REST API: sObject rows, rows by external id, queries with locators, limits (facts.md 5.1)."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
from aiohttp import web

from connectors.sandbox.documents import Document
from connectors.sandbox.gate import signed_in
from connectors.sandbox.people import Person
from connectors.sandbox.salesforce import answers, soql
from connectors.sandbox.salesforce.events import Events
from connectors.sandbox.salesforce.objects import Objects, shown_time
from connectors.sandbox.salesforce.people import People
from connectors.sandbox.salesforce.schema import KINDS, TIMES
from connectors.sandbox.site import Site

BASE = "/services/data/{version}"
BATCH = 2000
_LOCATORS = 500
"""Open queries that are remembered; an older one is not known any more."""


class Api:
    """Handlers. Each answers for what is on disk; open queries are lost with the process."""

    def __init__(self, site: Site, objects: Objects, events: Events, people: People) -> None:
        self._site, self._objects, self._events, self._people = site, objects, events, people
        self._open: OrderedDict[str, list[Document]] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        rows, row = BASE + "/sobjects/{kind}", BASE + "/sobjects/{kind}/{id}"
        by_key = BASE + "/sobjects/{kind}/{field}/{value}"
        return [
            web.get(BASE + "/limits", self.limits),
            web.get(BASE + "/limits/", self.limits),
            web.get(BASE + "/query", self.query),
            web.get(BASE + "/query/", self.query),
            web.get(BASE + "/queryAll", self.query),
            web.get(BASE + "/queryAll/", self.query),
            web.get(BASE + "/query/{locator}", self.more),
            web.get(rows + "/describe", self.describe),
            web.get(rows + "/updated/", self.updated),
            web.get(rows + "/deleted/", self.updated),
            web.post(rows, self.create),
            web.post(rows + "/", self.create),
            web.get(row, self.read),
            web.patch(row, self.update),
            web.delete(row, self.delete),
            web.get(by_key, self.read_by_key),
            web.patch(by_key, self.upsert),
        ]

    async def limits(self, request: web.Request) -> web.Response:
        """What is left of the day."""
        most = self._site.options.api_calls_per_day
        return answers.body({"DailyApiRequests": {"Max": most, "Remaining": most}})

    async def query(self, request: web.Request) -> web.Response:
        """The first batch; a locator for the rest. What it shows is fixed from here on."""
        asked = soql.parse(request.query.get("q", ""))
        rows = self._objects.find(asked, _person(request), deleted="queryAll" in request.path)
        return self._batch(request, uuid.uuid4().hex[:15], rows, 0)

    async def more(self, request: web.Request) -> web.Response:
        """The next batch."""
        locator, _, begin = request.match_info["locator"].partition("-")
        if locator not in self._open or not begin.isdecimal():
            raise answers.refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._batch(request, locator, self._open[locator], int(begin))

    async def describe(self, request: web.Request) -> web.Response:
        """The fields of an object type."""
        name = _kind(request)
        kind = KINDS[name]
        fields = [
            {
                "name": field,
                "type": "picklist" if field in kind.picklists else "datetime" if field in TIMES else "string",
                "nillable": field not in kind.needed,
                "externalId": field.endswith("_Key__c"),
                "picklistValues": [{"value": each, "active": True} for each in kind.picklists.get(field, ())],
            }
            for field in kind.fields
        ]
        return answers.body({"name": name, "keyPrefix": kind.prefix, "fields": fields})

    async def updated(self, request: web.Request) -> web.Response:
        """Ids between two times [SRC:simple-salesforce]."""
        name, removed = _kind(request), "/deleted" in request.path
        since, until = (_time(request.query.get(each, "")) for each in ("start", "end"))
        found = self._objects.changed(name, since, until, removed=removed)
        latest = shown_time(int(until * 1000))
        if removed:
            rows = [{"id": each["Id"], "deletedDate": shown_time(at)} for each, at in found]
            return answers.body({"deletedRecords": rows, "earliestDateAvailable": latest, "latestDateCovered": latest})
        return answers.body({"ids": [each["Id"] for each, _ in found], "latestDateCovered": latest})

    async def create(self, request: web.Request) -> web.Response:
        """201 with the id."""
        return self._created(_kind(request), await _json(request), _person(request), _client(request))

    async def read(self, request: web.Request) -> web.Response:
        """All fields, or those asked for."""
        return _row(_kind(request), self._one(request), request)

    async def update(self, request: web.Request) -> web.Response:
        """204."""
        name, before, given = _kind(request), self._one(request), await _json(request)
        _unmodified(request, before)
        self._changed(name, before, given, _person(request), _client(request))
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """204; it lies in the recycle bin then."""
        name, document, person = _kind(request), self._one(request), _person(request)
        self._people.may_delete(name, document)
        with self._site.store.change():
            self._objects.delete(name, document)
            self._events.deleted(name, document, person, _client(request))
        return web.Response(status=204)

    async def read_by_key(self, request: web.Request) -> web.Response:
        """The row of an external id; 300 with addresses where several carry it."""
        name = _kind(request)
        found = self._keyed(request)
        if not found:
            raise answers.refused(404, "NOT_FOUND", "The requested resource does not exist")
        return _several(name, found) if len(found) > 1 else _row(name, found[0], request)

    async def upsert(self, request: web.Request) -> web.Response:
        """201 for a new one; 200 with `created: false` for one that was there, before v46 a 204 [M]."""
        name, given, person = _kind(request), await _json(request), _person(request)
        field, value = request.match_info["field"], request.match_info["value"]
        found = self._keyed(request)
        if len(found) > 1:
            return _several(name, found)
        if field in given:
            said = f"The {field} field should not be specified in the sobject data."
            raise answers.refused(400, "INVALID_FIELD", said, [field])
        if not found:
            return self._created(name, {**given, field: value}, person, _client(request), created=True)
        self._changed(name, found[0], given, person, _client(request))
        if float(request.match_info["version"].removeprefix("v")) < 46:
            return web.Response(status=204)
        return answers.body({"id": found[0]["Id"], "success": True, "errors": [], "created": False})

    def _created(self, name: str, given: dict[str, Any], person: Person, client: str, **more: Any) -> web.Response:
        with self._site.store.change():
            made = self._objects.create(name, given, person)
            if name == "CaseComment":
                self._commented(made, person)
            else:
                self._events.created(name, made, person, client)
        return answers.body({"id": made["Id"], "success": True, "errors": [], **more}, 201)

    def _changed(self, name: str, before: Document, given: dict[str, Any], person: Person, client: str) -> None:
        self._people.may_change(name, before, given)
        said = given.pop("Comments", None) if name == "Case" else None
        with self._site.store.change():
            made = self._objects.update(name, before, given, person)
            self._people.changed(name, made)
            self._events.updated(name, before, made, person, client)
            if said:  # writing this field makes a comment, in the same transaction [M]
                self._commented(self._objects.create("CaseComment", _comment(made, said), person), person)

    def _commented(self, made: Document, person: Person) -> None:
        self._objects.touch("Case", made["ParentId"], person)
        self._events.commented(self._objects.get("Case", made["ParentId"]), made, person)

    def _one(self, request: web.Request) -> Document:
        return self._objects.get(_kind(request), request.match_info["id"])

    def _keyed(self, request: web.Request) -> list[Document]:
        return self._objects.by_key(_kind(request), request.match_info["field"], request.match_info["value"])

    def _batch(self, request: web.Request, locator: str, rows: list[Document], begin: int) -> web.Response:
        size, total = _size(request), len(rows)
        end = begin + size
        answer: dict[str, Any] = {"totalSize": total, "done": end >= total, "records": rows[begin:end]}
        if end < total:
            self._open[locator] = rows
            while len(self._open) > _LOCATORS:
                self._open.popitem(last=False)
            version = request.match_info["version"]
            answer["nextRecordsUrl"] = f"/services/data/{version}/query/{locator}-{end}"
        return answers.body(answer)


def _comment(case: Document, said: str) -> dict[str, Any]:
    return {"ParentId": case["Id"], "CommentBody": said, "IsPublished": False}


def _size(request: web.Request) -> int:
    """Salesforce takes 200 to 2000 and makes no promise; here fewer are taken, so that paging can be tested."""
    name, _, text = request.headers.get("Sforce-Query-Options", "").partition("=")
    return min(max(int(text), 1), BATCH) if name.strip() == "batchSize" and text.isdecimal() else BATCH


def _kind(request: web.Request) -> str:
    name = request.match_info["kind"]
    if name not in KINDS:
        raise answers.refused(404, "NOT_FOUND", "The requested resource does not exist")
    return name


def _row(name: str, document: Document, request: web.Request) -> web.Response:
    asked = [each for each in request.query.get("fields", "").split(",") if each]
    shown = {field: document.get(field) for field in asked} | {"Id": document["Id"]} if asked else document
    url = f"/services/data/{request.match_info['version']}/sobjects/{name}/{document['Id']}"
    return answers.body({"attributes": {"type": name, "url": url}, **shown})


def _several(name: str, found: list[Document]) -> web.Response:
    return answers.body([f"/services/data/v60.0/sobjects/{name}/{each['Id']}" for each in found], 300)


def _unmodified(request: web.Request, document: Document) -> None:
    text = request.headers.get("If-Unmodified-Since")
    if text is None:
        return
    try:
        at = parsedate_to_datetime(text).timestamp()
    except ValueError:
        raise answers.refused(400, "INVALID_HEADER", "If-Unmodified-Since is no date") from None
    if datetime.fromisoformat(document["LastModifiedDate"]).timestamp() > at:
        raise answers.refused(412, "PRECONDITION_FAILED", "The record was modified")


def _client(request: web.Request) -> str:
    return request.headers.get("Sforce-Call-Options", "").partition("client=")[2]


def _person(request: web.Request) -> Person:
    person = signed_in(request)
    assert person is not None, "every path but that of tokens needs somebody"
    return person


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        given = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise answers.refused(400, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has none.")
    return given


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text.replace(" ", "+")).timestamp()
    except ValueError:
        raise answers.refused(400, "INVALID_REPLICATION_DATE", "start and end are times") from None
