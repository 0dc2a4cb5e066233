"""One record inside one transaction: its state, its lanes, and what the decisions on it leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors.contract.values import Change
from dead_letter.values import NewCase
from gateway.config.leaver_guard import USUAL, Assignments
from gateway.core.ids import new_id
from gateway.storage.database import dumps
from gateway.sync.departed import NOBODY, Index
from gateway.sync.flow import Flow, Member
from gateway.sync.stage import Stage
from gateway.sync.state import FieldState, FieldVersion, Lane, LinkState, MemberState, RecordState, Shadow


@dataclass(slots=True)
class Effects:
    """Rows that one transaction adds besides the records themselves."""

    audit: list[dict[str, Any]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    cases: list[NewCase] = field(default_factory=list)
    obsolete: dict[str, str] = field(default_factory=dict)
    worked: set[str] = field(default_factory=set)
    """Keys of cases whose retry took effect."""
    items: list[dict[str, Any]] = field(default_factory=list)
    copies: list[dict[str, Any]] = field(default_factory=list)
    routed: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(connection, object id, record, state): hints that had no record until their object was read."""
    hints_done: list[tuple[str, str, int, str, str | None]] = field(default_factory=list)
    """(connection, object id, record revision at the start of the read that answers them, disposition, record)."""
    wakes: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Record -> its flow, and when the clock gives something to do there; 0: not any more."""
    former: list[dict[str, Any]] = field(default_factory=list)
    """Keys that objects do not have any more."""
    remarks: list[dict[str, Any]] = field(default_factory=list)
    """What records say to those that they refer to."""
    named: set[tuple[str, str]] = field(default_factory=set)
    """(connection, key or id) of what others may refer to, and that is new or refers to something else now."""


@dataclass(slots=True)
class KnownItems:
    """Which of the comments this transaction looks at are known already; loaded before the rules run."""

    origins: set[str] = field(default_factory=set)
    copies: dict[str, dict[str, str]] = field(default_factory=dict)
    copy_ids: set[tuple[str, str]] = field(default_factory=set)


@dataclass(slots=True)
class Unit:
    """Pure rules change `state` and `lanes` and append to `effects`; nothing here does I/O."""

    state: RecordState
    flow: Flow
    lanes: dict[str, Lane]
    effects: Effects
    now: float
    new: bool = False
    doc: str = ""
    """The document as loaded: what is equal to it in the end is not written."""
    lanes_before: dict[str, Lane] = field(default_factory=dict)
    notice: str = ""
    """What the present decision is about: id of the notice or attempt."""
    items: KnownItems = field(default_factory=KnownItems)
    stage: Stage = Stage.LIVE
    """Of the flow, as of this transaction."""
    departed: Index = NOBODY
    """Who has left, as of this transaction."""
    assignments: Assignments = USUAL
    looks_up: bool = False
    """What the record refers to is looked up, also if it names what it named before."""

    def member(self, connection: str) -> Member:
        """The flow's rules for a connection."""
        return self.flow.members[connection]

    def held(self, connection: str) -> MemberState:
        """What is known of the member's object; made empty when first asked for."""
        found = self.state.members.get(connection)
        if found is None:
            found = self.state.members[connection] = MemberState()
        return found

    def shadow(self, connection: str, name: str) -> Shadow:
        """What the system is known to hold of a field."""
        shadows = self.held(connection).shadow
        found = shadows.get(name)
        if found is None:
            found = shadows[name] = Shadow()
        return found

    def lane(self, connection: str) -> Lane:
        """The lane to a member; made idle when first asked for."""
        return self.lanes.setdefault(connection, Lane(self.state.id, connection))

    def decide(self, name: str, value: Any, source: str, when: tuple[float, float], *, mapping: str = "") -> int:
        """A new version of a canonical field. Returns its fver."""
        state = self.state
        state.counter += 1
        version = FieldVersion(value, state.counter, source, when[0], when[1], rev=state.rev + 1, notice=self.notice)
        known = state.fields.get(name)
        if known is None:
            state.fields[name] = FieldState(version)
        else:
            known.trail.append(known.now)
            known.now = version
        self.effects.versions.append(
            {
                "record": state.id,
                "field": name,
                "fver": version.fver,
                "value": dumps(value),
                "source": source,
                "notice": self.notice,
                "mapping": mapping,
                "at": self.now,
            }
        )
        return version.fver

    def lost(self, connection: str, name: str, value: Any, reason: str, *, version: int | None = None) -> None:
        """A value that did not win goes to the conflict ledger, restorable (P4)."""
        held = self.state.members.get(connection)
        self.effects.ledger.append(
            {
                "id": new_id("cl", at=self.now),
                "record": self.state.id,
                "flow": self.flow.name,
                "connection": connection,
                "object_id": held.id if held is not None else "",
                "field": name,
                "value": dumps(value),
                "version": version,
                "reason": reason,
                "source": self.notice,
                "at": self.now,
            }
        )

    def case(
        self,
        cls: str,
        cause: str,
        title: str,
        *,
        connection: str = "",
        name: str = "",
        key: str = "",
        evidence: dict[str, Any] | None = None,
        said: tuple[str, str] = ("", ""),
    ) -> str:
        """Opens a case, or updates the one already open under its key. `said`: the system's own code and words. Returns
        the key.
        """
        from dead_letter.values import CaseClass

        held = self.state.members.get(connection)
        key = key or ":".join(part for part in (cls, self.state.id, connection, name) if part)
        self.effects.cases.append(
            NewCase(
                key=key,
                cls=CaseClass(cls),
                cause=cause,
                title=title,
                flow=self.flow.name,
                record=self.state.id,
                connection=connection,
                object=self.flow.members[connection].object if connection in self.flow.members else "",
                object_id=held.id if held else "",
                object_key=self.called(connection),
                field=name,
                evidence=evidence or {},
                fingerprint=f"{cause}:{self.flow.name}:{connection}:{name}",
                vendor_code=said[0],
                vendor_text=said[1],
            )
        )
        self.effects.obsolete.pop(key, None)
        self.effects.worked.discard(key)
        return key

    def called(self, connection: str) -> str:
        """What people call the object there; one that does not exist yet goes by the name of what it is made for."""
        held = self.state.members.get(connection)
        if held is not None and held.id:
            return held.key
        return next((other.key for other in self.state.members.values() if other.key), "")

    def moot(self, key: str, reason: str) -> None:
        """The case no longer asks for anybody."""
        if key:
            self.effects.obsolete[key] = reason

    def worked(self, key: str) -> None:
        """The retry that a person asked for took effect."""
        if key:
            self.effects.worked.add(key)

    def audit(self, kind: str, connection: str = "", **detail: Any) -> None:
        """One row per decision, in its transaction."""
        self.effects.audit.append(
            {
                "id": new_id("au", at=self.now),
                "at": self.now,
                "kind": kind,
                "record": self.state.id,
                "connection": connection,
                "actor": detail.pop("actor", "lockstep"),
                "cause": self.notice,
                "detail": dumps(detail),
            }
        )

    def renamed(self, connection: str, key: str) -> None:
        """The object is called otherwise from now on. Who knows it by its former key still finds it."""
        held = self.held(connection)
        if held.link is LinkState.PRIMARY:
            if held.key:
                former = {"connection": connection, "object": self.member(connection).object, "object_id": held.id}
                self.effects.former.append({**former, "object_key": held.key})
            self.link(connection, held.id, key, LinkState.PRIMARY)
        held.key = key

    def link(self, connection: str, object_id: str, key: str, state: LinkState | str) -> None:
        """Remembers that an object belongs to this record, and what it is called."""
        self.effects.named.update({(connection, object_key) for object_key in (object_id, key) if object_key})
        self.effects.links.append(
            {
                "connection": connection,
                "object": self.member(connection).object,
                "object_id": object_id,
                "object_key": key,
                "record": self.state.id,
                "state": str(state),
            }
        )


@dataclass(slots=True)
class Arrival:
    """A change on its way through the database: the notice's id and what became of it."""

    id: str
    change: Change
    record: str | None = None
    state: str = "done"
    disposition: str = ""
    reason: str = ""
    rev: int = 0
    """Of a hint: the revision that stored it; a read that started at this revision or later answers it."""

    def end(self, disposition: str, reason: str = "") -> None:
        """The notice needs nobody any more."""
        self.state, self.disposition, self.reason = "done", disposition, reason
