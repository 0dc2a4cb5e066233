"""What a page, an answer or a command shows of a case: plain values, masked and narrowed to who reads them."""

from __future__ import annotations

from typing import Any

import msgspec

from dead_letter.values import Case, CaseState, CaseSummary, Step


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """One action, as this reader may take it on this case now."""

    name: str
    kind: str
    """`decision`: moves the case's version, names the one it was made on. `work`: who has it, what is said of it."""
    allowed: bool
    why_not: str = ""
    """Why it is not possible, or which right is missing, and what to do instead."""
    recommended: bool = False
    dangerous: bool = False
    needs_reason: bool = False
    needs_proof: bool = False
    needs_approval: bool = False
    """A second person has to agree: the answer is a request, see `Done.approval`."""
    choices: tuple[str, ...] = ()
    """One of these has to be chosen, when there are any."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of what the cases of a group have in common."""

    name: str
    value: str


class WhyGrouped(msgspec.Struct, frozen=True, kw_only=True):
    """What a case shares with its group, and what people changed about that."""

    key: str
    title: str
    """In words, if people gave it one."""
    parts: tuple[Part, ...]
    rules: tuple[str, ...]
    """Splits and merges that led here, each in words with who and when."""
    open: int
    """Open cases of the group that the reader may see, this one included."""


class GuideStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step towards certainty about an outcome that nobody answered."""

    name: str
    done: bool
    text: str
    command: str = ""
    """Action to take for it; empty: wait."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do for a case."""

    id: str
    kind: str
    """look_up, contact, approve, notify or other."""
    title: str
    owner: str
    state: str
    """open, done or dropped."""
    made_by: str
    made_at: float
    ended_by: str
    ended_at: float | None
    note: str
    """What came of it."""


class AttachmentView(msgspec.Struct, frozen=True, kw_only=True):
    """A file at a case; its content: `read_attachment`."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    by: str
    at: float


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """An address that belongs to a case: a ticket, a page, a conversation."""

    url: str
    title: str
    by: str
    at: float


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A dangerous action that waits for, or has had, a second person."""

    id: str
    number: str
    action: str
    text: str
    """What would be done, in words."""
    reason: str
    requested_by: str
    requested_at: float
    expires_at: float
    expected_version: int
    state: str
    """pending, approved, rejected, withdrawn, stale or expired."""
    decided_by: str
    decided_at: float | None
    note: str
    may_decide: bool = False
    """Whether this reader may approve or reject it."""
    why_not: str = ""


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A case as its page shows it."""

    case: Case
    verdict: tuple[str, str]
    """What is known, and what is not (empty if nothing is in doubt)."""
    next_step: str
    actions: tuple[ActionView, ...]
    """The recommended one first, then allowed ones, then the others."""
    reason_codes: dict[str, str]
    """Code -> words, of this class; `other` asks for text."""
    sla: str
    """The due time in words: `due in 2 h`, `late since ...`."""
    grouped: WhyGrouped
    guide: tuple[GuideStep, ...]
    """Steps of an unknown outcome; empty for other classes."""
    history: tuple[Step, ...]
    approvals: tuple[Approval, ...]
    tasks: tuple[Task, ...]
    attachments: tuple[AttachmentView, ...]
    links: tuple[LinkView, ...]
    similar: tuple[CaseSummary, ...]
    """Closed cases of the same group, newest first: what ended them."""
    masked: bool
    """Personal values were replaced, because the reader lacks the right to see them."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an action; a repeated one gets the same, with `repeated`."""

    number: str
    action: str
    version: int
    work: int
    state: CaseState
    repeated: bool = False
    approval: str = ""
    """Id of the request that now waits for a second person; empty: it was done."""
    note: str = ""
    """What else to know, for example that nobody else could have approved it."""
    made: str = ""
    """Id of the task or attachment that was made."""


class ManyDone(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one of several cases: done, or why not. Each is decided by itself."""

    number: str
    done: Done | None
    error: str = ""
    code: str = ""
    moved: tuple[str, ...] = ()


class MergedGroups(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a merge."""

    group: str
    moved: int
    """Open cases that are of the group now."""
    note: str = ""
    """What stays behind, for who does not see everything."""


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What a correction would write, per system; nothing was sent."""

    number: str
    field: str
    old: Any
    new: Any
    systems: dict[str, dict[str, Any]]
    """Connection -> object, shows, then, written."""
    changes: int
