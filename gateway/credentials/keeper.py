"""Credentials while the gateway runs: what was replaced is noticed, proved with a check, and used from the next request
on. Requests under way finish with what they began with; lanes that a dead credential held go on by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from connectors.contract.clock import Clock
from connectors.contract.credentials import Material
from connectors.contract.errors import LockstepError, StorageError
from connectors.contract.values import Finding
from gateway.core.background import Background
from gateway.credentials import store
from gateway.credentials.parts import IN_USE, MISSING, PROVING, REFUSED, Candidate, Part, Reader
from gateway.credentials.proving import Word, proved
from gateway.credentials.renewals import REFUSED_AGAIN_S
from gateway.credentials.sources import MissingPart
from gateway.credentials.standing import Standings
from gateway.credentials.store import Overtaken, Secret
from gateway.credentials.told import note_refused, note_taken
from gateway.credentials.vault import Vault, VaultError
from gateway.storage.database import Database

EVERY_S = 1.0
FIRST_AGAIN_S, MOST_AGAIN_S = 2.0, 300.0
"""Until a credential of which nobody could say anything is proved again; doubled each time."""

log = structlog.get_logger()
Check = Callable[[str, Material | None], Awaitable[Sequence[Finding]]]
"""Checks a connection, with this credential or with the present one. Never raises for what a system does."""


class Keeper(Background):
    """Of one worker. Each worker proves what its own files hold; what the database holds is in use for all of them when
    one of them has proved it.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault | None,
        parts: Mapping[str, Part],
        *,
        check: Check,
        changed: Callable[[str], None],
    ) -> None:
        """`changed` hears which connection has another credential."""
        self.database, self.clock, self.vault, self.parts = database, clock, vault, parts
        self.standings = Standings(database, clock)
        self._check, self._changed = check, changed
        self._reader = Reader(vault)
        self._stores = any(part.sources.names for part in parts.values())

    async def start(self) -> None:
        """Returns when every connection has its credential, or is known to lack it. Raises StorageError."""
        if self.vault is not None:
            async with self.database.begin("secret.fingerprint") as tx:
                self._reader = Reader(self.vault, await store.fingerprint_key(tx, self.vault))
        await self.look()
        self._keep("credentials", self._loop())

    async def stop(self) -> None:
        """Ends proofs where they are; renewals of tokens are stored before."""
        await super().stop()
        proofs = [part.proof for part in self.parts.values() if part.proof is not None]
        for proof in proofs:
            proof.cancel()
        await asyncio.gather(*proofs, return_exceptions=True)
        await asyncio.gather(*(part.tokens.close() for part in self.parts.values() if part.tokens is not None))

    async def look(self) -> None:
        """Reads what changed and takes or proves it. Raises StorageError."""
        rows: dict[str, list[Secret]] = {}
        if self._stores:
            async with self.database.read() as tx:
                for row in await store.secrets(tx):
                    rows.setdefault(row.connection, []).append(row)
        for part in self.parts.values():
            part.since = part.since or self.clock.now()
            if part.changes:
                part.sources.look()
                self._consider(part, rows.get(part.name, []))
        await self.standings.write(self.parts, rows)

    async def _loop(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.look()
            except StorageError as error:
                log.warning("credentials wait for the database", error=str(error))

    def _consider(self, part: Part, rows: Sequence[Secret]) -> None:
        try:
            if self._reader.take_in_use(part, rows, self.clock.now()):
                self._changed(part.name)
            candidate = self._reader.candidate(part, rows)
        except MissingPart as error:
            self._miss(part, str(error))
            return
        except VaultError as error:
            # What cannot be opened may wait for a key that this worker gets with its next start; what it has is good.
            self._miss(part, str(error), keep=bool(part.keyring.version))
            return
        if candidate.material.version == part.keyring.version:
            refused = next((row.refused for row in rows if row.name in part.sources.names and row.refused), "")
            part.state, part.reason = (REFUSED, refused) if refused else (IN_USE, part.sources.trouble)
            part.candidate = ""
        elif part.proof is None:
            self._begin(part, candidate)

    def _miss(self, part: Part, why: str, *, keep: bool = False) -> None:
        if part.state != MISSING:
            log.warning("a credential is missing", connection=part.name, reason=why, goes_on=keep)
        if not keep:
            part.keyring.lacks(why)
        part.state, part.reason = MISSING, why

    def _begin(self, part: Part, candidate: Candidate) -> None:
        if candidate.material.version != part.candidate:
            part.candidate, part.tries, part.not_before = candidate.material.version, 0, 0.0
            part.state, part.reason = PROVING, ""
        if self.clock.monotonic() >= part.not_before:
            part.proof = asyncio.create_task(self._prove(part, candidate), name="credential-proof")
            part.proof.add_done_callback(lambda ended: self._proved(part, ended))

    def _proved(self, part: Part, ended: asyncio.Task[None]) -> None:
        part.proof = None
        if not ended.cancelled() and (error := ended.exception()) is not None:
            self._later(part, str(error))
            log.error("a credential could not be proved", connection=part.name, exc_info=error)

    async def _prove(self, part: Part, candidate: Candidate) -> None:
        verdict = await proved(lambda: self._check(part.name, candidate.material), lambda: self._check(part.name, None))
        try:
            if verdict.word is Word.GOOD:
                await self._take(part, candidate)
            elif verdict.word is Word.REFUSED:
                await self._refuse(part, candidate, verdict.why)
            else:
                self._later(part, verdict.why)
        except LockstepError as error:
            self._later(part, str(error))

    async def _take(self, part: Part, candidate: Candidate) -> None:
        """The database says so first, where it keeps a part of it: then every worker finds it in use."""
        now = self.clock.now()
        if candidate.versions:
            try:
                async with self.database.begin("credential.promote") as tx:
                    await store.promote(tx, part.name, candidate.versions, now=now)
                    await note_taken(tx, part.name, candidate.versions, now)
            except Overtaken:
                return  # the next look finds what is there now
        part.texts = dict(candidate.texts)
        part.keyring.take(candidate.material, overlap_s=candidate.overlap_s)
        part.former_until, part.since = now + candidate.overlap_s, now
        part.state, part.reason = IN_USE, ""
        log.info("a new credential is in use", connection=part.name, former_until=part.former_until)
        self._changed(part.name)

    async def _refuse(self, part: Part, candidate: Candidate, why: str) -> None:
        """What a person set is not tried again; a file has nobody to say so, and is tried again after a while."""
        log.warning("a new credential is refused; the present one stays", connection=part.name, reason=why)
        if candidate.versions:
            async with self.database.begin("credential.refuse") as tx:
                await store.refuse(tx, part.name, candidate.versions, why)
                await note_refused(tx, part.name, candidate.versions, why, self.clock.now())
        part.state, part.reason = REFUSED, why
        part.not_before = self.clock.monotonic() + REFUSED_AGAIN_S

    def _later(self, part: Part, why: str) -> None:
        part.state, part.reason = PROVING, why
        part.not_before = self.clock.monotonic() + min(MOST_AGAIN_S, FIRST_AGAIN_S * 2.0 ** min(part.tries, 10))
        part.tries += 1
