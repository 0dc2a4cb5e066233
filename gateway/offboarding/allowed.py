"""What may be decided about a departure as it stands: the list, and the words that answer who tries all the same."""

from __future__ import annotations

from gateway.offboarding.values import OVER, Event, Leaver, LeaverState, StepState

ACTS = ("urgent", "hold", "release", "recheck", "answer", "cancel")
BY_HAND = frozenset({StepState.HAND, StepState.FAILED, StepState.UNKNOWN, StepState.HELD})
"""States of steps that a person may say to have done."""
_BACK = frozenset({LeaverState.CANCELLED, LeaverState.RETURNED})


def allowed(leaver: Leaver) -> tuple[str, ...]:
    """What nothing objects to, in the order of `ACTS`."""
    return tuple(act for act in ACTS if not objection(act, leaver))


def objection(act: str, leaver: Leaver) -> str:
    """Why this is not possible now; empty if it is."""
    state = leaver.state
    match act:
        case "hold" if state in OVER or state is LeaverState.ASKS:
            return f"it is {state}, there is nothing to hold"
        case "release" if state is not LeaverState.HELD:
            return "nobody holds it"
        case "cancel" if leaver.begun_at is not None or state in OVER:
            return "its time has come; answer 'rehired' if the person is back"
        case "recheck" if state in _BACK or state is LeaverState.ASKS:
            return f"it is {state}, there is nothing to look at"
        case "answer" if leaver.doc.question is None:
            return back(leaver)
        case "urgent" if (
            leaver.kind is not Event.LEAVER or leaver.urgent or state in OVER or leaver.done_at is not None
        ):
            return "there is nothing to bring forward"
        case _:
            return ""


def back(leaver: Leaver) -> str:
    """Why nobody can be said to be hired again."""
    if leaver.begun_at is None or leaver.state in _BACK:
        return "nothing was taken away; withdraw it instead"
    return ""
