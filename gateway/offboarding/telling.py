"""What is told of a departure: to its own history, to the trail, and to people by cases. All in its transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import store as cases
from dead_letter.classify import Cause, class_of
from dead_letter.evidence import marked
from dead_letter.fingerprint import fingerprint
from dead_letter.values import CaseClass, Ending, NewCase
from gateway.audit.ended import note_ended
from gateway.core.ids import new_id
from gateway.offboarding import tables as t
from gateway.offboarding.values import Leaver
from gateway.storage.database import insert_all

GATEWAY = "lockstep"
_OF_SYSTEMS = (Cause.LEAVER_WHICH, Cause.LEAVER_FAILED, Cause.LEAVER_DRIFT)
_TELLING = frozenset({"person", "text", "name", "steps", "accounts", "account", "grant", "note"})
"""Details that name the person, or what the person had and goes by."""


class Trail(Protocol):
    """Writes a row of the audit trail in the transaction of what it tells of."""

    async def __call__(
        self,
        tx: AsyncConnection,
        *,
        at: float,
        kind: str,
        actor: str,
        detail: Mapping[str, Any],
        record: str | None = None,
        connection: str | None = None,
        cause: str | None = None,
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Teller:
    """Says what happens, in one transaction."""

    trail: Trail
    tx: AsyncConnection
    now: float

    async def say(
        self,
        leaver: Leaver,
        kind: str,
        text: str,
        *,
        actor: str = GATEWAY,
        connection: str = "",
        step: str = "",
        **detail: Any,
    ) -> None:
        """`kind`: leaver_..., `text` is for people. The entry in the trail names the person as of now; what names them
        is listed as personal, and masked for whoever may not know.
        """
        row = {"id": new_id("lh", at=self.now), "number": leaver.number, "at": self.now, "kind": kind}
        row |= {"connection": connection, "step": step, "actor": actor[:100], "text": text}
        await insert_all(self.tx, t.leaver_history, [row])
        person = leaver.doc.person
        told = {"leaver": leaver.label, "event": str(leaver.kind), "person": person.name or person.email, "text": text}
        records = person.records
        await self.trail(
            self.tx,
            at=self.now,
            kind=kind,
            actor=actor,
            detail=marked({**told, **detail}, _TELLING),
            record=records[0] if records else None,
            connection=connection or None,
            cause=leaver.label,
        )

    async def ask(self, leaver: Leaver, cause: Cause, title: str, *, connection: str = "", **evidence: Any) -> None:
        """A case for people, or one more time if it is open. Nobody is named: cases are read without the right to."""
        new = NewCase(
            key=_key(leaver, cause, connection),
            cls=class_of(cause),
            cause=cause,
            title=f"{leaver.label}: {title}",
            connection=connection,
            evidence={"leaver": leaver.label, **evidence},
            fingerprint=fingerprint(cause, connection=connection),
        )
        await cases.open_cases(self.tx, [new], now=self.now)

    async def answered(self, leaver: Leaver, causes: Sequence[Cause], reason: str, *, connection: str = "") -> None:
        """Nobody has to see to it any more."""
        keys = [_key(leaver, cause, connection) for cause in causes]
        ended = await cases.close_cases(self.tx, keys, decision=Ending.OBSOLETE, reason=reason, now=self.now)
        await note_ended(self.tx, ended, Ending.OBSOLETE, self.now)

    async def over(self, leaver: Leaver, connections: Sequence[str], reason: str) -> None:
        """Nobody has to see to anything of it any more."""
        await self.answered(leaver, (Cause.LEAVER_ASKS, Cause.LEAVER_PAST_DUE), reason)
        for each in connections:
            await self.answered(leaver, _OF_SYSTEMS, reason, connection=each)


def _key(leaver: Leaver, cause: Cause, connection: str) -> str:
    return ":".join(part for part in (CaseClass.DEPARTURE, leaver.label, cause, connection) if part)
