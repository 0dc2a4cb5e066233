"""What one JQL condition means in SQL. Time literals have minute granularity, in the asker's zone (facts.md 2.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.jira import catalog
from connectors.sandbox.people import PEOPLE, Person

_RELATIVE = re.compile(r"^([+-]?)(\d+)([mhdw])$")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_FORMATS = ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d")
_PROPERTY = re.compile(r"^issue\.property\[([^\]]+)\]\.?([\w.]*)$", re.IGNORECASE)

_COLUMNS: Mapping[str, str] = {
    "id": "id",
    "issue": "key",
    "issuekey": "key",
    "key": "key",
    "project": "project",
    "status": "status",
    "issuetype": "issuetype",
    "type": "issuetype",
    "priority": "priority",
    "resolution": "resolution",
    "assignee": "assignee",
    "reporter": "reporter",
    "creator": "creator",
    "summary": "summary",
    "description": "description",
    "text": "summary",
    "created": "created",
    "createddate": "created",
    "updated": "updated",
    "updateddate": "updated",
    "resolved": "resolved",
    "resolutiondate": "resolved",
    "due": "duedate",
    "duedate": "duedate",
    "labels": "labels",
    "statuscategory": "statuscategory",
    "cf[10050]": "reference",
    "customfield_10050": "reference",
    "external reference": "reference",
}
_TIMES = frozenset({"created", "updated", "resolved"})
_NAMED: Mapping[str, Mapping[str, Any]] = {
    "project": catalog.PROJECTS,
    "status": catalog.STATUSES,
    "issuetype": catalog.ISSUE_TYPES,
    "priority": catalog.PRIORITIES,
    "resolution": catalog.RESOLUTIONS,
}
_USERS = frozenset({"assignee", "reporter", "creator"})


class JqlError(Exception):
    """The query cannot be run; the message is what Jira answers."""


class Conditions:
    """Builds SQL over table `found` and collects what is bound. `values` is in the order of the marks."""

    def __init__(self, person: Person | None, now_ms: int) -> None:
        self._person, self._now_ms = person, now_ms
        self._zone = ZoneInfo(person.time_zone if person else "UTC")
        self.values: list[Any] = []

    def compare(self, field: str, operator: str, operands: list[str]) -> str:
        """`field operator operands`. Raises JqlError."""
        found = _PROPERTY.match(field)
        if found:
            return self._property(found[1], found[2], operator, operands)
        column = column_of(field)
        if column in _TIMES:
            return self._time(field, column, operator, operands[0])
        if column == "labels":
            return self._label(operator, operands)
        if column == "statuscategory":
            return self._category(operator, operands)
        return self._plain(field, column, operator, operands)

    def function(self, name: str) -> str:
        """The operand a function stands for. Raises JqlError."""
        if name.lower() == "currentuser":
            return self._person.account_id if self._person else ""
        if name.lower() == "now":
            return "0m"
        raise JqlError(f"Unable to find JQL function '{name}()'.")

    def empty(self, field: str, *, negated: bool) -> str:
        """`field IS EMPTY`, or `IS NOT EMPTY`. Raises JqlError."""
        column = column_of(field)
        if column == "labels":
            return f"{'' if negated else 'NOT '}EXISTS (SELECT 1 FROM found_label l WHERE l.id = found.id)"
        return f"coalesce({column}, '') {'!=' if negated else '='} ''"

    def _bind(self, value: Any) -> str:
        self.values.append(value)
        return "?"

    def _plain(self, field: str, column: str, operator: str, operands: list[str]) -> str:
        if operator in ("~", "!~"):
            negated = "NOT " if operator == "!~" else ""
            return f"{column} {negated}LIKE {self._bind(_containing(operands[0]))} ESCAPE '\\'"
        values = [self._value(field, column, operand) for operand in operands]
        if operator in ("IN", "NOT IN"):
            return f"{column} {operator} ({', '.join(self._bind(value) for value in values)})"
        return f"{column} {operator} {self._bind(values[0])}"

    def _value(self, field: str, column: str, operand: str) -> Any:
        """The stored value an operand means: an id for what has a name, an account for a person."""
        if column == "id":
            return int(operand) if operand.isdecimal() else -1
        if column == "key":
            return operand.upper()
        if column in _USERS:
            found = next((p for p in PEOPLE if operand in (p.account_id, p.full_name, p.email)), None)
            return found.account_id if found else operand
        if column in _NAMED:
            return self._named(field, column, operand)
        return operand

    def _named(self, field: str, column: str, operand: str) -> str:
        items = _NAMED[column]
        key = next(
            (i for i in items.values() if operand.lower() in (i.id, i.name.lower(), getattr(i, "key", "").lower())),
            None,
        )
        if key is None or (column == "project" and not catalog.may_see(self._person, key.id)):
            raise JqlError(f"The value '{operand}' does not exist for the field '{field}'.")
        return str(key.id)

    def _label(self, operator: str, operands: list[str]) -> str:
        marks = ", ".join(self._bind(operand) for operand in operands)
        negated = "NOT " if operator in ("!=", "NOT IN") else ""
        return f"found.id {negated}IN (SELECT id FROM found_label WHERE label IN ({marks}))"

    def _category(self, operator: str, operands: list[str]) -> str:
        wanted = {operand.lower() for operand in operands}
        ids = [
            s.id
            for s in catalog.STATUSES.values()
            if wanted & {s.category.key, s.category.name.lower(), str(s.category.id)}
        ]
        marks = ", ".join(self._bind(number) for number in ids) or "NULL"
        return f"status {'NOT IN' if operator in ('!=', 'NOT IN') else 'IN'} ({marks})"

    def _property(self, key: str, path: str, operator: str, operands: list[str]) -> str:
        """Entity properties as if an app had declared them for JQL (facts.md 2.4)."""
        marks = [self._bind(key.strip("\"'")), self._bind(f"$.{path}" if path else "$")]
        marks += [self._bind(operand) for operand in operands]
        negated = "NOT " if operator in ("!=", "NOT IN") else ""
        inner = f"p.key = {marks[0]} AND CAST(json_extract(p.value, {marks[1]}) AS TEXT) IN ({', '.join(marks[2:])})"
        return f"{negated}EXISTS (SELECT 1 FROM property p WHERE p.kind = 'issue' AND p.owner = found.id AND {inner})"

    def _time(self, field: str, column: str, operator: str, operand: str) -> str:
        if operator not in ("=", "!=", "<", "<=", ">", ">="):
            raise JqlError(f"The operator '{operator}' is not supported by the '{field}' field.")
        return f"{column} {operator} {self._bind(self._moment(field, operand))}"

    def _moment(self, field: str, operand: str) -> int:
        relative = _RELATIVE.match(operand)
        if relative:
            amount = int(relative[2]) * _UNIT_MS[relative[3]]
            return self._now_ms - amount if relative[1] == "-" else self._now_ms + amount
        for form in _FORMATS:
            try:
                at = datetime.strptime(operand, form).replace(tzinfo=self._zone)
            except ValueError:
                continue
            return int(at.astimezone(UTC).timestamp() * 1000)
        raise JqlError(
            f"Date value '{operand}' for field '{field}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
            "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
        )


def column_of(field: str) -> str:
    """The column behind a field's name. Raises JqlError."""
    column = _COLUMNS.get(field.lower())
    if column is None:
        raise JqlError(f"Field '{field}' does not exist or you do not have permission to view it.")
    return column


def _containing(phrase: str) -> str:
    """A LIKE pattern; inner quotes mean an exact phrase, which here every search is."""
    escaped = phrase.strip('"').replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
