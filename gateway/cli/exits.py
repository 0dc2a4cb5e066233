"""Exit codes, and the one exception by which a command ends with another than 0."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Fixed for ever: scripts rely on them. `lockstep help exit-codes` prints the list."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    SOME_FAILED = 3
    STILL_UNKNOWN = 4
    PLAN_STALE = 5
    NOT_ALLOWED = 6
    NOT_FOUND = 7
    NOT_REACHABLE = 8
    STOPPED_BY_GUARD = 9
    PLAN_HAS_CHANGES = 10
    CONFIG_INVALID = 11
    NOT_WHOLE = 12
    INTERRUPTED = 130


MEANING = {
    Code.DONE: "done",
    Code.FAILED: "failed",
    Code.WRONG_USE: "wrong use",
    Code.SOME_FAILED: "some items failed",
    Code.STILL_UNKNOWN: "outcomes still unknown",
    Code.PLAN_STALE: "plan stale: what you decided on has moved",
    Code.NOT_ALLOWED: "not allowed",
    Code.NOT_FOUND: "not found",
    Code.NOT_REACHABLE: "gateway or its database not reachable",
    Code.STOPPED_BY_GUARD: "stopped by a guard",
    Code.PLAN_HAS_CHANGES: "plan has changes (only with --exit-changes)",
    Code.CONFIG_INVALID: "configuration invalid",
    Code.NOT_WHOLE: "the audit trail, or a certificate, is not whole: changed, missing or not signed",
    Code.INTERRUPTED: "interrupted (a run goes on; the message says how to follow or stop it)",
}


class Ending(Exception):
    """Ends the command with this code, after saying `message` on stderr (nothing if empty)."""

    def __init__(self, code: Code, message: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message
