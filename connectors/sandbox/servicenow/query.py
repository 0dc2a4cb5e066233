"""Encoded queries to SQL. A part that cannot be read is left out and the rest applied, so a typo returns all rows
(facts.md 1.2 [SND]).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from connectors.sandbox.servicenow.columns import Table
from connectors.sandbox.servicenow.schema import TABLES

_TERM = re.compile(
    r"^([a-z_][a-z0-9_.]*)"
    r"(!=|>=|<=|=|>|<|NOT LIKE|NOT IN|STARTSWITH|ENDSWITH|LIKE|ISEMPTY|ISNOTEMPTY|IN|BETWEEN)"
    r"(.*)$",
    re.DOTALL,
)
_DATE_SCRIPT = re.compile(r"^javascript:\s*gs\.dateGenerate\(\s*'([^']+)'\s*,\s*'([^']+)'\s*\)$")
_ORDER = re.compile(r"^ORDERBY(DESC)?([a-z_][a-z0-9_.]*)$")


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """A query as SQL: `where` and `order` are trusted text, `values` are bound."""

    where: str
    values: tuple[str, ...]
    order: str
    ignored: tuple[str, ...]
    """Parts that could not be read."""


def compile_query(table: Table, query: str) -> Selection:
    """`^NQ` separates whole queries, `^` conditions; `^OR` binds to the condition before it (facts.md 1.2, 1.3)."""
    alternatives: list[list[list[str]]] = [[]]
    order: list[str] = []
    ignored: list[str] = []
    values: list[str] = []
    for joint, text in _split(query):
        if not text or text == "EQ":
            continue
        if text.startswith("ORDERBY"):
            ordering = _ordering(table, text)
            (order if ordering else ignored).append(ordering or text)
            continue
        if joint == "NQ":
            alternatives.append([])
        term = _term(table, text, values)
        if term is None:
            ignored.append(text)
        elif joint == "OR" and alternatives[-1]:
            alternatives[-1][-1].append(term)
        else:
            alternatives[-1].append([term])
    groups = [" AND ".join(f"({' OR '.join(terms)})" for terms in group) for group in alternatives if group]
    return Selection(
        where=" OR ".join(f"({group})" for group in groups) or "1",
        values=tuple(values),
        order=", ".join(order) or ("sys_id" if table.over else "rowid"),
        ignored=tuple(ignored),
    )


def column(table: Table, path: str) -> str | None:
    """SQL for a column or a dot-walk (`assigned_to.email`); None where the table has no such thing."""
    head, _, rest = path.partition(".")
    if head not in table.columns:
        return None
    if not rest:
        return f'{table.name}."{head}"'
    target = TABLES.get(table.references.get(head, ""))
    inner = column(target, rest) if target else None
    if target is None or inner is None or target is table:
        return None
    return f"coalesce((SELECT {inner} FROM {target.name} WHERE {target.name}.sys_id = {table.name}.\"{head}\"), '')"


def _split(query: str) -> list[tuple[str, str]]:
    """(joint, text) of each part; the joint is how it hangs on what came before."""
    parts: list[tuple[str, str]] = []
    for index, piece in enumerate(query.split("^")):
        joint = next((word for word in ("NQ", "OR") if index and piece.startswith(word)), "AND")
        if joint == "OR" and piece.startswith("ORDERBY"):
            joint = "AND"
        parts.append((joint, piece if joint == "AND" else piece[2:]))
    return parts


def _ordering(table: Table, text: str) -> str | None:
    found = _ORDER.match(text)
    target = column(table, found[2]) if found else None
    return f"{target} {'DESC' if found and found[1] else 'ASC'}" if target else None


def _term(table: Table, text: str, values: list[str]) -> str | None:
    found = _TERM.match(text)
    target = column(table, found[1]) if found else None
    if found is None or target is None:
        return None
    if found[1] in table.numbers:
        return _OPERATORS[found[2]](f"CAST({target} AS REAL)", found[3], values, target)
    if found[2] == "=" and found[1] in table.caseless:
        target = f"{target} COLLATE NOCASE"
    return _OPERATORS[found[2]](target, _literal(found[3]), values, target)


def _literal(text: str) -> str:
    script = _DATE_SCRIPT.match(text)
    return f"{script[1]} {script[2]}" if script else text


_Operator = Callable[[str, str, list[str], str], str | None]


def _compare(operator: str) -> _Operator:
    def build(target: str, literal: str, values: list[str], plain: str) -> str | None:
        if not literal:
            return None
        values.append(literal)
        return f"({plain} != '' AND {target} {operator} {'CAST(? AS REAL)' if target != plain else '?'})"

    return build


def _equal(negated: bool) -> _Operator:
    def build(target: str, literal: str, values: list[str], plain: str) -> str | None:
        values.append(literal)
        return f"{plain} {'!=' if negated else '='} ?"

    return build


def _like(prefix: str, suffix: str, negated: bool = False) -> _Operator:
    def build(target: str, literal: str, values: list[str], plain: str) -> str | None:
        escaped = literal.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values.append(f"{prefix}{escaped}{suffix}")
        return f"{plain} {'NOT LIKE' if negated else 'LIKE'} ? ESCAPE '\\'"

    return build


def _among(negated: bool) -> _Operator:
    def build(target: str, literal: str, values: list[str], plain: str) -> str | None:
        wanted: Sequence[str] = literal.split(",")
        values.extend(wanted)
        return f"{plain} {'NOT IN' if negated else 'IN'} ({', '.join('?' * len(wanted))})"

    return build


def _empty(operator: str) -> _Operator:
    def build(target: str, literal: str, values: list[str], plain: str) -> str | None:
        return None if literal else f"{plain} {operator} ''"

    return build


def _between(target: str, literal: str, values: list[str], plain: str) -> str | None:
    low, at, high = literal.partition("@")
    if not at:
        return None
    values += [_literal(low), _literal(high)]
    return f"{plain} BETWEEN ? AND ?"


_OPERATORS: dict[str, _Operator] = {
    "=": _equal(False),
    "!=": _equal(True),
    ">": _compare(">"),
    ">=": _compare(">="),
    "<": _compare("<"),
    "<=": _compare("<="),
    "LIKE": _like("%", "%"),
    "NOT LIKE": _like("%", "%", negated=True),
    "STARTSWITH": _like("", "%"),
    "ENDSWITH": _like("%", ""),
    "IN": _among(False),
    "NOT IN": _among(True),
    "ISEMPTY": _empty("="),
    "ISNOTEMPTY": _empty("!="),
    "BETWEEN": _between,
}
