"""A first connector file out of what a system answers, or of its OpenAPI document. What it guesses it says; what it
cannot know (which proof a write has) it leaves at the safe end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_IDS = ("id", "uuid", "_id", "gid", "sys_id", "key", "number")
_KEYS = ("number", "key", "iid", "reference", "code", "name")
_TIMES = (
    "updated_at",
    "updatedat",
    "changed_at",
    "modified_at",
    "last_modified",
    "lastmodified",
    "updated",
    "modified",
)
_VERSIONS = ("version", "rev", "revision", "lock_version", "lockversion", "sys_mod_count")
_NEXT = ("next_cursor", "nextcursor", "next_page_token", "nextpagetoken", "cursor", "next", "next_page", "after")
_METHODS = ("patch", "put")


class Found(NamedTuple):
    """What is known of one kind of object."""

    record: str
    path: str
    pick: str = "$[*]"
    row: Mapping[str, Any] = {}
    page: str = ""
    base: str = ""
    auth: str = "{kind: bearer}"
    one: str = ""
    create: bool = False
    update: str = ""
    delete: bool = False


def of_sample(record: str, path: str, answer: Any) -> Found:
    """From the answer to a list request. Raises ValueError where there is no list of objects in it."""
    place = next(_lists(answer, "$"), None)
    if place is None:
        raise ValueError("there is no list of objects in this answer; give the answer to a list request")
    pick, rows = place
    return Found(record, path, f"{pick}[*]", rows[0], _page(answer), one=f"{path}/${{id}}")


def of_openapi(record: str, document: Mapping[str, Any], path: str = "") -> Found:
    """From an OpenAPI 3 document. Raises ValueError where it has no list of such objects."""
    paths = document.get("paths")
    paths = paths if isinstance(paths, Mapping) else {}
    chosen = path or _best(record, paths)
    if chosen not in paths or "get" not in paths[chosen]:
        known = ", ".join(sorted(each for each in paths if "get" in paths[each] and "{" not in each)[:12])
        raise ValueError(f"there is no list at {chosen or record}; try --path with one of: {known}")
    item = next((each for each in paths if re.fullmatch(re.escape(chosen.rstrip("/")) + r"/\{[^/]+\}/?", each)), "")
    schema = _answer_schema(paths[chosen]["get"], document)
    pick, row = _rows(schema, document)
    verbs = paths.get(item, {})
    update = next((each for each in _METHODS if each in verbs), "")
    return Found(
        record=record,
        path=chosen,
        pick=pick,
        row=row,
        page=_asked_page(paths[chosen]["get"], document),
        base=_base(document),
        auth=_auth(document),
        one=re.sub(r"\{[^/]+\}", "${id}", item) if "get" in verbs else "",
        create="post" in paths[chosen],
        update=update,
        delete="delete" in verbs,
    )


def text(name: str, found: Found) -> str:
    """The file. It has no problems; comments say what is left to decide."""
    return "\n".join([*_head(name, found), *_record(found), *_writes(found), *_access()]) + "\n"


def _head(name: str, found: Found) -> Iterator[str]:
    yield "# yaml-language-server: $schema=connector.schema.json"
    yield f"connector: {name}"
    yield "format: 1"
    yield "release: 0.1.0"
    yield f"auth: {found.auth}"
    yield f"http: {{base: {found.base}}}" if found.base else "http: {}"
    yield "errors: []     # what a status means in general is known; name what this system does otherwise"
    yield "check:"
    yield f"  - {{proves: sign-in, get: {found.path}}}     # better: a path that tells who signs in"
    yield "records:"


def _record(found: Found) -> Iterator[str]:
    row = found.row
    yield f"  {found.record}:"
    yield f"    id: $.{_named(row, _IDS) or 'id'}"
    if key := next((each for each in _KEYS if each in row and each != _named(row, _IDS)), ""):
        yield f"    key: $.{key}"
    if version := _named(row, _VERSIONS):
        yield f"    version: $.{version}             # {{at: ..., kind: counter}} if it is one more with each change"
    when = _named(row, _TIMES)
    if when:
        yield f"    updated: {{at: $.{when}, as: {_form(row[when])}}}"
    if found.one:
        yield f'    one: {{get: "{found.one}"}}'
    page = f", page: {found.page}" if found.page else ""
    yield f'    list: {{get: {found.path}, pick: "{found.pick}"{page}}}'
    if when:
        yield "    # since: {param: updated_after, order: oldest_first}    # if the list can be narrowed and sorted"
    yield '    # marker: {at: $.external_ref, find: {get: ..., query: {external_ref: "${marker}"}, pick: ...}}'


def _writes(found: Found) -> Iterator[str]:
    if not (found.create or found.update or found.delete):
        return
    id = _named(found.row, _IDS) or "id"
    yield "    writes:"
    if found.create:
        yield f"      create: {{post: {found.path}, returns: {{id: $.{id}}}, once: none}}   # better: marker"
    if found.update and found.one:
        yield f'      update: {{{found.update}: "{found.one}", once: target_state}}'
    if found.delete and found.one:
        yield f'      delete: {{delete: "{found.one}"}}'


def _access() -> Iterator[str]:
    yield "# access:      # if departures reach this system: who a person is there, what one has, how each of it ends"


def _named(row: Mapping[str, Any], wanted: Iterable[str]) -> str:
    """The key of a row that is called so, whatever its case."""
    folded = {name.lower(): name for name in reversed(list(row))}
    return next((folded[each] for each in wanted if each in folded), "")


def _form(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "epoch_ms" if value > 1e11 else "epoch_s"
    return "date" if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "rfc3339"


def _lists(answer: Any, at: str) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Lists of objects, those nearest to the top first."""
    if isinstance(answer, list) and answer and all(isinstance(each, Mapping) for each in answer):
        yield at, answer
    elif isinstance(answer, Mapping):
        for name, each in answer.items():
            yield from _lists(each, f"{at}.{name}")


