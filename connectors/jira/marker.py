"""Where our correlation key sits on an issue: a label, or a text field of the site's choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.jira.jql import quoted

PREFIX = "lockstep-"


def label(correlation: str) -> str:
    """The marking label: shows in webhooks and can be searched; entity properties need an app for that (facts.md
    2.4).
    """
    return PREFIX + correlation


def correlation(fields: Mapping[str, Any], field: str) -> str | None:
    """The key an issue carries. Of several labels (merged by a person) none counts more, so the first by name is
    taken.
    """
    if field:
        value = fields.get(field)
        return value if isinstance(value, str) and value else None
    marks = sorted(each for each in labels(fields) if each.startswith(PREFIX))
    return marks[0].removeprefix(PREFIX) if marks else None


def has(fields: Mapping[str, Any], field: str, wanted: str) -> bool:
    """Whether an issue carries exactly this key, be it beside others."""
    return fields.get(field) == wanted if field else label(wanted) in labels(fields)


def labels(fields: Mapping[str, Any]) -> list[str]:
    """The labels of an issue, ours among them."""
    found = fields.get("labels")
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def without(found: list[str]) -> list[str]:
    """Labels as people see them: sorted, without ours."""
    return sorted(each for each in found if not each.startswith(PREFIX))


def condition(wanted: str, field: str) -> str:
    """JQL that finds the issues with this key (custom text fields know only `~`; the caller compares exactly)."""
    if field:
        number = field.removeprefix("customfield_")
        return f"cf[{number}] ~ {quoted(quoted(wanted))}"
    return f"labels = {quoted(label(wanted))}"
