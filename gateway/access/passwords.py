"""Passwords: argon2id (RFC 9106), checked away from the event loop, in the same time whether or not the name exists."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from connectors.contract.errors import InputError

SHORTEST, LONGEST = 15, 256
"""Characters. NIST SP 800-63B-4 section 3.1.1.2: 15 where nothing else is asked for, and no rules about their kinds."""
DIFFERENT = 5
"""Characters that differ: a word of one key is as good as none."""
AT_ONCE = 4
"""Each check takes 64 MiB: more of them wait, so that many tries at once do not take the memory of the gateway."""

_hasher = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4, hash_len=32, salt_len=16, type=Type.ID)
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$pJOLLtBFrUOqkSc5PIILkw$a7HNeHEcvY2jfXbqbltuMF4/1vqIc8bvWdMOTxDAj44"
"""A hash that no known password has, of the same cost as the others: checked where there is no person or password."""


class WeakPassword(InputError):
    """The password would be guessed, or is too long to be checked: 422. The text says what is asked for."""

    status = 422

    def __init__(self, reason: str) -> None:
        super().__init__(reason, code="password.weak")


def plain(password: str) -> str:
    """One spelling of what looks the same on different keyboards."""
    return unicodedata.normalize("NFKC", password)


def judge(password: str, name: str) -> None:
    """Raises WeakPassword."""
    text = plain(password)
    if len(text) < SHORTEST:
        raise WeakPassword(f"a password has at least {SHORTEST} characters; a few words make a good one")
    if len(text) > LONGEST:
        raise WeakPassword(f"a password has at most {LONGEST} characters")
    if name.casefold() in text.casefold() or len(set(text.casefold())) < DIFFERENT:
        raise WeakPassword("this password is easily guessed: it holds the name, or hardly more than one character")


def generated() -> str:
    """A password for somebody who has none in mind."""
    return "-".join(secrets.token_hex(3) for _ in range(5))


class Checker:
    """Hashes and checks, a few at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """What to store."""
        async with self._turns:
            return await asyncio.to_thread(_hasher.hash, plain(password))

    async def check(self, stored: str, password: str) -> bool:
        """Whether it is the password. Takes the same time for an empty `stored`, and is never true then."""
        if len(password) > LONGEST * 4:
            password = ""
        async with self._turns:
            right = await asyncio.to_thread(_verified, stored or NOBODY, plain(password))
        return right and bool(stored)


def outdated(stored: str) -> bool:
    """Whether the hash was made at another cost than today's, and should be made anew when the password is at hand."""
    return _hasher.check_needs_rehash(stored)


def _verified(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
