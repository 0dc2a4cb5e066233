"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): a repeated request is answered as the first one was.

The key is claimed durably before the request acts and the answer is kept after it, so between the two a crash may have
acted already: a repeat after the lease acts again, which the domain has to bear (a decision names its version).
"""

from __future__ import annotations

import hashlib
import re
import secrets

import msgspec
from sqlalchemy import ColumnElement, delete, select, tuple_, update

from connectors.contract.clock import Clock
from connectors.contract.errors import InputError
from gateway.api.tables import api_answer
from gateway.storage.database import Database, dumps, insert, loads

DAY_S = 86_400.0
FORGOTTEN = 500
"""Answers that one transaction removes."""
LEASE_S = 60.0
"""A request that did not answer by then is taken for dead; a repeat of it acts."""
_FORM = re.compile(r'"(?P<quoted>[\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|(?P<bare>[\x21\x23-\x2b\x2d-\x7e]{1,255})')


class KeyRefused(InputError):
    """The key cannot be taken; `retry_s` where that may change."""

    retry_s: float = 0.0


class Kept(msgspec.Struct, frozen=True):
    """An answer as it was given."""

    status: int
    headers: dict[str, str]
    body: str


class Claim(msgspec.Struct, frozen=True):
    """The right to act under a key until the lease is over."""

    caller: str
    key: str
    owner: str


def key_of(header: str) -> str:
    """The key, given as a Structured Field string or bare. Raises KeyRefused."""
    found = _FORM.fullmatch(header.strip())
    if found is None:
        raise KeyRefused('the key has to be 1 to 255 printable characters: "01J9..."', code="invalid-header")
    return found["quoted"] or found["bare"]


def fingerprint(method: str, path: str, body: bytes) -> str:
    """Tells two requests apart that came with the same key."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


class Keys:
    """The keys of all callers. Safe for many tasks; several workers share the table."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock

    async def claim(self, caller: str, key: str, mark: str) -> Claim | Kept:
        """The claim, if the request has to be carried out; the answer, if it was. Raises KeyRefused: the key came with
        another request (422), or the first one is not answered yet (409).
        """
        now = self.clock.now()
        mine = Claim(caller, key, secrets.token_hex(16))
        row = {
            "caller": caller,
            "key": key,
            "fingerprint": mark,
            "owner": mine.owner,
            "lease_until": now + LEASE_S,
            "status": 0,
            "headers": "{}",
            "body": "",
            "at": now,
            "expires_at": now + DAY_S,
        }
        this = (api_answer.c.caller == caller) & (api_answer.c.key == key)
        async with self.database.begin("api.claim") as tx:
            new = insert(tx, api_answer).values(row).on_conflict_do_nothing(index_elements=["caller", "key"])
            if (await tx.execute(new.returning(api_answer.c.owner))).first():
                return mine
            found = (await tx.execute(select(api_answer).where(this).with_for_update())).mappings().one()
            over = found["expires_at"] is not None and found["expires_at"] <= now
            if not over and found["fingerprint"] != mark:
                raise KeyRefused("this Idempotency-Key came with another request before", code="key-reused")
            if not over and found["status"]:
                return Kept(found["status"], loads(found["headers"]), found["body"])
            if not over and found["lease_until"] > now:
                raise _running(found["lease_until"] - now)
            await tx.execute(update(api_answer).where(this).values(row))
        return mine

    async def keep(self, claim: Claim, answer: Kept, *, for_good: bool) -> None:
        """From now on this is the answer. Nothing happens if another request took the claim over."""
        values = {"status": answer.status, "headers": dumps(answer.headers), "body": answer.body}
        expires = None if for_good else self.clock.now() + DAY_S
        async with self.database.begin("api.keep") as tx:
            await tx.execute(update(api_answer).where(_is(claim)).values(**values, expires_at=expires))

    async def release(self, claim: Claim) -> None:
        """The request was not carried out: a repeat may be."""
        async with self.database.begin("api.release") as tx:
            await tx.execute(delete(api_answer).where(_is(claim), api_answer.c.status == 0))


async def forget_answers(database: Database, *, now: float) -> int:
    """Removes what has expired, a batch at a time; gives how many."""
    row, gone = api_answer.c, 0
    some = select(row.caller, row.key).where(row.expires_at <= now).order_by(row.expires_at).limit(FORGOTTEN)
    while True:
        async with database.begin("api.forget") as tx:
            found = [tuple(each) for each in await tx.execute(some)]
            if found:
                old = tuple_(row.caller, row.key).in_(found) & (row.expires_at <= now)
                gone += int((await tx.execute(delete(api_answer).where(old))).rowcount)
        if len(found) < FORGOTTEN:
            return gone


def _is(claim: Claim) -> ColumnElement[bool]:
    row = api_answer.c
    return (row.caller == claim.caller) & (row.key == claim.key) & (row.owner == claim.owner)


def _running(left_s: float) -> KeyRefused:
    error = KeyRefused("the first request with this key is not answered yet", code="still-running")
    error.retry_s = min(left_s, 2.0)
    return error
