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
from gateway.sync.state import NEVER, Span, Window
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
    unit: Unit, connection: str, *, lo: int, hi: int, pre: dict[str, Any], fields: Sequence[str], attempt: str
) -> None:
    """No history: versions in (lo, hi) are not known. A case says so; late notices bring the content (rule 5)."""
    if hi - lo < 2:
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
    unit.held(connection).windows.append(Window(lo, hi, dict(pre), list(fields), key))


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
            if name in exts and exts[name] != window.pre.get(name):
                value = _canonical(unit, connection, name, exts[name])
                unit.lost(connection, name, value, "overwritten in the window", version=version)
        if len(window.seen) == window.hi - window.lo - 1:
            held.windows.remove(window)
            unit.moot(
                window.case, "every version in the window was seen; what was overwritten stands in the conflict ledger"
            )


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
