"""Conditions of a connector file: CEL over a few declared variables, compiled once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from connectors.contract.errors import Refused
from connectors.contract.written import cel_engine as cel

OF_ANSWERS = ("status", "body", "header", "sent", "answered")
OF_CHECKS = ("status", "body", "header")
OF_WEBHOOKS = ("body", "header", "setting")
OF_ROWS = ("row",)
OF_PARTS = ("row", "setting")
OF_ACCOUNTS = ("row", "setting")
OF_FINDERS = ("setting",)
OF_GRANTS = ("row", "account", "setting")
OF_STILL = ("row", "account", "grant", "detail", "setting")
OF_COMPUTED = ("row", "account", "to", "setting")
OF_FIRST = ("status", "body", "to")


@lru_cache(maxsize=1024)
def _program(text: str) -> cel.Program:
    return cel.compiled(text)


def holds(text: str, values: Mapping[str, Any]) -> bool:
    """Whether the condition holds. One that cannot be decided, because a body lacks the key it asks for, does not."""
    if text == "true":
        return True
    try:
        return _program(text).execute(dict(values)) is True
    except Exception:  # noqa: BLE001 - the binding raises built-in errors of many kinds
        return False


def decided(text: str, values: Mapping[str, Any]) -> bool:
    """As `holds`, where a wrong no would hide something. Raises Refused where it cannot be decided."""
    if text in ("true", "false"):
        return text == "true"
    answer = computed(text, values)
    if not isinstance(answer, bool):
        raise Refused(f"'{text}' says neither yes nor no")
    return answer


def computed(text: str, values: Mapping[str, Any]) -> Any:
    """What the expression gives. Raises Refused where it cannot be decided."""
    try:
        return _program(text).execute(dict(values))
    except Exception as error:
        raise Refused(f"'{text}' cannot be decided by what the system shows; guard it with has(...)") from error


@lru_cache(maxsize=1024)
def looks_inside(text: str) -> bool:
    """Whether a condition asks for more than the status."""
    return bool({"body", "header"} & set(_program(text).variables()))
