"""How states and outcomes look: a word, a shape and a tone for each, so that none depends on colour alone.

The words are EXPERIENCE.md 2.0's; what the domain says in words of its own is shown as it is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Look(NamedTuple):
    """One state as people see it."""

    word: str
    tone: str
    """good, bad, warn, doubt, busy or calm: a class of the stylesheet."""
    shape: str
    """A shape of `shapes.html`: as different as the words."""


STATES: Mapping[str, Look] = {
    # cases
    "open": Look("open", "warn", "ring"),
    "taken": Look("taken", "busy", "half"),
    "parked": Look("parked", "calm", "pause"),
    "in_run": Look("in run", "busy", "arrow"),
    "closed": Look("closed", "calm", "tick"),
    "came_back": Look("came back", "bad", "back"),
    # outcomes
    "applied": Look("applied", "good", "tick"),
    "unchanged": Look("unchanged", "calm", "equal"),
    "failed": Look("failed", "bad", "cross"),
    "unknown": Look("unknown", "doubt", "diamond"),
    "conflict": Look("conflict", "warn", "split"),
    "duplicate": Look("duplicate", "warn", "double"),
    "skipped": Look("skipped", "calm", "dash"),
    "held": Look("held", "warn", "square"),
    "waiting": Look("waiting", "calm", "ring"),
    # what a plan would do
    "create": Look("create", "busy", "plus"),
    "update": Look("update", "busy", "arrow"),
    "delete": Look("delete", "bad", "cross"),
    "no_op": Look("no change", "calm", "equal"),
    "superseded": Look("superseded", "calm", "dash"),
    "prove": Look("prove first", "doubt", "diamond"),
    "transition": Look("move", "busy", "split"),
    "gone": Look("closed meanwhile", "calm", "tick"),
    "making": Look("being made", "busy", "half"),
    "cancelled": Look("given up", "calm", "dash"),
    "run": Look("run", "calm", "tick"),
    "blocked": Look("blocked", "bad", "square"),
    # plans, runs and requests
    "ready": Look("ready", "good", "tick"),
    "stale": Look("stale", "warn", "triangle"),
    "running": Look("running", "busy", "arrow"),
    "paused": Look("paused", "warn", "pause"),
    "stopping": Look("stopping", "warn", "square"),
    "stopped": Look("stopped", "warn", "square"),
    "done": Look("done", "good", "tick"),
    "pending": Look("waits for approval", "warn", "ring"),
    "approved": Look("approved", "good", "tick"),
    "rejected": Look("rejected", "bad", "cross"),
    "withdrawn": Look("withdrawn", "calm", "dash"),
    "expired": Look("expired", "calm", "dash"),
    "dropped": Look("dropped", "calm", "dash"),
}
CONNECTIONS: Mapping[str, Look] = {
    "closed": Look("working", "good", "tick"),
    "open": Look("down", "bad", "cross"),
    "half_open": Look("being tried", "warn", "half"),
    "throttled": Look("asks us to wait", "warn", "pause"),
    "credentials": Look("refuses our credentials", "bad", "square"),
    "": Look("not used yet", "calm", "ring"),
}
"""States of a connection's circuit: a closed circuit is one that works."""

LEAVERS: Mapping[str, Look] = {
    # a person in a system
    "planned": Look("planned", "calm", "ring"),
    "doing": Look("doing", "busy", "half"),
    "gone": Look("gone", "good", "tick"),
    "by hand": Look("by hand", "warn", "square"),
    "done by hand": Look("done by hand", "good", "double"),
    "waiting": Look("waiting", "warn", "arrow"),
    "held": Look("held", "warn", "pause"),
    "which": Look("which account?", "warn", "split"),
    "none": Look("no account", "calm", "dash"),
    "not applicable": Look("not applicable", "calm", "equal"),
    # the departure
    "asks": Look("asks", "warn", "split"),
    "open": Look("under way", "busy", "half"),
    "done": Look("all gone", "good", "tick"),
    "closed": Look("closed", "calm", "tick"),
    "cancelled": Look("withdrawn", "calm", "dash"),
    "returned": Look("back again", "calm", "back"),
    "guarded": Look("stopped: too many at once", "bad", "square"),
}
"""How departures stand, as a whole and in each system; what is not here looks as it does elsewhere."""

ACTIONS: Mapping[str, str] = {
    "retry": "Try again",
    "discard": "Discard",
    "look": "Look again now",
    "declare_applied": "Declare applied",
    "declare_not_applied": "Declare not applied",
    "resolve": "Choose the side that stays",
    "accept": "Accept the deletions",
    "close": "Close as done by hand",
    "correct": "Correct a value",
    "claim": "Take it",
    "release": "Give it back",
    "assign": "Give to",
    "delegate": "Delegate to",
    "escalate": "Escalate",
    "park": "Park until",
    "unpark": "Take up again",
    "comment": "Add a note",
    "attach": "Attach a file",
    "link": "Link a ticket or page",
    "unlink": "Remove a link",
    "add_task": "Add a task",
    "take_task": "Take a task",
    "end_task": "Finish a task",
    "drop_task": "Drop a task",
}
_DONE: Mapping[str, str] = {
    "retry": "is tried again; its outcome shows here",
    "discard": "is discarded",
    "look": "is being looked at again",
    "declare_applied": "is closed: declared applied",
    "declare_not_applied": "is closed: declared not applied; what is lacking is sent anew",
    "resolve": "is resolved; the value goes to the other systems",
    "accept": "is on its way: the sweep runs again and lets the deletions pass",
    "close": "is closed",
    "correct": "is corrected; the value goes through the mapping to every system",
    "claim": "is yours",
    "release": "is given back",
    "assign": "has a new owner",
    "delegate": "is delegated",
    "escalate": "is escalated",
    "park": "is parked",
    "unpark": "is taken up again",
    "comment": "has a new note",
    "attach": "has a new file",
    "link": "has a new link",
}


def look_of(state: str) -> Look:
    """How a state or an outcome looks; one that is not known is shown by its own word."""
    return STATES.get(state) or Look(state.replace("_", " "), "calm", "ring")


def connection_look(state: str) -> Look:
    """How a connection's circuit looks."""
    return CONNECTIONS.get(state) or look_of(state)


def leaver_look(state: str) -> Look:
    """How a departure, or a person in a system, stands."""
    return LEAVERS.get(state) or look_of(state)


def label_of(action: str) -> str:
    """An action as a button says it."""
    return ACTIONS.get(action) or action.replace("_", " ").capitalize()


def done_sentence(number: str, action: str) -> str:
    """What came of an action, for the line above the page that follows it."""
    return f"{number} {_DONE.get(action, 'is changed')}."
