"""From a fragment of `raw` to the bodies of Jira's writes. Pure; people are resolved before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from connectors.contract.errors import Refused
from connectors.contract.values import Step
from connectors.jira.adf import from_text
from connectors.jira.marker import label
from connectors.jira.settings import IssueOptions

PEOPLE = frozenset({"assignee", "reporter"})
"""Fields whose value is a person."""
_RICH = frozenset({"description", "environment"})
_NAMED = frozenset({"status", "priority", "resolution", "issuetype"})
_ONLY_BY_STEP = frozenset({"status"})


def fields_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a fragment `{"fields": {...}}`."""
    return dict(values.get("fields", {}))


def written(fields: Mapping[str, Any], rich: Collection[str]) -> dict[str, Any]:
    """Values in the vendor's write form. Raises Refused for a status: only a transition moves it (facts.md 2.3)."""
    for name in _ONLY_BY_STEP & fields.keys():
        raise Refused(f"{name} is moved by transitions, not written", fields={name: "needs a transition"})
    return {name: _form(name, value, rich) for name, value in fields.items() if name != "labels"}


def _form(name: str, value: Any, rich: Collection[str]) -> Any:
    if name in _RICH or name in rich:
        return from_text(value) if isinstance(value, str) and value.strip("\r\n") else None
    if name in _NAMED and isinstance(value, Mapping):
        return {"id": str(value["id"])} if value.get("id") else {"name": value.get("name")}
    return value


def creation(
    fields: Mapping[str, Any], options: IssueOptions, correlation: str, field: str, rich: Collection[str]
) -> dict[str, Any]:
    """The body of a create. A new issue starts in its workflow's first status; status and resolution are left to
    steps.
    """
    if not options.project:
        raise Refused("issues cannot be created without a project", fields={"project": "set it in the flow's `with:`"})
    kind = options.issuetype
    given = {
        name: value for name, value in fields.items() if name not in ("status", "resolution") and value is not None
    }
    labels = [*given.get("labels", []), *([] if field else [label(correlation)])]
    body = {
        "project": {"key": options.project},
        "issuetype": {"id": kind} if kind.isdecimal() else {"name": kind},
        **options.defaults,
        **written(given, rich),
    }
    return body | ({"labels": labels} if labels else {}) | ({field: correlation} if field else {})


def label_operations(seen: Iterable[str], wanted: Iterable[str]) -> list[dict[str, str]]:
    """Adds and removes that lead from the labels last read to those wanted; labels put on since then stay untouched."""
    before, after = set(seen), set(wanted)
    return [{"add": each} for each in sorted(after - before)] + [{"remove": each} for each in sorted(before - after)]


def for_screen(fields: Mapping[str, Any], step: Step) -> dict[str, Any]:
    """The companions of a step that its screen takes: Jira refuses a field that is not on it."""
    return {name: value for name, value in fields.items() if name in step.fields and name not in _ONLY_BY_STEP}