def _page(answer: Any) -> str:
    if not isinstance(answer, Mapping):
        return ""
    name = _named(answer, _NEXT)
    if not name:
        return ""
    value = answer[name]
    if isinstance(value, str) and ("/" in value or "?" in value) and urlsplit(value).path:
        return f"{{kind: next_url, from: $.{name}}}"
    return f"{{kind: cursor, from: $.{name}, to: {name}}}"


def _best(record: str, paths: Mapping[str, Any]) -> str:
    """The shortest list whose path ends in the record's name or its plural."""
    plural = record[:-1] + "ies" if record.endswith("y") else record + "s"
    ending = [each for each in paths if each.rstrip("/").rpartition("/")[2] in (record, plural) and "{" not in each]
    return min(ending, key=len, default="")


def _resolved(schema: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(20):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        schema = document
        for step in reference[2:].split("/"):
            schema = schema.get(step, {}) if isinstance(schema, Mapping) else {}
    return schema if isinstance(schema, Mapping) else {}


def _answer_schema(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = _resolved(operation.get("responses", {}).get("200", {}), document)
    content: Mapping[str, Any] = next(iter(answer.get("content", {}).values()), {})
    return _resolved(content.get("schema", {}), document)


def _rows(schema: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if schema.get("type") == "array":
        return "$[*]", _row(schema, document)
    for name, each in schema.get("properties", {}).items():
        inside = _resolved(each, document)
        if inside.get("type") == "array":
            return f"$.{name}[*]", _row(inside, document)
    return "$[*]", {}


def _row(listed: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    item = _resolved(listed.get("items", {}), document)
    parts = [item, *(_resolved(each, document) for each in item.get("allOf", ()))]
    names = {name: _resolved(each, document) for part in parts for name, each in part.get("properties", {}).items()}
    return {name: 0 if each.get("type") in ("integer", "number") else "" for name, each in names.items()}


def _asked_page(operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    asked = {str(_resolved(each, document).get("name", "")) for each in operation.get("parameters", ())}
    size = next((each for each in ("per_page", "limit", "page_size", "pageSize", "maxResults") if each in asked), "")
    sized = f", size: {{param: {size}, value: 100}}" if size else ""
    if "page" in asked:
        return f"{{kind: page{sized}}}"
    if "offset" in asked and size:
        return f"{{kind: offset{sized}}}"
    return ""


def _base(document: Mapping[str, Any]) -> str:
    servers = document.get("servers") or [{}]
    path = urlsplit(str(servers[0].get("url", ""))).path.rstrip("/")
    return path if re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path) else ""


def _auth(document: Mapping[str, Any]) -> str:
    schemes = document.get("components", {}).get("securitySchemes", {})
    for named in schemes.values():
        each = _resolved(named, document)
        kind, scheme = each.get("type"), str(each.get("scheme", "")).lower()
        if kind == "http" and scheme in ("basic", "bearer"):
            return f"{{kind: {scheme}}}"
        if kind == "apiKey" and each.get("in") in ("header", "query"):
            return f"{{kind: api_key, {each['in']}: {each.get('name', 'X-Api-Key')}}}"
    return "{kind: bearer}"
