"""Validates events of OCSF against the schema's own class files and dictionary in the corpus.

The corpus has no files of the base event, the three categories and the objects: their names are below [ocsf-schema
a5cfc68e, `events/base_event.json`, `events/*/`, `objects/`], types come from the dictionary all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.support.shared import require_shared

FILES = {
    3001: "account_change",
    3002: "authentication",
    3003: "authorize_session",
    3004: "entity_management",
    3005: "user_access",
    3006: "group_management",
    6002: "application_lifecycle",
    6003: "api_activity",
    6005: "datastore_activity",
    2004: "detection_finding",
}
CATEGORIES = {2: "findings", 3: "iam", 6: "application"}
REQUIRED = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
OPTIONAL = {
    "activity_name",
    "category_name",
    "class_name",
    "count",
    "duration",
    "end_time",
    "enrichments",
    "message",
    "observables",
    "raw_data",
    "severity",
    "start_time",
    "status",
    "status_code",
    "status_detail",
    "status_id",
    "timezone_offset",
    "type_name",
    "unmapped",
}
OF_CATEGORY: dict[str, tuple[set[str], set[str]]] = {
    "iam": (set(), {"actor", "http_request", "http_response", "src_endpoint"}),
    "application": (set(), set()),
    "findings": ({"finding_info"}, {"comment", "confidence", "device", "resources", "vendor_attributes"}),
}
STATUSES = {"findings": {0, 1, 2, 3, 4, 5, 6, 99}, "iam": {0, 1, 2, 99}, "application": {0, 1, 2, 99}}
OBJECTS: dict[str, tuple[set[str], set[str]]] = {
    "metadata": (
        {"product", "version"},
        {"uid", "event_code", "log_name", "log_provider", "sequence", "correlation_uid", "is_truncated", "profiles"},
    ),
    "product": (set(), {"name", "vendor_name", "version", "uid", "feature", "lang", "path", "url_string"}),
    "feature": (set(), {"name", "uid", "version"}),
    "actor": (set(), {"app_name", "app_uid", "authorizations", "idp", "invoked_by", "process", "session", "user"}),
    "user": (set(), {"name", "uid", "type", "type_id", "email_addr", "full_name", "display_name", "domain", "groups"}),
    "group": (set(), {"name", "uid", "desc", "domain", "privileges", "type"}),
    "managed_entity": (set(), {"name", "uid", "type", "version", "data", "group", "policy", "user"}),
    "network_endpoint": (set(), {"ip", "hostname", "name", "uid", "port", "svc_name", "instance_uid"}),
    "service": (set(), {"name", "uid", "version", "labels"}),
    "api": ({"operation"}, {"group", "request", "response", "service", "version"}),
    "resource_details": (set(), {"name", "uid", "type", "labels", "version", "hostname", "owner"}),
    "table": (set(), {"name", "uid", "desc", "size"}),
    "finding_info": ({"uid"}, {"title", "desc", "types", "created_time", "first_seen_time", "product", "src_url"}),
}
AT_LEAST_ONE = {
    "actor": {"process", "user", "invoked_by", "session", "app_name", "app_uid"},
    "user": {"account", "name", "uid"},
    "group": {"name", "uid"},
    "managed_entity": {"name", "uid", "device", "group", "org", "policy", "user"},
    "network_endpoint": {"ip", "uid", "name", "hostname", "svc_name", "instance_uid", "domain"},
    "service": {"name", "uid"},
    "product": {"name", "uid"},
    "table": {"name", "uid"},
    "feature": {"name", "uid"},
    "resource_details": {"name", "uid"},
}


@cache
def schema_of(name: str) -> dict[str, Any]:
    """A file of the schema in the corpus."""
    found: dict[str, Any] = json.loads(require_shared("vendor", "specs", "ocsf", f"{name}.json").read_text())
    return found


def problems(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event; empty if it is a good one."""
    name = FILES.get(event.get("class_uid", 0))
    if name is None:
        return [f"no such class: {event.get('class_uid')}"]
    return list(_problems(event, schema_of(name), name))


