"""Rule 7: folding an observation of one system into the record, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.values import HistoryEntry, Snapshot, VersionKind
from gateway.sync.conflict import Rival, When, release, settle
from gateway.sync.flow import Member, Merge
from gateway.sync.guard import Sighting, flaps
from gateway.sync.state import NEVER, FieldState, Shadow
from gateway.sync.unit import Unit


class Observation:
    """A snapshot with what is known about the moment it shows.

    `rev`: record revision at the start of the read, None for a notice (it proves nothing about later decisions).
    `history`: what was read together with the snapshot; it names authors field by field.
    """

    __slots__ = ("connection", "exts", "history", "offset_s", "received_at", "rev", "snapshot")

    def __init__(
        self,
        connection: str,
        snapshot: Snapshot,
        exts: Mapping[str, Any],
        *,
        rev: int | None,
        received_at: float,
        offset_s: float = 0.0,
        history: Sequence[HistoryEntry] | None = None,
    ) -> None:
        self.connection, self.snapshot, self.exts, self.history = connection, snapshot, exts, history
        self.rev, self.received_at, self.offset_s = rev, received_at, offset_s

    def when(self, member: Member, name: str, observed: float) -> When:
        """The interval in which the shown value was typed, in our clock, clamped to when we were told."""
        blur = member.spec.granularity_s + member.skew_s
        exact = self._exactly(member, name)
        if exact is not None:
            at = min(exact - self.offset_s, self.received_at)
            return at - blur, at + blur
        if self.snapshot.updated_at is None:
            return observed, self.received_at
        hi = min(self.snapshot.updated_at - self.offset_s, self.received_at)
        lo = observed - self.offset_s if observed else hi
        return min(lo, hi) - blur, hi + blur

    def typed_by(self, member: Member, name: str) -> float:
        """The latest moment of our clock in which the shown value can have been typed, but for what clocks differ."""
        at = self._exactly(member, name)
        if at is None:
            return self.changed_by(member)
        return min(at - self.offset_s + member.spec.granularity_s, self.received_at)

    def changed_by(self, member: Member) -> float:
        """The latest moment of our clock in which the object can have become what is shown."""
        at = self.snapshot.updated_at
        return self.received_at if at is None else min(at - self.offset_s + member.spec.granularity_s, self.received_at)

    def looked_at(self) -> float:
        """The moment of our clock up to which it tells of everything: a read of now, a notice of the last change."""
        if self.rev is not None:
            return self.received_at
        return 0.0 if self.snapshot.updated_at is None else self.snapshot.updated_at - self.offset_s

    def author(self, member: Member, name: str) -> tuple[str, bool]:
        """Who typed the shown value ("" if that is not told), and whether that is proved to be us.

        The last author of the whole object proves nothing of one field: it may have written another one since.
        """
        for entry in reversed(self.history or ()):
            after = member.mapping.history(entry.after)
            if name in after:
                if after[name] == self.exts.get(name):
                    return entry.actor, entry.by_us
                break  # something newer than the history
        return "" if self.snapshot.by_us else self.snapshot.actor or "", False

    def _exactly(self, member: Member, name: str) -> float | None:
        """When the field was last changed. Systems tell it of their own fields; the mapping knows which those are."""
        times = (at for vendor, at in self.snapshot.field_times.items() if name in self._fed_by(member, vendor))
        return max(times, default=None)

    def _fed_by(self, member: Member, vendor: str) -> Mapping[str, Any]:
        """The canonical fields that a vendor's field is read into."""
        return member.mapping.history(_only(self.snapshot.raw, vendor) or {})


