"""Rules 13 to 19: what an answer proves, and what becomes of the lane."""

from __future__ import annotations

from typing import Any

from connectors.contract.values import HistoryEntry, Receipt, Snapshot, VersionKind, WriteKind
from gateway.sync import closing, instead, kept, referee
from gateway.sync.attempts import Attempt, Conclusion, Outcome, Seen
from gateway.sync.flow import Member
from gateway.sync.gap import check_history, foreign, open_window, remember_span, unseen
from gateway.sync.items import copied
from gateway.sync.observe import exts_of, fold
from gateway.sync.state import NEVER, Lane, LaneState, LinkState, Span
from gateway.sync.unit import Unit


def contiguous(member: Member, attempt: Attempt, receipt: Receipt) -> bool:
    """Whether the answer itself proves that nothing came between the pre-read and the write (rule 14)."""
    if attempt.kind is WriteKind.CREATE:
        return receipt.snapshot is not None and receipt.version is not None
    if member.spec.conditional and attempt.etag is not None and receipt.version is not None:
        return True
    counts = member.spec.version_kind is VersionKind.COUNTER
    return counts and attempt.base is not None and receipt.version == attempt.base + 1


def applied(unit: Unit, lane: Lane, attempt: Attempt, conclusion: Conclusion) -> None:
    """Rule 13, 14, 15, 19: the write had its effect; what it proves is recorded, what came between is looked
    through.
    """
    receipt, connection = conclusion.receipt, lane.connection
    assert receipt is not None
    if attempt.kind is WriteKind.ITEM:
        copied(unit, connection, attempt.origin, receipt.item_id or "")
    if attempt.kind is WriteKind.CREATE:
        _linked(unit, connection, receipt)
    stored = kept.stored(unit, connection, attempt, receipt, conclusion.seen)
    record_effect(unit, lane, attempt, stored, receipt.version)
    if receipt.snapshot is not None:
        shown = exts_of(unit, connection, receipt.snapshot)
        kept.look(unit, connection, receipt.snapshot, shown)
        closing.look(unit, connection, shown)
    _settle_window(unit, lane, attempt, conclusion, receipt)
    if receipt.snapshot is not None and attempt.kind is WriteKind.CREATE and conclusion.seen is None:
        ours(unit, connection, receipt.snapshot, None, sent=True)
    lane.tries, lane.looks, lane.wait_reason = 0, 0, ""
    unit.worked(lane.case)
    lane.case = ""


def _linked(unit: Unit, connection: str, receipt: Receipt) -> None:
    held = unit.held(connection)
    if held.link is LinkState.PRIMARY and held.id != receipt.ref.id:
        another(unit, connection, receipt.ref.id, receipt.ref.key)
        return
    held.link, held.id, held.key = LinkState.PRIMARY, receipt.ref.id, receipt.ref.key or held.key
    unit.link(connection, held.id, held.key, LinkState.PRIMARY)


def another(unit: Unit, connection: str, object_id: str, key: str) -> None:
    """A second object of this record in one system: linked as a duplicate, and a person decides."""
    held = unit.held(connection)
    if object_id in held.duplicates or object_id == held.id:
        return
    held.duplicates.append(object_id)
    unit.link(connection, object_id, key, "duplicate")
    unit.case(
        "duplicate",
        "object.duplicate",
        f"{key or object_id} in {connection} belongs to the same record as {held.key or held.id}",
        connection=connection,
        key=f"duplicate:{unit.state.id}:{connection}:{object_id}",
        evidence={"primary": held.id, "duplicate": object_id, "duplicate_key": key},
    )


def record_effect(unit: Unit, lane: Lane, attempt: Attempt, stored: dict[str, Any], version: int | None) -> None:
    """Rule 13: shadow, proven version, carried."""
    connection, member = lane.connection, unit.member(lane.connection)
    held = unit.held(connection)
    referee.landed(unit, attempt)
    for name, sent in attempt.fields.items():
        if name not in stored:
            continue
        shadow = unit.shadow(connection, name)
        shadow.ext, shadow.known, shadow.wrote = stored[name], True, unit.now
        shadow.proven_at = version if version is not None else shadow.proven_at
        if sent.fver is None:
            if attempt.closing and stored[name] != member.mapping.norm(name, sent.ext):
                shadow.mismatches += 1
            continue
        # Whom the system puts there with the group that stands in is its own affair, and no other value of the field.
        if stored[name] == member.mapping.norm(name, sent.ext) or shadow.instead == sent.fver:
            shadow.carried, shadow.mismatches = max(shadow.carried, sent.fver), 0
            kept.confirmed(unit, connection, name)
        else:
            kept.differs(unit, connection, name, sent=sent.ext, found=stored[name], before=attempt.pre.get(name))
    held.written = version if version is not None else held.written


