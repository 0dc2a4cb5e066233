"""Where a list goes on: opaque, signed, and good only for the same list, filter and caller."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson
from sqlalchemy import select

from connectors.contract.clock import Clock
from connectors.contract.errors import InputError
from gateway.api.tables import api_secret
from gateway.storage.database import Database, insert

_NAME = "cursors"
_MAC = 16


class CursorRefused(InputError):
    """The cursor was not made by us for this list and caller."""


class Cursors:
    """Makes and reads cursors. All workers sign with one key, which the database keeps."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self._key = b""

    async def make(self, pinned: str, position: Any) -> str:
        """The cursor of a position (JSON) in the list that `pinned` stands for."""
        text = orjson.dumps(position)
        return urlsafe_b64encode(await self._mac(pinned, text) + text).decode().rstrip("=")

    async def read(self, pinned: str, cursor: str) -> Any:
        """The position. Raises CursorRefused."""
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raw = b""
        mac, text = raw[:_MAC], raw[_MAC:]
        if not text or not hmac.compare_digest(mac, await self._mac(pinned, text)):
            problem = "`after` is not a cursor of this list, filter and caller; take it from the `next` of a page"
            raise CursorRefused(problem, code="cursor-refused")
        return orjson.loads(text)

    async def _mac(self, pinned: str, text: bytes) -> bytes:
        key = self._key or await self._load()
        return hmac.digest(key, pinned.encode() + b"\n" + text, hashlib.sha256)[:_MAC]

    async def _load(self) -> bytes:
        new = {"name": _NAME, "value": secrets.token_hex(32), "made_at": self.clock.now()}
        query = select(api_secret.c.value).where(api_secret.c.name == _NAME)
        async with self.database.read() as tx:
            found = (await tx.execute(query)).scalar()
        if found is None:
            async with self.database.begin("api.secret") as tx:
                await tx.execute(insert(tx, api_secret).values(new).on_conflict_do_nothing(index_elements=["name"]))
                found = (await tx.execute(query)).scalar_one()
        self._key = bytes.fromhex(found)
        return self._key
