"""The description of the API (OpenAPI 3.1), made from the declared routes and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from gateway.access.rights import Role, rights_of
from gateway.api.declare import FREE, Key, Route
from gateway.api.showing import schemas
from gateway.core.problem_types import PROBLEMS
from gateway.core.problems import BASE

Doc = dict[str, Any]

_PLACES: Mapping[str, tuple[str, str]] = {
    "entry": ("Id of an entry of the audit trail, or its place in the chain.", "88214"),
    "number": ("Number of a case: `FO-17`.", "FO-17"),
    "system": ("Name of a connection.", "jira"),
    "name": ("Name of a connection.", "jira"),
    "type": ("What that system calls this kind of object.", "issue"),
    FREE: ("What people call the object there, or its id.", "OPS-12"),
    "id": ("Its id, as a list or the answer that made it says.", "01k9zj"),
    "person": ("Name of a person.", "ann"),
    "channel": ("Name of a channel.", "ops"),
    "flood": ("Of departures that were stopped, as the list names it.", "FL-1"),
    "sink": ("Name of a SIEM sink.", "soc"),
    "attachment": ("Id of a file.", "att_01k9zj"),
    "mapping": ("Name of a mapping.", "jira-issue"),
    "hold": ("Number of a legal hold.", "LH-3"),
    "seq": ("Number of a document of the archive.", "17"),
    "version": ("Its number, with the beginning of its digest where several texts carry it.", "2.9f86d081"),
}
_ANY = ("not-signed-in", "quota-exceeded", "not-acceptable", "database-away", "defect", "not-found", "invalid-query")
_BODY = ("unreadable", "media-type", "too-large", "invalid-body", "value-refused")
_KEYED = ("key-missing", "invalid-header", "still-running", "key-reused")
_TRACE = {"traceparent": "W3C Trace Context; continued in problems, logs and the audit trail."}


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One place that is unfit: a pointer into the body (RFC 6901), or a parameter."""

    detail: str
    pointer: str | msgspec.UnsetType = msgspec.UNSET
    parameter: str | msgspec.UnsetType = msgspec.UNSET
    file: str | msgspec.UnsetType = msgspec.UNSET
    """Of a file that was handed in, or one in place."""
    line: int | msgspec.UnsetType = msgspec.UNSET
    column: int | msgspec.UnsetType = msgspec.UNSET
    rule: str | msgspec.UnsetType = msgspec.UNSET
    fix: str | msgspec.UnsetType = msgspec.UNSET
    """What to try instead."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457. Members that are not named here may be there, too."""

    type: str
    title: str
    status: int
    code: str
    """Stable; what programs go by."""
    detail: str
    trace_id: str | msgspec.UnsetType = msgspec.UNSET
    instance: str | msgspec.UnsetType = msgspec.UNSET
    errors: tuple[Mistake, ...] | msgspec.UnsetType = msgspec.UNSET


def problems_of(route: Route) -> list[str]:
    """Every code that the route may give, in the order of the list of problems."""
    codes = {*_ANY, *route.problems}
    if route.right is not None:
        codes.add("not-allowed")
    if route.paged:
        codes.add("cursor-refused")
    if route.query.__struct_fields__:
        codes.add("value-refused")
    if route.body is not None:
        codes |= set(_BODY)
    if route.key is not Key.NONE:
        codes |= set(_KEYED)
    if route.match:
        codes |= {"if-match-needed", "invalid-header"}
    return [code for code in PROBLEMS if code in codes]


def describe(routes: Iterable[Route], *, release: str) -> Doc:
    """The whole document."""
    declared = tuple(routes)
    found, components = schemas(_types(declared))
    paths: dict[str, Doc] = {}
    for route in declared:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, found, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lockstep",
            "version": release,
            "summary": "Keeps records that live in several systems in step.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in dict.fromkeys(route.tag for route in declared)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "headers": _headers(),
        },
        "x-problems": {code: {"type": f"{BASE}{code}", **kind._asdict()} for code, kind in PROBLEMS.items()},
    }