def _settle_window(unit: Unit, lane: Lane, attempt: Attempt, conclusion: Conclusion, receipt: Receipt) -> None:
    """Rule 14 and 15: either nothing came between, or it is looked through and read back."""
    connection, member = lane.connection, unit.member(lane.connection)
    held, seen = unit.held(connection), conclusion.seen
    if attempt.kind is WriteKind.ITEM:
        return  # its echo is an ordinary notice: nothing of a comment can overwrite a field
    if contiguous(member, attempt, receipt):
        if receipt.version is not None:
            held.seen = max(held.seen or 0, receipt.version)
        _take_versions(unit, connection, receipt.snapshot)
        return
    look_through(unit, lane, attempt, seen, receipt.version)
    if seen is not None and seen.snapshot is not None:
        if attempt.kind is WriteKind.CREATE:
            ours(unit, connection, seen.snapshot, seen.history, sent=True)
        _not_older(unit, connection, seen.snapshot)
        fold(unit, connection, seen)
    else:
        lane.read_wanted = True


def _take_versions(unit: Unit, connection: str, snapshot: Snapshot | None) -> None:
    held = unit.held(connection)
    if snapshot is None:
        return
    held.etag = snapshot.etag or held.etag
    held.updated = max(held.updated, snapshot.updated_at or 0.0)
    held.observed = max(held.observed, held.updated)


def _not_older(unit: Unit, connection: str, snapshot: Snapshot) -> None:
    """A read-back under the mutex is the truth: rule 14 sets seen to what it shows."""
    held = unit.held(connection)
    if snapshot.version is not None and held.seen is not None and snapshot.version < held.seen:
        held.seen = snapshot.version


def look_through(unit: Unit, lane: Lane, attempt: Attempt, seen: Seen | None, version: int | None) -> None:
    """Rule 15 for one attempt: by history where there is one, else a window row and a case."""
    connection, member = lane.connection, unit.member(lane.connection)
    if attempt.kind is WriteKind.CREATE:
        return
    sent = {name: field.ext for name, field in attempt.fields.items()}
    if seen is not None and seen.history is not None:
        told = unit.held(connection).told
        newer = unseen(seen.history, member, attempt.base, attempt.base_at, told, attempt.pre)
        entries = _before_ours([entry for entry in newer if not entry.by_us], seen, attempt, version)
        check_history(unit, connection, entries, sent=sent, pre=attempt.pre, at=unit.now)
    elif member.spec.version_kind is VersionKind.COUNTER and attempt.base is not None and version is not None and sent:
        open_window(
            unit, connection, lo=attempt.base, hi=version, pre=attempt.pre, fields=list(sent), attempt=attempt.id
        )
    elif seen is not None and seen.snapshot is not None and seen.snapshot.updated_at is not None and sent:
        normal = {name: member.mapping.norm(name, ext) for name, ext in sent.items()}
        remember_span(unit, connection, Span(attempt.base_at, seen.snapshot.updated_at, dict(attempt.pre), normal))


def _before_ours(entries: list[Any], seen: Seen, attempt: Attempt, version: int | None) -> list[Any]:
    """Foreign entries older than our own newest one: later ones are ordinary edits that the read-back shows."""
    if version is not None and all(entry.version is not None for entry in entries):
        return [entry for entry in entries if entry.version < version]
    ours = [index for index, entry in enumerate(seen.history or ()) if entry.by_us]
    if not ours:
        return []
    older = {id(entry) for entry in (seen.history or ())[: ours[-1]]}
    return [entry for entry in entries if id(entry) in older]


