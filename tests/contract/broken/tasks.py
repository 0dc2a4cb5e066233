"""Fan-out (ADR 0191) with a mechanism taken out."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from gateway.core.ids import new_id
from gateway.sync import batch, fan_out
from gateway.sync.state import Standing
from tests.contract.broken.rules import put


def alone(stack: ExitStack) -> None:
    """A task is decided about without the record it was made of: nobody hears how it stands."""
    put(stack, fan_out, "made_of", lambda record: "")


def anew(stack: ExitStack) -> None:
    """What was made is neither remembered nor given an identity: every decision makes it."""
    put(stack, fan_out, "identity", lambda record, incarnation, key: new_id("r"))
    original = fan_out._require

    def forgetful(parent: Any, plan: Any) -> None:
        for task in parent.state.tasks.values():
            task.standing = Standing.WAITING
        original(parent, plan)

    put(stack, fan_out, "_require", forgetful)


def by_the_process(stack: ExitStack) -> None:
    """The clock is kept in memory: what was due is forgotten with the process."""
    put(stack, batch, "set_alarms", lambda units, due: None)
