"""`/rest/api/3/...` about the site itself: who am I, fields, priorities, statuses, projects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from connectors.sandbox.described import FieldChange
from connectors.sandbox.gate import signed_in
from connectors.sandbox.jira import answers, catalog
from connectors.sandbox.jira.catalog import FIELDS, PROJECTS, STATUSES, FieldSpec, may_see
from connectors.sandbox.jira.desk import Desk, page, page_bean, person_of, words

_TEXT = "com.atlassian.jira.plugin.system.customfieldtypes:textfield"


class SiteApi:
    """Handlers of what rarely changes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        paths: dict[str, Callable[[web.Request], Any]] = {
            "myself": self.myself,
            "serverInfo": self.server_info,
            "field": self.fields,
            "priority": self.priorities,
            "priority/search": self.find_priorities,
            "resolution": self.resolutions,
            "status": self.statuses,
            "statuses/search": self.find_statuses,
            "issuetype": self.issue_types,
            "project/{project}": self.project,
        }
        return [web.get(f"/rest/api/3/{path}", handler) for path, handler in paths.items()]

    async def myself(self, request: web.Request) -> web.Response:
        """The proof that credentials work (facts.md 2.1)."""
        shown = self._desk.renderer(request).user(person_of(request).account_id) or {}
        return answers.body(shown | {"locale": "en_US", "expand": "groups,applicationRoles"})

    async def server_info(self, request: web.Request) -> web.Response:
        """Open to anybody."""
        return answers.body(
            {
                "baseUrl": self._desk.site.base_url,
                "version": "1001.0.0-SNAPSHOT",
                "versionNumbers": [1001, 0, 0],
                "deploymentType": "Cloud",
                "buildNumber": 100287,
                "buildDate": "2025-12-01T08:01:29.000+0000",
                "serverTime": self._desk.renderer(request).time(self._desk.issues.now_ms()),
                "scmInfo": "0" * 40,
                "serverTitle": "Jira",
                "defaultLocale": {"locale": "en_US"},
                "serverTimeZone": "Etc/UTC",
            }
        )

    async def fields(self, request: web.Request) -> web.Response:
        """System and custom fields."""
        changes = self._desk.site.options.fields
        new = {name: FieldSpec(name, name, "string", custom=_TEXT) for name in changes if name not in FIELDS}
        shown = [_changed(spec, changes.get(name, FieldChange())) for name, spec in (dict(FIELDS) | new).items()]
        return answers.body([_field(spec) for spec in shown if spec is not None])

    async def priorities(self, request: web.Request) -> web.Response:
        """All, without paging."""
        told = self._desk.site.options.fields.get("priority", FieldChange()).options
        numbers = {number: each.name for number, each in catalog.PRIORITIES.items()} if told is None else told
        return answers.body([self._listed(request, number, name) for number, name in numbers.items()])

    def _listed(self, request: web.Request, number: str, name: str) -> Any:
        known = catalog.PRIORITIES.get(number)
        shown = dict(self._priority(request, number if known else catalog.DEFAULT_PRIORITY))
        return shown | {"id": number, "name": name}

    async def find_priorities(self, request: web.Request) -> web.Response:
        """All or those of some ids, paged."""
        wanted = set(words(request, "id"))
        return self._page(
            request,
            [self._priority(request, number) for number in catalog.PRIORITIES if not wanted or number in wanted],
        )

    async def resolutions(self, request: web.Request) -> web.Response:
        """All."""
        render = self._desk.renderer(request)
        return answers.body([render.resolution(number) for number in catalog.RESOLUTIONS])

    async def statuses(self, request: web.Request) -> web.Response:
        """All, with links."""
        render = self._desk.renderer(request)
        return answers.body([render.status(status) for status in STATUSES.values()])

    async def find_statuses(self, request: web.Request) -> web.Response:
        """All or by category and text, paged."""
        category, text = request.query.get("statusCategory"), request.query.get("searchString", "").lower()
        shown = [
            {
                "id": status.id,
                "name": status.name,
                "statusCategory": status.category.search_name,
                "scope": {"type": "GLOBAL"},
                "description": "",
            }
            for status in STATUSES.values()
            if category in (None, status.category.search_name) and text in status.name.lower()
        ]
        return self._page(request, shown, default=200)

    async def issue_types(self, request: web.Request) -> web.Response:
        """All."""
        render = self._desk.renderer(request)
        return answers.body([render.issue_type(number) for number in catalog.ISSUE_TYPES])

    async def project(self, request: web.Request) -> web.Response:
        """By id or key; 404 also for one this person may not see."""
        name = request.match_info["project"]
        found = next((p for p in PROJECTS.values() if name in (p.id, p.key)), None)
        if found is None or not may_see(signed_in(request), found.id):
            raise answers.not_found(f"No project could be found with key '{name}'.")
        render = self._desk.renderer(request)
        types = [render.issue_type(number) for number in catalog.ISSUE_TYPES]
        more = {
            "description": "",
            "issueTypes": types,
            "assigneeType": "UNASSIGNED",
            "style": "classic",
            "versions": [],
        }
        return answers.body(render.project(found) | more)

    def _priority(self, request: web.Request, number: str) -> dict[str, Any]:
        more = {
            "description": catalog.PRIORITIES[number].description,
            "statusColor": catalog.PRIORITY_COLORS[number],
            "isDefault": number == catalog.DEFAULT_PRIORITY,
        }
        return self._desk.renderer(request).priority(number) | more

    def _page(self, request: web.Request, found: list[dict[str, Any]], *, default: int = 50) -> web.Response:
        start, size = page(request, default=default, cap=1000)
        shown = found[start : start + size]
        return answers.body(
            page_bean(request, self._desk.site.base_url, shown, start=start, size=size, total=len(found))
        )


def _changed(spec: FieldSpec, change: FieldChange) -> FieldSpec | None:
    """The field as the administrator left it; None: removed."""
    if change.removed:
        return None
    return msgspec.structs.replace(spec, name=change.label or spec.name, type=change.kind or spec.type)


def _field(spec: FieldSpec) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": spec.type}
    if spec.items:
        schema["items"] = spec.items
    if spec.custom:
        schema |= {"custom": spec.custom, "customId": int(spec.id.rpartition("_")[2])}
    else:
        schema["system"] = spec.id
    return {
        "id": spec.id,
        "key": spec.id,
        "name": spec.name,
        "custom": spec.custom is not None,
        "orderable": True,
        "navigable": True,
        "searchable": True,
        "clauseNames": list(spec.clauses),
        "schema": schema,
    }
