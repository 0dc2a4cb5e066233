"""What a rule is, and how it ends: held, broken with a reason, or not applicable with a reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from connectors.conformance.bench import Bench


class Broken(Exception):
    """The connector broke the rule; the text says how, for the person who has to mend it."""


class DoesNotApply(Exception):
    """The rule asks for something that this connector, or this place, does not have; the text says what."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One promise, and the way to catch who breaks it."""

    name: str
    says: str
    run: Callable[[Bench], Awaitable[str]]
    """Gives the evidence. Raises Broken or DoesNotApply."""


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one rule ended for one object type."""

    rule: str
    object: str
    ok: bool
    applies: bool = True
    evidence: str = ""


def need(condition: object, otherwise: str) -> None:
    """Raises Broken unless it is so."""
    if not condition:
        raise Broken(otherwise)
