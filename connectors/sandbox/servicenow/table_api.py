"""`/api/now[/v1|v2]/table/...`: parameters in, rows out (facts.md 1.2 [SND c_TableAPI])."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
from aiohttp import web
from yarl import URL

from connectors.sandbox.gate import signed_in
from connectors.sandbox.people import Person
from connectors.sandbox.servicenow import answers
from connectors.sandbox.servicenow.columns import Table
from connectors.sandbox.servicenow.described import TOLD
from connectors.sandbox.servicenow.query import Selection, compile_query
from connectors.sandbox.servicenow.records import Records
from connectors.sandbox.servicenow.render import DisplayMode, Renderer, View
from connectors.sandbox.servicenow.rules import Row
from connectors.sandbox.servicenow.schema import TABLES
from connectors.sandbox.servicenow.writing import Writing
from connectors.sandbox.site import Refusal, Site

_DEFAULT_LIMIT = 10_000
_NOTHING = "0"


class TableApi:
    """The Table API. Handlers do all their work between two awaits, in one change."""

    def __init__(self, site: Site, records: Records, renderer: Renderer, writing: Writing) -> None:
        self._site, self._records, self._renderer, self._writing = site, records, renderer, writing

    def routes(self) -> list[web.RouteDef]:
        """Methods are told apart here, because X-HTTP-Method-Override may say another one."""
        return [
            web.route("*", f"/api/now{version}/table/{{table}}{tail}", handler)
            for version in ("", "/v1", "/v2")
            for tail, handler in (("", self.collection), ("/{sys_id}", self.record))
        ]

    async def collection(self, request: web.Request) -> web.Response:
        """GET a list, POST a record."""
        table, person, body = _table(request), _person(request), await request.read()
        method = effective_method(request)
        _check_headers(request, method)
        if method == "GET":
            return self._list(request, table, person)
        if method == "POST":
            return self._insert(request, table, self._fields(request, table, body), person)
        raise Refusal(answers.plain_failure(405))

    async def record(self, request: web.Request) -> web.Response:
        """GET, PUT and PATCH (the same: partial), DELETE one record."""
        table, person, body = _table(request), _person(request), await request.read()
        method = effective_method(request)
        _check_headers(request, method)
        row = self._records.get(table, request.match_info["sys_id"])
        if row is not None and table.over:
            table = TABLES[row["sys_class_name"]]
            row = self._records.get(table, row["sys_id"])
        if row is None or self._hidden(table, row, person):
            raise answers.no_record()
        if method == "GET":
            return answers.body({"result": self._renderer.show(table, row, _view(request))})
        if method in ("PUT", "PATCH"):
            return self._update(request, table, row, self._fields(request, table, body), person)
        if method == "DELETE":
            return self._delete(table, row, person)
        raise Refusal(answers.plain_failure(405))

    def _list(self, request: web.Request, table: Table, person: Person) -> web.Response:
        if table.name in TOLD:
            self._records.describe()
        limit = _whole(request, "sysparm_limit", _DEFAULT_LIMIT)
        offset = _whole(request, "sysparm_offset", 0)
        selection = self._selection(request, table)
        rows = self._records.select(table, selection, limit=limit, offset=offset)
        # Access rules are applied after the limit, so that a page can be short although more rows exist (facts.md 1.2).
        seen = [row for row in rows if not self._hidden(table, row, person)]
        if not seen and not rows and request.path.startswith("/api/now/v1/"):
            raise answers.no_record()
        headers = {}
        if not _said(request, "sysparm_no_count"):
            total = self._records.count(table, selection)
            headers["X-Total-Count"] = str(total)
            if not _said(request, "sysparm_suppress_pagination_header"):
                headers |= _links(request, self._site.base_url, limit=limit, offset=offset, total=total)
        return answers.body({"result": self._renderer.rows(table, seen, _view(request))}, headers=headers)

    def _selection(self, request: web.Request, table: Table) -> Selection:
        query = request.query.get("sysparm_query", "")
        for name, value in request.query.items():
            if not name.startswith("sysparm_") and name in table.columns:
                query += f"^{name}={_choice_value(table, name, value)}"
        selection = compile_query(table, query.removeprefix("^"))
        if selection.ignored and self._site.options.invalid_query_returns_no_rows:
            return msgspec.structs.replace(selection, where=_NOTHING, values=())
        return selection

    def _hidden(self, table: Table, row: Row, person: Person) -> bool:
        rule = self._site.options.acl_hidden_query
        table = TABLES[row["sys_class_name"]] if table.over else table
        if not rule or person.admin or table.name != "incident":
            return False
        hidden = compile_query(table, f"{rule}^sys_id={row['sys_id']}")
        return self._records.count(table, hidden) > 0

    def _insert(self, request: web.Request, table: Table, fields: Row, person: Person) -> web.Response:
        if table.read_only:
            raise answers.acl("ACL Exception Insert Failed due to security constraints")
        with self._site.store.change():
            row = self._writing.insert(table, fields, person)
        location = f"{self._site.base_url}/api/now/table/{table.name}/{row['sys_id']}"
        return self._written(request, table, row, status=201, headers={"Location": location})

    def _update(self, request: web.Request, table: Table, before: Row, fields: Row, person: Person) -> web.Response:
        if table.read_only:
            raise answers.acl()
        with self._site.store.change():
            row = self._writing.update(table, before, fields, person)
        return self._written(request, table, row, status=200)

    def _delete(self, table: Table, row: Row, person: Person) -> web.Response:
        if table.read_only:
            raise answers.acl("ACL Exception Delete Failed due to security constraints")
        self._writing.refuse_derived(table, row)
        with self._site.store.change():
            self._writing.delete(table, row, person)
        return web.Response(status=204)

    def _written(
        self, request: web.Request, table: Table, row: Row, *, status: int, headers: dict[str, str] | None = None
    ) -> web.Response:
        if request.headers.get("X-no-response-body", "").lower() == "true":
            return web.Response(status=status, headers=headers)
        return answers.body({"result": self._renderer.show(table, row, _view(request))}, status, headers)

    def _fields(self, request: web.Request, table: Table, body: bytes) -> Row:
        """The body's fields as strings; of several records only the first counts (facts.md 1.2)."""
        try:
            given: Any = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError:
            detail = "The payload is not valid JSON"
            raise Refusal(answers.failure(400, "Exception while reading request", detail)) from None
        if isinstance(given, list):
            given = given[0] if given else {}
        if not isinstance(given, dict):
            raise Refusal(answers.failure(400, "Exception while reading request", "The payload is not an object"))
        as_displayed = _said(request, "sysparm_input_display_value")
        gone = self._records.removed(table)  # as unknown names are: ignored (facts.md 1.2 [M])
        given = {name: value for name, value in given.items() if name not in gone}
        return {name: self._input(table, name, _text(value), as_displayed) for name, value in given.items()}

    def _input(self, table: Table, name: str, value: str, as_displayed: bool) -> str:
        if not as_displayed or not value:
            return value
        if name in table.references:
            return self._records.reference_by_display(table, name, value)
        return _choice_value(table, name, value)