def _problems(event: dict[str, Any], schema: dict[str, Any], name: str) -> Iterator[str]:
    category = CATEGORIES[event["class_uid"] // 1000]
    own = {key: value for key, value in schema["attributes"].items() if not key.startswith("$")}
    required = REQUIRED | OF_CATEGORY[category][0] | {k for k, v in own.items() if v.get("requirement") == "required"}
    allowed = required | OPTIONAL | OF_CATEGORY[category][1] | set(own)
    yield from (f"{name} lacks {each}" for each in sorted(required - set(event)))
    yield from (f"{name} has no {each}" for each in sorted(set(event) - allowed))
    group = schema.get("constraints", {}).get("at_least_one", [])
    if group and not set(group) & set(event):
        yield f"{name} needs one of {group}"
    for key in sorted(set(event) & allowed):
        yield from _typed(key, event[key], key, own.get(key, {}))
    yield from _numbers(event, schema, category)


def _numbers(event: dict[str, Any], schema: dict[str, Any], category: str) -> Iterator[str]:
    uid = schema_of("categories")["attributes"][category]["uid"]
    activity = event["activity_id"]
    if event["category_uid"] != uid or event["class_uid"] != uid * 1000 + schema["uid"]:
        yield "the class is not of its category"
    if event["type_uid"] != event["class_uid"] * 100 + activity:
        yield "type_uid is not made of class and activity"
    known = schema["attributes"].get("activity_id", {}).get("enum", {"1": {}, "2": {}, "3": {}})
    if activity not in (0, 99) and str(activity) not in known:
        yield f"no such activity: {activity}"
    caption = known.get(str(activity), {}).get("caption")
    if caption and event["activity_name"] != caption:
        yield f"activity {activity} is {caption}, not {event['activity_name']}"
    if event.get("class_name") != schema["caption"]:
        yield f"the class is {schema['caption']}"
    if event.get("status_id") not in STATUSES[category]:
        yield f"no such status: {event.get('status_id')}"


def _typed(path: str, value: Any, key: str, own: dict[str, Any]) -> Iterator[str]:
    entry = schema_of("dictionary")["attributes"].get(key)
    if entry is None:
        yield f"{path}: not in the dictionary"
        return
    if bool(entry.get("is_array")) != isinstance(value, list):
        yield f"{path}: {'no ' if entry.get('is_array') else ''}list"
        return
    for each in value if isinstance(value, list) else [value]:
        yield from _one(path, each, own.get("type", entry["type"]))
    choices = own.get("enum") or entry.get("enum")
    if choices and key not in ("activity_id", "status_id", "class_uid", "category_uid") and str(value) not in choices:
        yield f"{path}: {value} is none of {sorted(choices)}"


def _one(path: str, value: Any, kind: str) -> Iterator[str]:
    types = schema_of("dictionary")["types"]["attributes"]
    if kind in types:
        yield from (f"{path}: {kind}, {why}" for why in _primitive(value, types, kind))
    elif not isinstance(value, dict) or not value:
        yield f"{path}: no object"
    elif kind == "object":
        return
    elif kind not in OBJECTS:
        yield f"{path}: an object that the table lacks ({kind})"
    else:
        required, optional = OBJECTS[kind]
        yield from (f"{path} lacks {each}" for each in sorted(required - set(value)))
        yield from (f"{path} has no {each}" for each in sorted(set(value) - required - optional))
        if kind in AT_LEAST_ONE and not AT_LEAST_ONE[kind] & set(value):
            yield f"{path} needs one of {sorted(AT_LEAST_ONE[kind])}"
        for key, inner in value.items():
            yield from _typed(f"{path}.{key}", inner, key, {})


def _primitive(value: Any, types: dict[str, Any], kind: str) -> Iterator[str]:
    rules, base = types[kind], types[kind].get("type", kind)
    if base in ("integer_t", "long_t", "timestamp_t"):
        if type(value) is not int or not -(2**63) <= value < 2**63:
            yield f"not whole: {value!r}"
    elif base == "boolean_t":
        if not isinstance(value, bool):
            yield f"neither true nor false: {value!r}"
    elif base == "string_t":
        if not isinstance(value, str) or value == "":
            yield f"no text: {value!r}"
        elif "regex" in rules and not re.search(rules["regex"], value):
            yield f"not of its shape: {value!r}"
        elif len(value) > rules.get("max_len", 65535):
            yield f"too long: {len(value)}"
