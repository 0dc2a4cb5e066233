"""Rule 15: what happened at the target between our last read and our write, and rule 5: late notices from that
window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.values import HistoryEntry, Snapshot, VersionKind
from gateway.sync.absorb import Observation, apply_delta
from gateway.sync.conflict import Rival, settle
from gateway.sync.flow import Member
from gateway.sync.state import NEVER, LaneState, MemberState, Span, Window
from gateway.sync.unit import Unit

Exts = Mapping[str, Any]

MOST_SPANS = 4
"""Latest writes to a member of which late notices are looked at, where only their times can tell."""


def foreign(entries: Sequence[HistoryEntry], base: int | None, base_at: float) -> list[HistoryEntry]:
    """Entries by others that the read behind the write had not seen, oldest first."""
    return [entry for entry in entries if not entry.by_us and later(entry, base, base_at)]


def later(entry: HistoryEntry, base: int | None, base_at: float) -> bool:
    """Whether an entry is newer than the state (`base`, `base_at`) that was read."""
    if entry.version is not None and base is not None:
        return entry.version > base
    return entry.at > base_at


def unseen(
    entries: Sequence[HistoryEntry], member: Member, base: int | None, base_at: float, told: Sequence[str], pre: Exts
) -> list[HistoryEntry]:
    """Entries that are newer than what a read showed, ours among them, oldest first.

    `base`, `base_at`, `pre`: version, time of update and fields (external terms) of that read; `told`: entries looked
    through before. Times are coarse: in the tick of the read they say nothing, but the read showed one of the states
    that the history passes through. If several fit, the last: what came back to the same value is no edit (W6).
    """
    if base is not None and all(entry.version is not None for entry in entries):
        return [entry for entry in entries if later(entry, base, base_at)]
    first = sum(entry.at < base_at for entry in entries)
    end = sum(entry.at <= base_at or entry.at < base_at + member.spec.granularity_s for entry in entries)
    known = max((number for number, entry in enumerate(entries, 1) if entry.id in told), default=first)
    ours = [number for number, entry in enumerate(entries) if entry.by_us and entry.id not in told]
    most = min(end, ours[-1]) if ours else end
    for seen in range(most, max(first, known) - 1, -1):
        if _shows(member, entries[first:seen], entries[seen:], pre):
            return list(entries[seen:])
    return [entry for entry in entries if later(entry, base, base_at) and entry.id not in told]


def shown_already(entries: Sequence[HistoryEntry], member: Member, updated: float, exts: Exts) -> list[str]:
    """Ids of entries without a version, of the time `updated` or later, that an object which showed `exts` held.

    A history that was read after the object may tell of more: that is still to be looked through. One that fits at no
    place was read before it, and counts whole. Entries of ours are told in any case: no later attempt made them.
    """
    late = [entry for entry in entries if entry.version is None and entry.at >= updated]
    fits = (seen for seen in range(len(late), -1, -1) if _shows(member, late[:seen], late[seen:], exts))
    seen = next(fits, len(late))
    return [entry.id for number, entry in enumerate(late) if number < seen or entry.by_us]


def _shows(member: Member, past: Sequence[HistoryEntry], to_come: Sequence[HistoryEntry], pre: Exts) -> bool:
    """Whether an object looks like `pre` between these entries. Fields that none of them names do not count."""
    state: dict[str, Any] = {}
    for entry in reversed(to_come):
        state.update(member.mapping.history(entry.before))
    for entry in past:
        state.update(member.mapping.history(entry.after))
    return all(state[name] == ext for name, ext in pre.items() if name in state)


def check_history(
    unit: Unit,
    connection: str,
    entries: Sequence[HistoryEntry],
    *,
    sent: dict[str, Any],
    pre: dict[str, Any],
    at: float,
) -> None:
    """The overwritten edits of others: each stands in the ledger, the last of each field goes through the policy.

    `entries` are those of `foreign` that lie before our own write; `sent` holds the fields we wrote over them.
    """
    member = unit.member(connection)
    last: dict[str, tuple[Any, HistoryEntry]] = {}
    for entry in entries:
        for name, ext in member.mapping.history(entry.after).items():
            if name in sent and name not in unit.flow.sets:
                unit.lost(
                    connection,
                    name,
                    _canonical(unit, connection, name, ext),
                    "overwritten in the window",
                    version=entry.version,
                )
                last[name] = (ext, entry)
            elif name in sent:
                _set_delta(unit, connection, name, entry, at)
    for name, (ext, entry) in last.items():
        _overwritten(unit, connection, name, ext, entry)


def open_window(
    unit: Unit,
    connection: str,
    *,
    lo: int,
    hi: int,
    pre: dict[str, Any],
    fields: Sequence[str],
    attempt: str,
    shown: Exts | None = None,
) -> None:
    """No history: versions in (lo, hi) are not known. A case says so; late notices bring the content (rule 5).

    `shown`: what was seen of version `hi`, where it is no write of ours.
    """
    if hi - lo < 2 or any((window.lo, window.hi) == (lo, hi) for window in unit.held(connection).windows):
        return
    key = f"overwrite:{unit.state.id}:{connection}:{lo}"
    unit.case(
        "overwrite",
        "window.unread",
        f"{hi - lo - 1} version(s) of this object came between our read and our write and were not seen",
        connection=connection,
        key=key,
        evidence={"after_version": lo, "before_version": hi, "fields": list(fields), "attempt": attempt},
    )
    as_before = {name: hi for name in fields if shown is not None and shown.get(name) == pre.get(name)}
    unit.held(connection).windows.append(Window(lo, hi, dict(pre), list(fields), key, as_before=as_before))


def mine(unit: Unit, connection: str, snapshot: Snapshot, exts: dict[str, Any]) -> None:
    """Rule 5: a late notice of a version inside a window shows what was overwritten: its values go to the ledger."""
    version = snapshot.version
    if version is None or unit.member(connection).spec.version_kind is not VersionKind.COUNTER:
        return
    held = unit.held(connection)
    for window in list(held.windows):
        if not window.lo < version < window.hi or version in window.seen:
            continue
        window.seen.append(version)
        for name in window.fields:
            if name not in exts:
                continue
            if exts[name] != window.pre.get(name):
                value = _canonical(unit, connection, name, exts[name])
                unit.lost(connection, name, value, "overwritten in the window", version=version)
                window.moved[name] = min(version, window.moved.get(name, version))
            else:
                window.as_before[name] = max(version, window.as_before.get(name, version))
            _put_back(unit, connection, window, name)
        if len(window.seen) == window.hi - window.lo - 1:
            held.windows.remove(window)
            unit.moot(
                window.case, "every version in the window was seen; what was overwritten stands in the conflict ledger"
            )


def _put_back(unit: Unit, connection: str, window: Window, name: str) -> None:
    """A field that moved inside the window and shows its old value after that, in whatever order its notices come:
    somebody put it back, and was overwritten.
    """
    at = window.as_before.get(name, 0)
    if not 0 < window.moved.get(name, at) < at:
        return
    value = _canonical(unit, connection, name, window.pre.get(name))
    unit.lost(connection, name, value, "overwritten in the window", version=at)
    del window.as_before[name]


def landed_late(unit: Unit, seen: Observation) -> None:
    """Rules 7b and 15, before a snapshot is absorbed: an unanswered write of ours may be among the changes that nobody
    saw, and may have gone over another one. Where versions count changes, whatever the snapshot shows: the value may
    have been sent anew, or edited since. By times alone only what shows its value is suspected.
    """
    connection, snapshot, exts = seen.connection, seen.snapshot, seen.exts
    held, member, lane = unit.held(connection), unit.member(connection), unit.lane(connection)
    changed_by = min(unit.now, seen.changed_by(member))
    unproved = lane.attempt if lane.state is LaneState.PARKED else ""
    base, hi = _last_known(member, held), snapshot.version
    suspects = [
        ghost
        for ghost in held.ghosts
        if ghost.field in exts
        and (ghost.attempt == unproved or ghost.expires > changed_by)
        and (base is not None or exts[ghost.field] == ghost.ext)
    ]
    pre = {ghost.field: unit.shadow(connection, ghost.field).ext for ghost in suspects}
    newer = (hi or 0) > base + 1 if base is not None else (snapshot.updated_at or 0.0) > held.updated
    if not pre or not newer:
        return
    _edited_since(unit, connection, pre, exts)
    if member.spec.history:
        if held.gap_from is None:
            held.gap_from, held.gap_base = held.updated, base
        lane.read_wanted = True
    elif base is not None and hi is not None:
        attempt = suspects[0].attempt
        open_window(unit, connection, lo=base, hi=hi, pre=pre, fields=list(pre), attempt=attempt, shown=exts)
    elif snapshot.updated_at is not None:
        sent = {name: exts[name] for name in pre}
        remember_span(unit, connection, Span(held.updated, snapshot.updated_at, pre, sent))


def _edited_since(unit: Unit, connection: str, pre: Exts, exts: Exts) -> None:
    """Whoever typed what is shown now may have seen our late write, and not what stood here until then: an edit of this
    system, or one of another that we had brought.
    """
    for name in pre.keys() - unit.flow.sets:
        canon = unit.state.fields.get(name)
        if canon is not None and exts[name] != pre[name]:
            unit.lost(canon.now.source, name, canon.now.value, "overwritten in the window")


def _last_known(member: Member, held: MemberState) -> int | None:
    """The newest version whose predecessors were looked through, where versions count changes."""
    counts = member.spec.version_kind is VersionKind.COUNTER and held.seen is not None
    return max(held.seen or 0, held.written or 0) if counts else None


def remember_span(unit: Unit, connection: str, span: Span) -> None:
    """Rule 15, the last case: nothing but a late notice can tell what our write may have overwritten."""
    held = unit.held(connection)
    held.spans = [*held.spans, span][-MOST_SPANS:]


def mine_spans(unit: Unit, connection: str, snapshot: Snapshot, exts: dict[str, Any]) -> None:
    """A late notice from the time of one of our writes shows what that write went over: to the ledger with it."""
    at = snapshot.updated_at
    if at is None:
        return
    for span in unit.held(connection).spans:
        if not span.lo <= at <= span.hi:
            continue
        for name in span.sent.keys() & exts.keys() - unit.flow.sets:
            ext = exts[name]
            if ext not in (span.pre.get(name), span.sent[name]) and (name, ext) not in span.told:
                span.told.append((name, ext))
                unit.lost(connection, name, _canonical(unit, connection, name, ext), "overwritten in the window")


def _overwritten(unit: Unit, connection: str, name: str, ext: Any, entry: HistoryEntry) -> None:
    canon = unit.state.fields.get(name)
    value = _canonical(unit, connection, name, ext)
    if canon is None or canon.now.value == value:
        return
    member = unit.member(connection)
    blur = member.spec.granularity_s + member.skew_s
    if settle(unit, Rival(connection, name, value, (entry.at - blur, entry.at + blur), entry.version)):
        unit.shadow(connection, name).carried = NEVER  # the target shows our value, not the winner


def _set_delta(unit: Unit, connection: str, name: str, entry: HistoryEntry, at: float) -> None:
    member = unit.member(connection)
    before = member.mapping.history(entry.before).get(name)
    after = member.mapping.history(entry.after).get(name)
    shown = Snapshot(
        object=member.object,
        id=unit.held(connection).id,
        updated_at=entry.at,
        version=entry.version,
        actor=entry.actor,
        by_us=entry.by_us,
    )
    seen = Observation(connection, shown, {}, rev=None, received_at=at)
    base, new = member.mapping.from_ext(name, before) or (), member.mapping.from_ext(name, after) or ()
    apply_delta(unit, seen, member, name, base=set(base), shown=set(new))
    unit.shadow(connection, name).carried = NEVER


def _canonical(unit: Unit, connection: str, name: str, ext: Any) -> Any:
    try:
        return unit.member(connection).mapping.from_ext(name, ext)
    except MappingError:
        return ext
