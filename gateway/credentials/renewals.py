"""The row of a token: who may renew it, and what came of it. One transaction each; the fence and the serial settle what
a lease that ran out leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.credentials import Token
from connectors.rest.lives import Held
from gateway.credentials.tables import token
from gateway.credentials.vault import Vault
from gateway.storage.database import Database, insert

LEASE_S = 60.0
"""Of a renewal: well above what asking takes."""
REFUSED_AGAIN_S = 600.0
"""After the system gave no token for a credential it is asked once more, in case that was its own trouble. More often
could lock the account.
"""
YOUNG_S = 1.0
"""A token that is refused at this age is not what is wrong: another one would be refused as well."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A good one is stored already."""

    held: Held


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker is at it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The system gives none for this credential."""

    reason: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """Ours to renew, until the lease is over."""

    serial: int
    fence: int
    at: float
    last: Token | None
    unanswered_since: float | None
    """An earlier renewal was begun then, and what came of it is not known."""


Claim = Adopted | Busy | Refused | Claimed


class Renewals:
    """The rows of one connection, for one worker. Methods raise StorageError and VaultError."""

    def __init__(
        self, database: Database, clock: Clock, vault: Vault, connection: str, worker: str, *, lease_s: float = LEASE_S
    ) -> None:
        self.database, self.clock, self.vault = database, clock, vault
        self.connection, self.worker, self.lease_s = connection, worker, lease_s

    async def find(self, version: str) -> Held | None:
        """The token that is stored, good or not."""
        async with self.database.read() as tx:
            row = (await tx.execute(select(token).where(self._is(version)))).mappings().one_or_none()
        return None if row is None else self._held(row, self.clock.now())

    async def claim(self, version: str, refused: int | None) -> Claim:
        """What to do for a token; `refused`: the serial of one that the system did not take. The row is ours from the
        return of `Claimed` on, and the intent is durable: whoever finds it later knows that a renewal may have begun.
        """
        now = self.clock.now()
        async with self.database.begin("token.claim") as tx:
            await tx.execute(insert(tx, token).values(self._fresh(version)).on_conflict_do_nothing())
            query = select(token).where(self._is(version)).with_for_update()
            row = (await tx.execute(query)).mappings().one()
            found = self._held(row, now)
            taken = self._leased(row, now)
            if (told := self._without_asking(row, found, refused, now, taken=taken)) is not None:
                return told
            since = row["asking_since"]
            claimed = {"owner": self.worker, "lease_until": now + self.lease_s, "fence": row["fence"] + 1}
            await tx.execute(update(token).where(self._is(version)).values(claimed | {"asking_since": since or now}))
        return Claimed(row["serial"], row["fence"] + 1, now, found.token if found else None, since)

    def _without_asking(
        self, row: Any, found: Held | None, refused: int | None, now: float, *, taken: bool
    ) -> Claim | None:
        """What can be said from the row alone."""
        mono = self.clock.monotonic()
        if found is not None and found.token.serial != refused and not found.over(mono):
            newer = refused is not None and found.token.serial > refused
            if newer or taken or not found.due(mono):
                return Adopted(found)
        if taken:
            return Busy()
        if row["refused_at"] is not None and 0 <= now - row["refused_at"] < REFUSED_AGAIN_S:
            return Refused(row["reason"])
        young = found is not None and refused == found.token.serial and 0 <= now - row["asked_at"] < YOUNG_S
        return Refused("a token that was got a moment ago is refused") if young else None

    async def store(self, version: str, claim: Claimed, held: Held) -> Held:
        """Makes a new token durable. If another worker stored one meanwhile, because our lease ran out, that one
        counts: the system took ours no more from then on.
        """
        new = held.token
        values = {"serial": new.serial, "value": self._sealed(version, new), "asked_at": claim.at}
        values |= {"lasts_s": new.lasts_s, "refresh_until": _until(new, claim.at), "refused_at": None, "reason": ""}
        values |= {"owner": "", "lease_until": 0.0, "asking_since": None}
        async with self.database.begin("token.store") as tx:
            stored = await tx.execute(
                update(token).where(self._is(version), token.c.serial == claim.serial).values(values)
            )
            if stored.rowcount == 1:
                return held
            row = (await tx.execute(select(token).where(self._is(version)))).mappings().one()
            return self._held(row, self.clock.now()) or held

    async def refused(self, version: str, claim: Claimed, reason: str) -> str:
        """The system gives no token. The reason, with what may explain it. A token that another worker stored meanwhile
        shows that it does, after all.
        """
        if claim.unanswered_since is not None:
            at = datetime.fromtimestamp(claim.unanswered_since, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            reason += f"; a renewal begun {at} came to no stored end and may have used up the refresh token"
        over = {"owner": "", "lease_until": 0.0, "asking_since": None}
        dead = over | {"refused_at": self.clock.now(), "reason": reason}
        async with self.database.begin("token.refused") as tx:
            await tx.execute(update(token).where(self._is(version), token.c.serial == claim.serial).values(dead))
        return reason

    async def release(self, version: str, claim: Claimed, *, unanswered: bool) -> None:
        """Nothing came of it; the next may try. `unanswered`: what the system made of it is not known, and the row goes
        on saying so.
        """
        over: dict[str, Any] = {"owner": "", "lease_until": 0.0}
        if not unanswered and claim.unanswered_since is None:
            over["asking_since"] = None
        mine = and_(self._is(version), token.c.owner == self.worker, token.c.fence == claim.fence)
        async with self.database.begin("token.release") as tx:
            await tx.execute(update(token).where(mine).values(over))

    def _fresh(self, version: str) -> dict[str, Any]:
        row: dict[str, Any] = {"connection": self.connection, "version": version, "serial": 0, "value": ""}
        return row | {"asked_at": 0.0, "owner": "", "lease_until": 0.0, "fence": 0, "reason": ""}

    def _leased(self, row: Any, now: float) -> bool:
        """Another has it. A lease that would last longer than any can is one from before a clock was set back."""
        return row["owner"] not in ("", self.worker) and now < row["lease_until"] <= now + 2 * self.lease_s

    def _held(self, row: Any, now: float) -> Held | None:
        """The stored token on this process's monotonic clock. One from a future (a clock was set back) is taken for
        new: should it be over, its refusal says so.
        """
        if not row["serial"]:
            return None
        told = self.vault.open(row["value"], "token", self.connection, row["version"])
        found = msgspec.json.decode(told, type=Token)
        return Held(found, self.clock.monotonic() - max(0.0, now - row["asked_at"]))

    def _sealed(self, version: str, new: Token) -> str:
        return self.vault.seal(msgspec.json.encode(new).decode(), "token", self.connection, version)

    def _is(self, version: str) -> Any:
        return and_(token.c.connection == self.connection, token.c.version == version)


async def forget_tokens(tx: AsyncConnection, connection: str, keep: set[str], *, before: float) -> int:
    """Tokens of credentials that are not used any more and that nobody renewed since."""
    row = token.c
    old = and_(row.connection == connection, row.version.not_in(keep), row.asked_at < before, row.lease_until < before)
    return (await tx.execute(delete(token).where(old))).rowcount


def _until(new: Token, at: float) -> float | None:
    return None if new.refresh_lasts_s is None else at + new.refresh_lasts_s
