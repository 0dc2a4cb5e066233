"""Tokens of one connection for all workers: the database decides who renews, and a new token is durable before anybody
uses it. The others wait for the owner's result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import msgspec
import structlog

from connectors.contract.clock import Clock
from connectors.contract.credentials import Renew, RenewalUnanswered, Token
from connectors.contract.errors import CredentialsError, LockstepError, Retryable, StorageError
from connectors.rest.lives import Held
from gateway.credentials.renewals import Adopted, Busy, Claimed, Refused, Renewals
from gateway.credentials.vault import VaultError

WAIT_S = 0.2
"""Between two looks at what another worker's renewal has come to."""
STORAGE_WAIT_S = 0.5
AHEAD_AGAIN_S = 5.0
"""After a renewal ahead of time that failed, while the present token is still good."""
START_SHARE = 0.25
"""Of a lease, the time within which a claimed renewal must begin: a process that was stopped longer claims anew."""

log = structlog.get_logger()
Sleep = Callable[[float], Awaitable[None]]
Result = TypeVar("Result")


class Counts(NamedTuple):
    """Renewals since this process began."""

    renewed: int = 0
    refused: int = 0
    failed: int = 0


class DatabaseTokens:
    """Implements `TokenStore` for one connection of one worker. A renewal is never cancelled by whoever waits for it:
    an answer that nobody took in would be a refresh token lost.
    """

    def __init__(self, renewals: Renewals, clock: Clock, *, sleep: Sleep = asyncio.sleep) -> None:
        self._renewals, self._clock, self._sleep = renewals, clock, sleep
        self._held: dict[str, Held] = {}
        self._under_way: dict[str, asyncio.Task[Token]] = {}
        self._not_before: dict[str, float] = {}
        self.counts = Counts()

    def ready(self, version: str) -> Token | None:
        """See `TokenStore`."""
        held = self._held.get(version)
        return None if held is None or held.due(self._clock.monotonic()) else held.token

    def held(self, version: str) -> Held | None:
        """What this process knows, due or not."""
        return self._held.get(version)

    async def token(self, version: str, renew: Renew, *, refused: int | None = None, within_s: float) -> Token:
        """See `TokenStore`. A renewal that goes on beyond `within_s` is found finished by the next call."""
        try:
            return await self._token(version, renew, refused, within_s)
        except StorageError as error:
            raise Retryable(f"signing in waits: {error}; nothing was sent", down=True) from error
        except VaultError as error:
            raise CredentialsError(str(error)) from error

    async def _token(self, version: str, renew: Renew, refused: int | None, within_s: float) -> Token:
        held = self._held.get(version) or await self._found(version)
        now = self._clock.monotonic()
        if held is not None and held.token.serial != refused and not held.over(now):
            if held.due(now) and now >= self._not_before.get(version, now):
                self._begin(version, renew, None, ahead=True)
            return held.token
        task = self._begin(version, renew, refused, ahead=False)
        done, _ = await asyncio.wait({task}, timeout=within_s)
        if not done:
            raise Retryable("signing in takes long; nothing was sent", down=True)
        if task.cancelled():
            raise Retryable("signing in was ended by a stop of the gateway; nothing was sent", down=True)
        return task.result()

    async def _found(self, version: str) -> Held | None:
        """What another process stored, or this one in another life: asked once, later claims bring what is newer."""
        found = await self._renewals.find(version)
        if found is not None:
            self._held.setdefault(version, found)
        return found

    async def close(self, grace_s: float = 10.0) -> None:
        """Lets renewals under way be stored, for so long."""
        running = list(self._under_way.values())
        if running:
            _, late = await asyncio.wait(running, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _begin(self, version: str, renew: Renew, refused: int | None, *, ahead: bool) -> asyncio.Task[Token]:
        """The renewal under way, or a new one."""
        task = self._under_way.get(version)
        if task is None:
            task = asyncio.create_task(self._renewed(version, renew, refused), name="token-renewal")
            self._under_way[version] = task
            task.add_done_callback(lambda ended: self._ended(version, ended, ahead=ahead))
        return task

    def _ended(self, version: str, task: asyncio.Task[Token], *, ahead: bool) -> None:
        self._under_way.pop(version, None)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if ahead:
            self._not_before[version] = self._clock.monotonic() + AHEAD_AGAIN_S
            log.warning("token not renewed yet", connection=self._renewals.connection, error=str(error))

    async def _renewed(self, version: str, renew: Renew, refused: int | None) -> Token:
        until = self._clock.monotonic() + self._renewals.lease_s
        while True:
            began = self._clock.monotonic()
            match await self._renewals.claim(version, refused):
                case Adopted(held):
                    self._held[version] = held
                    return held.token
                case Refused(reason):
                    raise CredentialsError(reason)
                case Busy():
                    if began >= until:
                        raise Retryable("another worker is signing in and does not end; nothing was sent", down=True)
                    await self._sleep(WAIT_S)
                case Claimed() as claim:
                    if self._clock.monotonic() - began < self._renewals.lease_s * START_SHARE:
                        return await self._ask(version, claim, renew)

    async def _ask(self, version: str, claim: Claimed, renew: Renew) -> Token:
        asked_at = self._clock.monotonic()
        try:
            token = await renew(claim.last)
        except CredentialsError as error:
            self.counts = self.counts._replace(refused=self.counts.refused + 1)
            said = str(error)
            reason = await self._durably(lambda: self._renewals.refused(version, claim, said))
            raise CredentialsError(reason, status=error.status, evidence=error.evidence) from error
        except LockstepError as error:
            self.counts = self.counts._replace(failed=self.counts.failed + 1)
            unanswered = isinstance(error, RenewalUnanswered)
            await self._durably(lambda: self._renewals.release(version, claim, unanswered=unanswered))
            raise
        kept = token.refresh or (claim.last.refresh if claim.last else "")
        token = msgspec.structs.replace(token, refresh=kept, serial=claim.serial + 1)
        held = await self._durably(lambda: self._renewals.store(version, claim, Held(token, asked_at)))
        self.counts = self.counts._replace(renewed=self.counts.renewed + 1)
        self._held[version] = held
        return held.token

    async def _durably(self, write: Callable[[], Awaitable[Result]]) -> Result:
        """What is known must not be lost while this process lives; nobody uses it before."""
        while True:
            try:
                return await write()
            except StorageError as error:
                log.warning("a token waits for the database", connection=self._renewals.connection, error=str(error))
                await self._sleep(STORAGE_WAIT_S)
