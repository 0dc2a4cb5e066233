"""The fallback for people whom a system does not know (ADR 0192), with a mechanism taken out."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from gateway.sync import instead
from tests.contract.broken.rules import put


def held(stack: ExitStack) -> None:
    """A refusal is a case although a rule says who stands in."""
    put(stack, instead, "_take", lambda *given: False)


def nobody(stack: ExitStack) -> None:
    """The field is cleared and no group is named."""
    put(stack, instead, "chosen", lambda *given: {})


def for_ever(stack: ExitStack) -> None:
    """Once somebody was not known, nobody else is tried either."""
    original = instead.outward

    def outward(unit: Any, connection: str, name: str, version: Any) -> Any:
        shadow = unit.held(connection).shadow.get(name)
        if shadow is not None and shadow.instead is not None:
            shadow.instead = version.fver
        return original(unit, connection, name, version)

    put(stack, instead, "outward", outward)
