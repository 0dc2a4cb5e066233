"""A system that gives tokens for refresh tokens which may be used once, and the workers that sign on to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from connectors.contract.credentials import RenewalUnanswered, Token
from connectors.contract.errors import CredentialsError
from gateway.credentials.renewals import Renewals
from gateway.credentials.tables import token
from gateway.credentials.tokens import DatabaseTokens
from gateway.credentials.vault import Vault
from gateway.storage.database import Database
from tests.support.world import FakeClock

LIFE_S = 100.0


@dataclass
class SignOn:
    """Gives tokens for the one refresh token that is good now; used again, it is refused."""

    good: str = "first"
    given: int = 0
    at_once: int = 0
    most_at_once: int = 0
    pause: Callable[[], Awaitable[Any]] = field(default=lambda: asyncio.sleep(0))
    lose_answer: bool = False
    lasts_s: float | None = LIFE_S

    async def renew(self, last: Token | None) -> Token:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            return await self._renew(last)
        finally:
            self.at_once -= 1

    async def _renew(self, last: Token | None) -> Token:
        shown = last.refresh if last is not None and last.refresh else "first"
        if shown != self.good:
            raise CredentialsError(f"the system answered 400, invalid_grant ({shown} after {self.good})")
        self.given += 1
        number, self.good = self.given, f"refresh{self.given}"
        await self.pause()
        if self.lose_answer:
            raise RenewalUnanswered("no answer")
        return Token(value=f"t{number}", lasts_s=self.lasts_s, refresh=f"refresh{number}")


@dataclass
class Crew:
    """Workers on one database, with one clock."""

    database: Database
    vault: Vault
    clock: FakeClock = field(default_factory=FakeClock)
    system: SignOn = field(default_factory=SignOn)
    waits: list[float] = field(default_factory=list)
    waited: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def worker(self, name: str, renewals: type[Renewals] = Renewals, clock: FakeClock | None = None) -> DatabaseTokens:
        clock = clock or self.clock
        rows = renewals(self.database, clock, self.vault, "snow", name)
        return DatabaseTokens(rows, clock, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.waited.release()
        await asyncio.sleep(0.01)

    async def get(self, worker: DatabaseTokens, **more: Any) -> Token:
        return await worker.token("v", self.system.renew, within_s=5.0, **more)

    async def row(self) -> Any:
        async with self.database.read() as tx:
            return (await tx.execute(select(token))).mappings().one()
