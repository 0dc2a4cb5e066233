"""The settings of the random schedules: what the systems are like and what may happen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from connectors.contract.values import VersionKind


@dataclass(frozen=True)
class Setting:
    """What the systems are like and what may happen."""

    name: str
    kind: VersionKind = VersionKind.COUNTER
    history: bool = False
    conditional: bool = False
    delta: bool = False
    tick_s: float = 0.001
    systems: str = "abc"
    fields: tuple[str, ...] = ("x", "y")
    feats: frozenset[str] = frozenset()
    """late, overtaken, refuse, comments, workers, rivals, leave, create, steps, lossy, latest, shows, noprobe, eager,
    hasty, fire.
    """
    lose: bool = True
    edits: int = 4


STAMP = {"kind": VersionKind.TIMESTAMP}


def setting(name: str, *feats: str, **given: Any) -> Setting:
    return Setting(name=name, feats=frozenset(feats), **given)


SETTINGS = (
    setting("counter_history", history=True),
    setting("counter_kept", lose=False),
    setting("counter_lost"),
    setting("eager_history", "eager", "workers", history=True),
    setting("eager_conditional", "eager", "late", "refuse", "workers", conditional=True),
    setting("eager_create", "eager", "create", "late", fields=("x", "status"), conditional=True, history=True),
    setting("eager_comments", "eager", "comments", "leave", "late", conditional=True, lose=False),
    setting("conditional", conditional=True),
    setting("refusing", "refuse", history=True),
    setting("latest", "latest", history=True),
    setting("stamp_history", history=True, **STAMP),
    setting("stamp_bare", **STAMP),
    setting("stamp_coarse", tick_s=0.4, **STAMP),
    setting("hasty", "hasty", edits=6),
    setting("hasty_history", "hasty", history=True, edits=6),
    setting("hasty_ticks", "hasty", history=True, tick_s=0.4, edits=6, **STAMP),
    setting("hasty_minutes", "hasty", fields=("x", "tags"), history=True, tick_s=60.0, edits=6, **STAMP),
    setting("late_ticks", "late", "hasty", fields=("x",), history=True, tick_s=0.4, **STAMP),
    setting("bare", kind=VersionKind.NONE),
    setting("delta_history", delta=True, history=True),
    setting("delta_kept", delta=True, lose=False),
    setting("lossy_history", "lossy", fields=("x",), history=True),
    setting("lossy_kept", "lossy", fields=("x",), lose=False),
    setting("lossy_stamp", "lossy", fields=("x",), history=True, **STAMP),
    setting("steps", "steps", fields=("status",), history=True),
    setting("steps_kept", "steps", fields=("status",), lose=False),
    setting("sets", fields=("tags",), history=True),
    setting("sets_delta", fields=("tags",), history=True, delta=True),
    setting("create", "create", fields=("x", "status"), history=True),
    setting("create_two", "create", fields=("x", "status"), systems="ab", lose=False),
    setting("create_stamp", "create", fields=("x", "status"), systems="ab", history=True, **STAMP),
    setting("leave", "leave", systems="ab", history=True),
    setting("leave_refusing", "leave", "refuse", lose=False),
    setting("comments", "comments", fields=("x",), history=True, edits=1),
    setting("workers", "workers", history=True),
    setting("rivals", "workers", "rivals", fields=("x",), lose=False, edits=6),
    setting("rivals_history", "workers", "rivals", fields=("x",), history=True, edits=6),
    setting("noprobe", "noprobe", lose=False),
    setting("overtaken", "late", "overtaken", fields=("x",), systems="ab", lose=False, edits=6),
    setting("late_history", "late", fields=("x",), history=True),
    setting("late_kept", "late", fields=("x",), lose=False),
    setting("late_conditional", "late", fields=("x",), conditional=True),
    setting("shows", "shows", history=True),
    setting("shows_kept", "shows", lose=False),
    setting(
        "mix",
        "lossy",
        "steps",
        "refuse",
        "comments",
        "workers",
        fields=("x", "y", "status", "tags"),
        history=True,
        edits=7,
    ),
    setting(
        "mix_conditional", "refuse", "comments", "workers", "late", fields=("x", "y", "tags"), conditional=True, edits=7
    ),
    setting(
        "mix_delta",
        "steps",
        "refuse",
        "comments",
        "late",
        fields=("x", "y", "status", "tags"),
        delta=True,
        history=True,
        edits=7,
    ),
    setting(
        "mix_stamp",
        "lossy",
        "steps",
        "refuse",
        "comments",
        fields=("x", "y", "status", "tags"),
        history=True,
        edits=7,
        **STAMP,
    ),
    setting("mix_create", "create", "refuse", "workers", fields=("x", "status"), history=True, edits=6),
    setting(
        "mix_leave",
        "leave",
        "create",
        "refuse",
        "workers",
        "late",
        fields=("x", "status"),
        history=True,
        systems="ab",
        edits=5,
    ),
    setting("mix_kept", "lossy", "refuse", "workers", fields=("x", "y"), lose=False, edits=7),
)

UNDER_FIRE = tuple(replace(each, name=f"fire_{each.name}", feats=each.feats | {"fire", "workers"}) for each in SETTINGS)
"""The same systems and people while everything around them goes wrong."""


def named(name: str) -> Setting:
    """A setting by its name."""
    return next(each for each in (*SETTINGS, *UNDER_FIRE) if each.name == name)


def start_of(given: Setting) -> dict[str, Any]:
    """What a thing shows at first."""
    return {"x": "0", "y": "0", "status": "new", "tags": ["p0", "p1", "p2", "p3"], "active": True}
