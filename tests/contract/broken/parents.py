"""Waiting for a record that is named (ADR 0193), with a mechanism taken out."""

from __future__ import annotations

from contextlib import ExitStack

from gateway.sync import awaiting, links, plan
from tests.contract.broken.rules import put


def unordered(stack: ExitStack) -> None:
    """A child is made at once, without its parent, and nobody comes back to it."""
    put(stack, awaiting, "create_waits", lambda unit, connection: False)
    put(stack, awaiting, "begin", lambda unit, connection, name: None)
    put(stack, plan, "cannot_say", lambda *given: None)


def verbatim(stack: ExitStack) -> None:
    """Each system is given the id of the other."""
    put(stack, links.LinkBook, "there", lambda self, name, *given: name.rpartition(":")[2])


def patiently(stack: ExitStack) -> None:
    """Nobody is told of what does not come."""
    put(stack, awaiting, "_ask", lambda unit, connection, name: None)
