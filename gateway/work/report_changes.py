"""The report on changes against approvals: was each deployment in the window of a change that was approved?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.sync import tables as t
from gateway.sync.state import RecordState
from gateway.work.reports import MOST, Column, Found, Kind, Maker, Stretch

DEPLOYMENT, CHANGE = "deployment", "change_request"
TO = "prod"
_decode = msgspec.json.Decoder(RecordState).decode
APPROVED, OUTSIDE, UNAPPROVED, NONE = "approved", "outside its window", "not approved", "no change"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a change."""

    key: str
    approved: bool
    starts: float
    ends: float

    def covers(self, at: float) -> bool:
        """Whether its window is open then."""
        return bool(self.starts and self.ends) and self.starts <= at <= self.ends


async def _changes(tx: AsyncConnection, stretch: Stretch) -> Found:
    """A deployment that names a change is judged by that one; any other by all whose window is open at its time."""
    windows = {each.key: each for each in [_window(state) for state in await _states(tx, stretch, CHANGE)] if each.key}
    rows = []
    for state in await _states(tx, stretch, DEPLOYMENT, since=stretch.since):
        values = state.values()
        at = _seconds(values.get("created"))
        if values.get("stage") == TO and stretch.since <= at < stretch.until:
            rows.append(_row(state, values, at, windows))
    rows.sort(key=lambda row: (row[5] == APPROVED, row[0]))
    verdicts = [row[5] for row in rows]
    counts = {each.replace(" ", "_"): verdicts.count(each) for each in (APPROVED, OUTSIDE, UNAPPROVED, NONE)}
    return Found(rows=rows, totals={"deployments": len(rows), "changes_known": len(windows), **counts})


def _row(state: RecordState, values: dict[str, Any], at: float, windows: dict[str, Window]) -> tuple[Any, ...]:
    named = {*_texts(values.get("references")), *_texts(values.get("tracked"))} & windows.keys()
    chosen = [windows[key] for key in sorted(named)] or [each for each in windows.values() if each.covers(at)]
    verdict, change = judged(chosen, at)
    name = next((held.key or held.id for held in state.members.values() if held.id), state.id)
    told = (change.key, change.starts, change.ends) if change else ("", None, None)
    return (at, name, values.get("environment") or "", values.get("state") or "", told[0], verdict, *told[1:])


def judged(changes: Sequence[Window], at: float) -> tuple[str, Window | None]:
    """The best that can be said of a deployment at that time, and by which change."""
    for verdict, found in (
        (APPROVED, [each for each in changes if each.approved and each.covers(at)]),
        (OUTSIDE, [each for each in changes if each.approved]),
        (UNAPPROVED, list(changes)),
    ):
        if found:
            return verdict, found[0]
    return NONE, None


async def _states(tx: AsyncConnection, stretch: Stretch, kind: str, since: float | None = None) -> list[RecordState]:
    """Records of the flows of this type that the reader sees; of those that moved since then, the newest."""
    flows = [name for name, flow in stretch.place.config.flows.items() if flow.type.type == kind]
    if not flows or not stretch.who.covers(type=kind):
        return []
    query = select(t.record.c.doc).where(t.record.c.flow.in_(flows))
    if since is not None:
        query = query.where(t.record.c.updated_at >= since)
    found = await tx.execute(query.order_by(t.record.c.updated_at.desc()).limit(MOST))
    return [state for state in (_decode(row.doc) for row in found) if _seen(state, stretch.who.connections)]


def _seen(state: RecordState, connections: Collection[str] | None) -> bool:
    return connections is None or bool(connections & state.members.keys())


def _window(state: RecordState) -> Window:
    values = state.values()
    approved = values.get("approval") == "approved" or values.get("kind") == "standard"
    starts, ends = _seconds(values.get("starts")), _seconds(values.get("ends"))
    return Window(key=str(values.get("number") or ""), approved=approved, starts=starts, ends=ends)


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple | set | frozenset) else []


def _seconds(value: Any) -> float:
    """Of a canonical time; 0 for none."""
    if not isinstance(value, str):
        return float(value or 0.0)
    if not value:
        return 0.0
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


MAKERS = (
    Maker(
        name="changes",
        title="Changes against approvals",
        says=(
            "Every deployment to production in this time whose records are kept in step here, those without an "
            "approved change first: approved means that a change it names, or else any whose window was open at that "
            "moment, was approved (a standard change is approved beforehand). Without flows of the types `deployment` "
            "and `change_request` it is empty."
        ),
        columns=(
            Column(name="at", title="When", kind=Kind.MOMENT),
            Column(name="deployment", title="Deployment"),
            Column(name="environment", title="Environment"),
            Column(name="state", title="State"),
            Column(name="change", title="Change"),
            Column(name="verdict", title="Verdict"),
            Column(name="starts", title="Window from", kind=Kind.MOMENT),
            Column(name="ends", title="Window to", kind=Kind.MOMENT),
        ),
        compute=_changes,
    ),
)
