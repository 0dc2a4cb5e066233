"""P8 for people who have left, with a part of the referee taken out."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from gateway.sync import departed, plan, referee
from tests.contract.broken.rules import put


def let_records_be(stack: ExitStack) -> None:
    """A record of somebody who has left is one like any other."""
    put(stack, referee, "keep_out", lambda unit: None)
    put(stack, plan, "keep_out", lambda unit: None)


def at_birth_only(stack: ExitStack) -> None:
    """Only a new record is looked at: those that are there go on."""
    original = referee.keep_out

    def keep_out(unit: Any) -> None:
        if unit.new:
            original(unit)

    put(stack, referee, "keep_out", keep_out)
    put(stack, plan, "keep_out", keep_out)


def by_canonical_values(stack: ExitStack) -> None:
    """Fields go out as they are."""
    put(
        stack, referee, "outward", lambda unit, connection, name, version, plain: plain(unit, connection, name, version)
    )


def from_memory(stack: ExitStack) -> None:
    """A worker believes what it read when it began."""

    async def as_of(self: Any, tx: Any, mark: str) -> Any:
        return departed.NOBODY

    put(stack, departed.Departed, "as_of", as_of)


def by_spelling(stack: ExitStack) -> None:
    """Another letter case is another person."""
    put(stack, departed.Index, "who", _verbatim)


def _verbatim(self: Any, kind: Any, value: Any, connection: str = "") -> Any:
    here = (each for each in self._by_identity.items() if each[0].kind == kind)
    return next((gone for known, gone in here if known.value.title() == value), None)


def successors_only(stack: ExitStack) -> None:
    """Where nobody takes over, the field goes out as it is."""
    original = referee._instead

    def instead(unit: Any, connection: str, name: str, value: Any, gone: Any) -> Any:
        if not gone.successor:
            return unit.member(connection).mapping.to_ext(name, value)
        return original(unit, connection, name, value, gone)

    put(stack, referee, "_instead", instead)