def ours(
    unit: Unit, connection: str, snapshot: Snapshot, history: list[HistoryEntry] | None, *, sent: bool = False
) -> None:
    """An object that we made: what it shows in fields nobody else touched since was typed by nobody.

    `sent`: the values of our create were recorded already. Edits by others since then go through the policy.
    """
    held = unit.held(connection)
    for name, ext in exts_of(unit, connection, snapshot).items():
        shadow, canon = unit.shadow(connection, name), unit.state.fields.get(name)
        if (sent and shadow.known) or canon is None or canon.now.value is None:
            continue
        shadow.ext, shadow.known, shadow.carried = ext, True, NEVER
    if snapshot.version is not None:
        held.seen = max(held.seen or 0, snapshot.version)
    _take_versions(unit, connection, snapshot)
    if history:
        entries = foreign(history, None, 0.0)
        check_history(unit, connection, entries, sent=dict.fromkeys(unit.state.fields), pre={}, at=unit.now)


def refused(unit: Unit, lane: Lane, attempt: Attempt, conclusion: Conclusion) -> None:
    """Rule 16: a person must look. Blamed fields are held alone; otherwise the lane is parked.

    After a tombstone only a refused close may park.
    """
    connection, held = lane.connection, unit.held(lane.connection)
    if unit.state.tombstoned_at is not None and not attempt.closing:
        return
    blamed = _blamed(unit, connection, attempt, conclusion.fields)
    evidence = {
        "error": conclusion.error,
        "status": conclusion.status,
        "attempt": attempt.id,
        "sent": attempt.values,
        **conclusion.evidence,
    }
    if blamed and not attempt.closing:
        for name, said in blamed.items():
            if instead.refused(unit, connection, name, attempt.fields[name], said):
                continue
            unit.shadow(connection, name).held = unit.case(
                "refused",
                "field.refused",
                f"{connection} refuses {name}: {said}",
                connection=connection,
                name=name,
                evidence=evidence,
                said=(conclusion.quoted[0], said),
            )
        return
    if attempt.kind is WriteKind.ITEM:
        for item in held.items:
            if item.origin == attempt.origin:
                key = f"refused:{unit.state.id}:{connection}:{attempt.origin}"
                what = (
                    f"the file {item.file.name} did not go to {connection}"
                    if item.file
                    else f"{connection} refuses a comment"
                )
                title = f"{what}: {conclusion.words}"
                more: dict[str, Any] = {"key": key, "evidence": evidence, "said": conclusion.quoted}
                item.held = unit.case("refused", "item.refused", title, connection=connection, **more)
        return
    cause = "close.refused" if attempt.closing else "target.refused"
    what = "to close it" if attempt.closing else "writes"
    park(unit, lane, "refused", cause, f"{connection} refuses {what}: {conclusion.words}", evidence, conclusion.quoted)


def _blamed(unit: Unit, connection: str, attempt: Attempt, fields: dict[str, str]) -> dict[str, str]:
    """The canonical fields behind the vendor fields that the system blamed."""
    if not fields:
        return {}
    member, found = unit.member(connection), {}
    for name, sent in attempt.fields.items():
        standing_in = instead.chosen(unit, connection, [(name, sent.fver)])
        try:
            touched = _leaves(member.mapping.write({name: sent.ext}, unit.state.values(), standing_in))
        except Exception as error:
            raise RuntimeError(f"mapping {member.mapping.name} cannot write {name} alone") from error
        for vendor, said in fields.items():
            if vendor in touched:
                found[name] = said
    return found


def _leaves(fragment: Any) -> set[str]:
    """Every key in a fragment, at any depth."""
    if not isinstance(fragment, dict):
        return set()
    return set(fragment).union(*(_leaves(value) for value in fragment.values())) if fragment else set()


def park(
    unit: Unit,
    lane: Lane,
    cls: str,
    cause: str,
    title: str,
    evidence: dict[str, Any],
    said: tuple[str, str] = ("", ""),
) -> None:
    """The lane stops until a person decides; nothing else does. `said`: the system's own code and words."""
    lane.case = unit.case(cls, cause, title, connection=lane.connection, evidence=evidence, said=said)
    lane.state, lane.wait_reason = LaneState.PARKED, cause


def finish(unit: Unit, attempt: Attempt, outcome: Outcome, answer: dict[str, Any]) -> None:
    """Records the attempt's outcome and the audit row of the decision."""
    unit.effects.outcomes.append({"id": attempt.id, "outcome": outcome, "answer": answer, "at": unit.now})
    unit.audit(
        str(outcome),
        attempt.connection,
        attempt=attempt.id,
        write=str(attempt.kind),
        fields=sorted(attempt.fields),
        **answer,
    )
