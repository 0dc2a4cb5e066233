"""The part of SOQL that pollers use: SELECT fields FROM object WHERE conditions joined by AND, ORDER BY, LIMIT
(facts.md 5.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from connectors.sandbox.salesforce import answers
from connectors.sandbox.salesforce.schema import KINDS, TIMES, Kind

_QUERY = re.compile(
    r"\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<object>\w+)(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+(?P<order>[\w., ]+?))?(?:\s+LIMIT\s+(?P<limit>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(
    r"\s*(?P<field>[\w.]+)\s*(?P<op><=|>=|!=|=|<|>)\s*(?P<value>'(?:[^'\\]|\\.)*'|[^\s']+)\s*(?P<and>AND\s+|$)",
    re.IGNORECASE,
)
_SAME: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a is not None and a < b,
    "<=": lambda a, b: a is not None and a <= b,
    ">": lambda a, b: a is not None and a > b,
    ">=": lambda a, b: a is not None and a >= b,
}
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


class Condition(NamedTuple):
    """One comparison."""

    field: str
    op: str
    value: Any

    def holds(self, shown: Any) -> bool:
        """Texts are compared without regard to case, as Salesforce does; our key is case-sensitive."""
        if isinstance(shown, str) and isinstance(self.value, str) and not self.field.endswith(("Id", "__c")):
            return _SAME[self.op](shown.lower(), self.value.lower())
        return _SAME[self.op](shown, self.value)


class Query(NamedTuple):
    """What is asked."""

    object: str
    fields: tuple[str, ...]
    conditions: tuple[Condition, ...]
    order: tuple[tuple[str, bool], ...]
    """Field, and whether the greatest comes first."""
    limit: int | None


def parse(text: str) -> Query:
    """Raises Refusal with the vendor's own words."""
    found = _QUERY.fullmatch(text)
    if found is None:
        raise answers.refused(400, "MALFORMED_QUERY", "unexpected token: query")
    name = found["object"]
    kind = KINDS.get(name)
    if kind is None:
        raise answers.refused(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    fields = tuple(each.strip() for each in found["fields"].split(","))
    order = tuple(_ordered(each) for each in (found["order"] or "").split(",") if each.strip())
    conditions = tuple(_conditions(found["where"] or ""))
    for each in (*fields, *(field for field, _ in order), *(each.field for each in conditions)):
        _known(each, name, kind)
    return Query(name, fields, conditions, order, int(found["limit"]) if found["limit"] else None)


def _ordered(text: str) -> tuple[str, bool]:
    field, _, way = text.strip().partition(" ")
    return field, way.strip().upper() == "DESC"


def _conditions(text: str) -> list[Condition]:
    found, at = list[Condition](), 0
    while at < len(text):
        match = _CONDITION.match(text, at)
        if match is None:
            raise answers.refused(400, "MALFORMED_QUERY", f"unexpected token: {text[at : at + 20].strip()!r}")
        found.append(Condition(match["field"], match["op"], _literal(match["field"], match["value"])))
        at = match.end()
    return found


def _literal(field: str, text: str) -> Any:
    quoted = text.startswith("'")
    if field in TIMES:
        if quoted:
            wanted = "must be of type dateTime and should not be enclosed in quotes"
            said = f"value of filter criterion for field '{field}' {wanted}"
            raise answers.refused(400, "INVALID_FIELD", said)
        try:
            return datetime.fromisoformat(text).timestamp()
        except ValueError:
            raise answers.refused(400, "MALFORMED_QUERY", f"line 1: unexpected token: {text}") from None
    if quoted:
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return int(text)
    except ValueError:
        raise answers.refused(400, "MALFORMED_QUERY", f"unexpected token: {text}") from None


def _known(field: str, name: str, kind: Kind) -> None:
    related, dot, inner = field.partition(".")
    if dot:
        if related in kind.related and inner in KINDS[kind.related[related][1]].fields:
            return
    elif field in kind.fields:
        return
    said = f"\nSELECT {field}\nERROR at Row:1:Column:8\nNo such column '{field}' on entity '{name}'."
    raise answers.refused(400, "INVALID_FIELD", said)