def effective_method(request: web.Request) -> str:
    """The method, or what X-HTTP-Method-Override says in a POST."""
    override = request.headers.get("X-HTTP-Method-Override", "").upper()
    return override if override and request.method == "POST" else request.method


def _person(request: web.Request) -> Person:
    person = signed_in(request)
    if person is None:
        raise Refusal(answers.unauthorised())
    return person


def _table(request: web.Request) -> Table:
    name = request.match_info["table"]
    if name not in TABLES:
        raise answers.invalid_table(name)
    return TABLES[name]


def _check_headers(request: web.Request, method: str) -> None:
    """Accept always, Content-Type for all that write: without them 400, with a type it cannot do 406 or 415."""
    accept = request.headers.get("Accept")
    content_type = request.headers.get("Content-Type")
    if accept is None or (method != "GET" and content_type is None):
        missing = "Accept" if accept is None else "Content-Type"
        raise Refusal(answers.failure(400, "Missing required header", f"{missing} header is required"))
    if not any(kind in accept for kind in ("application/json", "*/*", "application/*")):
        raise Refusal(answers.plain_failure(406))
    if method not in ("GET", "DELETE") and content_type is not None and "json" not in content_type:
        raise Refusal(answers.plain_failure(415))


def _view(request: web.Request) -> View:
    fields = request.query.get("sysparm_fields", "")
    modes: dict[str, DisplayMode] = {"true": "true", "all": "all"}
    return View(
        fields=tuple(name.strip() for name in fields.split(",") if name.strip()),
        display=modes.get(request.query.get("sysparm_display_value", "").lower(), "false"),
        exclude_links=_said(request, "sysparm_exclude_reference_link"),
        base_url=str(request.url.origin()),
    )


def _said(request: web.Request, name: str) -> bool:
    """A switch; clients write `true` and `True`."""
    return request.query.get(name, "").lower() == "true"


def _whole(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() else default


def _choice_value(table: Table, name: str, shown: str) -> str:
    """The stored value for a label, any case; anything else stays as it is."""
    choices = table.choices.get(name, {})
    return next((value for value, label in choices.items() if label.lower() == shown.lower()), shown)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "value" in value:
        return _text(value["value"])
    return orjson.dumps(value).decode()


def _links(request: web.Request, base_url: str, *, limit: int, offset: int, total: int) -> dict[str, str]:
    """Recorded: no Link at all when everything fits one page, no `next` on the last (facts.md 1.2 [HAR-SN])."""
    if limit <= 0 or total <= limit:
        return {}
    pages = {"first": 0}
    if offset > 0:
        pages["prev"] = max(0, offset - limit)
    if offset + limit < total:
        pages["next"] = offset + limit
    pages["last"] = (total - 1) // limit * limit
    url = URL(base_url).join(request.rel_url)
    links = [f'<{url.update_query(sysparm_offset=at)}>;rel="{rel}"' for rel, at in pages.items()]
    return {"Link": ",".join(links)}
