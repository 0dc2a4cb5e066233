"""How each connection's credential stands, written down for people, and the case of one that will end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from dead_letter import store as cases
from dead_letter.classify import Cause
from dead_letter.fingerprint import fingerprint
from dead_letter.values import CaseClass, Ending, NewCase
from gateway.audit.ended import note_back, note_ended
from gateway.credentials.parts import NO_TOKEN, Part
from gateway.credentials.renewals import forget_tokens
from gateway.credentials.store import Secret, forget_former
from gateway.credentials.tables import credential, token
from gateway.storage.database import Database, insert

TOKENS_EVERY_S = 5.0
FORGET_S = 86_400.0
"""Tokens of a credential that is not used any more go after so long: the rotation may be taken back."""

Row = dict[str, Any]


class Standings:
    """Of one worker. Several workers write the same; the last one stands."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self._written: dict[str, Row] = {}
        self._asked: dict[str, bool] = {}
        self._tokens: dict[tuple[str, str], Any] = {}
        self._tokens_at = float("-inf")

    async def write(self, parts: Mapping[str, Part], rows: Mapping[str, Sequence[Secret]]) -> None:
        """Stores what changed since this worker wrote last. Raises StorageError."""
        now = self.clock.now()
        await self._look_at_tokens(parts)
        found = {name: self._row(part, rows.get(name, ()), now) for name, part in parts.items()}
        changed = [row for name, row in found.items() if self._written.get(name) != row]
        ending = {name: _ends_soon(parts[name], row, now) for name, row in found.items()}
        asked = {name: wish for name, wish in ending.items() if self._asked.get(name) != wish}
        over = any(each.former and each.former_until <= now for some in rows.values() for each in some)
        if not changed and not asked and not over:
            return
        async with self.database.begin("credential.standing") as tx:
            await forget_former(tx, now=now)
            await _write(tx, changed)
            await self._ask(tx, {name: found[name] for name in asked}, asked, now)
        self._written |= {str(row["connection"]): row for row in changed}
        self._asked |= asked

    async def _look_at_tokens(self, parts: Mapping[str, Part]) -> None:
        due = self.clock.monotonic() >= self._tokens_at + TOKENS_EVERY_S
        if not due or not any(part.tokens is not None for part in parts.values()):
            return
        columns = (token.c[name] for name in ("connection", "version", "asked_at", "lasts_s", "refresh_until"))
        async with self.database.read() as tx:
            query = select(*columns, token.c.serial, token.c.refused_at, token.c.reason)
            self._tokens = {(row.connection, row.version): row for row in await tx.execute(query)}
        self._tokens_at = self.clock.monotonic()
        await self._forget(parts)

    async def _forget(self, parts: Mapping[str, Part]) -> None:
        before = self.clock.now() - FORGET_S
        for name, part in parts.items():
            former = part.keyring.former()
            known = {part.keyring.version, part.candidate, former.version if former else ""}
            old = [at for (of, at), row in self._tokens.items() if of == name and row.asked_at < before]
            if part.keyring.version and set(old) - known:
                async with self.database.begin("token.forget") as tx:
                    await forget_tokens(tx, name, known, before=before)

    def _row(self, part: Part, rows: Sequence[Secret], now: float) -> Row:
        kept = self._tokens.get((part.name, part.keyring.version))
        told = [row.ends_at for row in rows if row.name in part.sources.names and row.ends_at is not None]
        ends: list[float | None] = [*told] or [part.rules.ends_at]
        token_ends_at = kept.asked_at + kept.lasts_s if kept is not None and kept.lasts_s is not None else None
        state, reason = part.state, part.reason
        if kept is not None and kept.serial:
            ends.append(kept.refresh_until)
        if kept is not None and kept.refused_at is not None:
            state, reason = NO_TOKEN, kept.reason
            ends.append(token_ends_at)
        over = part.former_until is not None and part.former_until <= now
        return {
            "connection": part.name,
            "kind": part.rules.kind,
            "state": state,
            "reason": reason[:500],
            "since": part.since,
            "former_until": None if over else part.former_until,
            "ends_at": min((each for each in ends if each is not None), default=None),
            "token_ends_at": token_ends_at,
        }

    async def _ask(self, tx: AsyncConnection, rows: Mapping[str, Row], asked: Mapping[str, bool], now: float) -> None:
        new = [_case(rows[name]) for name, soon in asked.items() if soon]
        await note_back(tx, (await cases.open_cases(tx, new, now=now)).values(), now)
        mended = [_key(name) for name, soon in asked.items() if not soon]
        why = "another credential is in use, or this one has ended"
        ended = await cases.close_cases(tx, mended, decision=Ending.RESTORED, reason=why, now=now)
        await note_ended(tx, ended, Ending.RESTORED, now)


async def _write(tx: AsyncConnection, rows: Sequence[Row]) -> None:
    if rows:
        statement = insert(tx, credential)
        values = {name: statement.excluded[name] for name in rows[0] if name != "connection"}
        await tx.execute(statement.on_conflict_do_update(index_elements=["connection"], set_=values), list(rows))


def _ends_soon(part: Part, row: Row, now: float) -> bool:
    """One that has ended is told by the connection itself, which is not let in any more."""
    ends_at = row["ends_at"]
    return ends_at is not None and now < ends_at <= now + part.rules.notice_s


def _key(connection: str) -> str:
    return f"{CaseClass.CREDENTIALS}-ending:{connection}"


def _case(row: Row) -> NewCase:
    connection, at = str(row["connection"]), datetime.fromtimestamp(row["ends_at"], UTC)
    evidence = {"ends_at": at.strftime("%Y-%m-%d %H:%M:%SZ"), "kind": row["kind"]}
    return NewCase(
        key=_key(connection),
        cls=CaseClass.CREDENTIALS,
        cause=Cause.CREDENTIALS_ENDING,
        title=f"what {connection} signs in with ends on {at:%Y-%m-%d}",
        connection=connection,
        evidence=evidence | ({"error": row["reason"]} if row["reason"] else {}),
        fingerprint=fingerprint(Cause.CREDENTIALS_ENDING, connection=connection),
    )