def _only(raw: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """The part of a document that holds one field, at whatever depth the vendor keeps its fields; None without it."""
    if name in raw:
        return {name: raw[name]}
    for key, inner in raw.items():
        if isinstance(inner, Mapping) and (found := _only(inner, name)) is not None:
            return {key: found}
    return None


def absorb(unit: Unit, seen: Observation) -> list[str]:
    """Folds `seen` in and returns the names of the fields whose canonical value moved.

    The caller has settled rules 2 to 6: the object is the record's, the lane is not busy, the snapshot is not stale.
    """
    connection, snapshot = seen.connection, seen.snapshot
    member, held = unit.member(connection), unit.held(connection)
    before = unit.state.counter
    shadows, rules = held.shadow, member.mapping.fields
    for name, ext in seen.exts.items():
        shadow = shadows.get(name)
        if shadow is not None and shadow.known and shadow.bad is None and ext == shadow.ext:
            continue  # most fields of most snapshots are as they were
        if rules[name].readable:
            _field(unit, seen, member, name, ext)
    if snapshot.version is not None:
        held.seen = max(held.seen or 0, snapshot.version)
    if snapshot.updated_at is not None and not snapshot.partial:
        held.updated = max(held.updated, snapshot.updated_at)
        looked = snapshot.updated_at if seen.rev is None else seen.received_at + seen.offset_s
        held.observed = max(held.observed, looked)
    if held.ghosts and not snapshot.partial:
        told_of = seen.looked_at() - member.spec.granularity_s - member.skew_s
        held.ghosts = [ghost for ghost in held.ghosts if ghost.expires >= told_of]
    held.etag = snapshot.etag or held.etag
    if snapshot.key and snapshot.key != held.key:
        unit.renamed(connection, snapshot.key)
    return [name for name, field in unit.state.fields.items() if field.now.fver > before]


def _field(unit: Unit, seen: Observation, member: Member, name: str, ext: Any) -> None:
    connection = seen.connection
    shadow, canon = unit.shadow(connection, name), unit.state.fields.get(name)
    if shadow.known and ext == shadow.ext:
        _back_to_known(unit, connection, name, shadow)
        return
    if _older_than_our_write(member, shadow, seen.snapshot.version):
        return
    if shadow.known and _ghost(unit, seen, member, name, ext, shadow):
        return
    old, was_known = shadow.ext, shadow.known
    if _meaningless(member, seen, name, canon, shadow):
        _show(shadow, ext)
    elif canon is None:
        _first(unit, seen, member, name, ext)
    elif name in unit.flow.sets:
        _merge_set(unit, seen, member, name, ext, old if was_known else None)
    else:
        _scalar(unit, seen, member, name, ext, old if was_known else None)


def _meaningless(member: Member, seen: Observation, name: str, canon: FieldState | None, shadow: Shadow) -> bool:
    """Whether the field is empty only because it means nothing yet, where nothing was ever seen in it: that is nobody's
    value, and competes with none. Whoever empties it by leaving such a state had shown something in it before.
    """
    spoken_of = shadow.known or shadow.bad is not None or shadow.held or shadow.asked
    if spoken_of or not member.mapping.shut(name, seen.exts):
        return False
    return canon is None or canon.now.value is not None


def _scalar(unit: Unit, seen: Observation, member: Member, name: str, ext: Any, old: Any) -> None:
    connection, shadow = seen.connection, unit.shadow(seen.connection, name)
    canon = unit.state.fields[name]
    carried, held_before = shadow.carried, shadow.known
    if carried < canon.now.fver and agrees(member, name, canon.now.value, ext):
        _show(shadow, ext)
        shadow.carried = canon.now.fver if proven(seen.rev, canon) else NEVER
        release(unit, connection, name, "both systems show the same value now")
        return
    value = _understand(unit, seen, member, name, ext)
    if value is _UNKNOWN:
        return
    _show(shadow, ext)
    if carried == canon.now.fver:
        if value != canon.now.value and not _flaps(unit, seen, member, name, value):
            when = seen.when(member, name, unit.held(connection).observed)
            shadow.carried = unit.decide(name, value, connection, when, mapping=_reader(member))
        return
    if value == canon.now.value:  # lossy: shown differently, means the same
        shadow.carried = canon.now.fver if proven(seen.rev, canon) else NEVER
        return
    if (
        unit.flow.policy(name).merge is Merge.APPEND_ONLY
        and held_before
        and _append(unit, seen, member, name, value, old)
    ):
        return
    if not _flaps(unit, seen, member, name, value):
        when = seen.when(member, name, unit.held(connection).observed)
        settle(unit, Rival(connection, name, value, when, seen.snapshot.version))


def _first(unit: Unit, seen: Observation, member: Member, name: str, ext: Any) -> None:
    value = _understand(unit, seen, member, name, ext)
    if value is _UNKNOWN:
        return
    shadow = unit.shadow(seen.connection, name)
    _show(shadow, ext)
    when = seen.when(member, name, unit.held(seen.connection).observed)
    shadow.carried = unit.decide(name, value, seen.connection, when, mapping=_reader(member))


def _merge_set(unit: Unit, seen: Observation, member: Member, name: str, ext: Any, old: Any) -> None:
    """Three-way: what was added here is added, what was removed here is removed; nobody's removal comes back."""
    shadow = unit.shadow(seen.connection, name)
    value = _understand(unit, seen, member, name, ext)
    if value is _UNKNOWN:
        return
    base = set(member.mapping.from_ext(name, old) or ()) if shadow.known else set()
    _show(shadow, ext)
    apply_delta(unit, seen, member, name, base=base, shown=set(value or ()))


def apply_delta(unit: Unit, seen: Observation, member: Member, name: str, *, base: set[Any], shown: set[Any]) -> None:
    """Applies `base` -> `shown` to a canonical set."""
    shadow, canon = unit.shadow(seen.connection, name), unit.state.fields[name]
    present = set(canon.now.value or ())
    merged = (present | (shown - base)) - (base - shown)
    if merged != present and _flaps(unit, seen, member, name, sorted(shown)):
        return
    if merged != present:
        when = seen.when(member, name, unit.held(seen.connection).observed)
        unit.decide(name, sorted(merged), seen.connection, when, mapping=_reader(member))
    same = merged == shown
    shadow.carried = (
        unit.state.fields[name].now.fver if same and (merged != present or proven(seen.rev, canon)) else NEVER
    )


def _append(unit: Unit, seen: Observation, member: Member, name: str, value: Any, old: Any) -> bool:
    """Both sides only added text to the same beginning: keep both additions."""
    canon, base = unit.state.fields[name].now, member.mapping.from_ext(name, old) or ""
    if not (isinstance(value, str) and isinstance(canon.value, str)):
        return False
    if not (value.startswith(base) and canon.value.startswith(base)):
        return False
    merged = canon.value + value[len(base) :]
    unit.decide(name, merged, seen.connection, seen.when(member, name, unit.held(seen.connection).observed))
    unit.shadow(seen.connection, name).carried = NEVER
    return True


def _flaps(unit: Unit, seen: Observation, member: Member, name: str, value: Any) -> bool:
    """Rule 23, for a value that differs from the canonical one."""
    actor, ours = seen.author(member, name)
    version = seen.snapshot.version
    ours = ours or (version is not None and version == unit.shadow(seen.connection, name).proven_at)
    return flaps(unit, Sighting(seen.connection, name, value, seen.typed_by(member, name), actor, ours, version))


def _back_to_known(unit: Unit, connection: str, name: str, shadow: Shadow) -> None:
    """A value the mapping did not know was taken back by hand."""
    if shadow.bad is not None:
        shadow.bad = None
        release(unit, connection, name, "the unknown value was taken back")


def _ghost(unit: Unit, seen: Observation, member: Member, name: str, ext: Any, shadow: Shadow) -> bool:
    """A value of an attempt closed as not applied: believed to be that attempt landing late, and written over. What
    counts is when it landed: it may be seen much later, after an outage or behind another attempt of the lane.
    """
    held = unit.held(seen.connection)
    alike = [ghost.expires for ghost in held.ghosts if ghost.field == name and ghost.ext == ext]
    if not alike or max(alike) <= min(unit.now, seen.typed_by(member, name)):
        return False
    unit.lost(seen.connection, name, ext, "late own write?", version=seen.snapshot.version)
    _show(shadow, ext)
    shadow.carried = NEVER
    if held.gap_from is None:
        held.gap_from, held.gap_base = held.updated, held.seen
    return True


_UNKNOWN = object()


def _understand(unit: Unit, seen: Observation, member: Member, name: str, ext: Any) -> Any:
    """The canonical value; a value the mapping does not know opens a case and holds the field in this system alone."""
    shadow = unit.shadow(seen.connection, name)
    try:
        value = member.mapping.from_ext(name, ext)
    except MappingError as error:
        if shadow.bad != ext or shadow.asked:
            shadow.bad, shadow.asked = ext, ""
            shadow.held = unit.case(
                "mapping",
                "value.unknown",
                str(error),
                connection=seen.connection,
                name=name,
                evidence={"value": ext, "valid": list(error.valid), "mapping": _reader(member)},
            )
        return _UNKNOWN
    if shadow.bad is not None or shadow.asked:
        shadow.bad = None
        release(unit, seen.connection, name, "the value is known to the mapping now")
    return value


def agrees(member: Member, name: str, value: Any, ext: Any) -> bool:
    """Whether the system shows what it would show if the canonical value were written to it."""
    try:
        return bool(member.mapping.norm(name, member.mapping.to_ext(name, value)) == ext)
    except MappingError:
        return False


def proven(rev: int | None, canon: FieldState) -> bool:
    """Whether a read that started at record revision `rev` has seen the effect of the present version."""
    return rev is not None and rev >= canon.now.rev


def _older_than_our_write(member: Member, shadow: Shadow, version: int | None) -> bool:
    comparable = member.spec.version_kind in (VersionKind.COUNTER, VersionKind.ORDERED)
    return bool(comparable and version is not None and shadow.proven_at is not None and version < shadow.proven_at)


def _show(shadow: Shadow, ext: Any) -> None:
    shadow.ext, shadow.known = ext, True


def _reader(member: Member) -> str:
    return f"{member.mapping.name}@{member.mapping.version}"