def _types(routes: Iterable[Route]) -> list[Any]:
    types: list[Any] = [Problem]
    for route in routes:
        types += [each for each in (route.answer, route.body) if each is not None]
        types.append(route.query)
    return list(dict.fromkeys(types))


def _operation(route: Route, found: Mapping[Any, Doc], components: Mapping[str, Doc]) -> Doc:
    operation: Doc = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "description": _needs(route),
        "parameters": [*_places(route), *_query(route, components), *_asked_headers(route)],
        "responses": _responses(route, found),
        "x-right": str(route.right) if route.right else None,
    }
    if route.body is not None:
        needed = any(field.required for field in msgspec.structs.fields(route.body))
        content = {"application/json": {"schema": found[route.body]}}
        operation["requestBody"] = {"required": needed, "content": content}
    return operation


def _needs(route: Route) -> str:
    if route.right is None:
        return "Whoever is signed in may ask this."
    roles = ", ".join(role for role in Role if route.right in rights_of([role]))
    return f"Needs the right `{route.right}` (roles: {roles}); what is outside the caller's scope is not there."


def _places(route: Route) -> list[Doc]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PLACES[name][0],
            "schema": {"type": "string", "minLength": 1, "maxLength": 400, "pattern": "^[^/:\\x00-\\x1f]+$"},
            "example": _PLACES[name][1],
        }
        for name in route.places
    ]


def _query(route: Route, components: Mapping[str, Doc]) -> list[Doc]:
    schema = components.get(route.query.__name__, {})
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _without_text(each),
            **({"description": each["description"]} if "description" in each else {}),
        }
        for name, each in schema.get("properties", {}).items()
    ]


def _without_text(schema: Doc) -> Doc:
    """A parameter is never null: left out, it is not there."""
    arms = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    bare = {name: value for name, value in schema.items() if name not in ("description", "anyOf", "default")}
    return bare | (arms[0] if len(arms) == 1 else {})


def _asked_headers(route: Route) -> list[Doc]:
    headers = [_header("traceparent", _TRACE["traceparent"], required=False)]
    if route.key is not Key.NONE:
        text = f"New for every wish, the same for a repeat; the answer is kept for {_kept(route)}."
        headers.append(_header("Idempotency-Key", text, pattern=r"^[!#-+\--~]{1,255}$", example="01J9ZJ4T7Q"))
    if route.match:
        text = "The ETag of what was decided on."
        headers.append(_header("If-Match", text, pattern=rf'^"{route.matched}(\.[0-9a-f]{{12}})?"$', example='"1"'))
    return headers


def _kept(route: Route) -> str:
    return "24 hours" if route.key is Key.DAY else "good"


def _header(name: str, text: str, *, required: bool = True, pattern: str = "", example: str = "") -> Doc:
    schema: Doc = {"type": "string"} | ({"pattern": pattern} if pattern else {})
    told = {"example": example} if example else {}
    return {"name": name, "in": "header", "required": required, "description": text, "schema": schema, **told}


def _responses(route: Route, found: Mapping[Any, Doc]) -> Doc:
    responses: Doc = {str(route.status): _good(route, found, "Done." if route.method != "GET" else "As asked.")}
    for status, text in route.others.items():
        responses[str(status)] = _good(route, found, text)
    by_status: dict[int, list[str]] = {}
    for code in problems_of(route):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = {
            "description": " ".join(f"`{code}`: {PROBLEMS[code].meaning}" for code in codes),
            "content": {"application/problem+json": {"schema": found[Problem]}},
        }
    return responses


def _good(route: Route, found: Mapping[Any, Doc], text: str) -> Doc:
    names = ["RateLimit", "RateLimit-Policy"]
    names += ["Link"] if route.paged else []
    content: Doc = {route.media: {}} if route.answer is None else {"application/json": {"schema": found[route.answer]}}
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return {"description": text, "headers": headers, "content": content}


def _headers() -> Doc:
    texts = {
        "RateLimit": "What is left of the quota, and when there is more.",
        "RateLimit-Policy": "Requests in so many seconds.",
        "Link": "The first and the next page (RFC 8288).",
    }
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in texts.items()}
