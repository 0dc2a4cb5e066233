"""How an entry is bound to the one before it, and what is signed. Pure; a format that never changes (ADR 221).

A verifier in another language needs nothing but SHA-256, Ed25519 and JSON: the fields as a compact JSON array in UTF-8.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

VERSION = 1
GENESIS = "0" * 64
"""The link before the first entry."""
FIELDS = (
    *("seq", "id", "at", "kind", "record", "connection", "actor", "cause"),
    *("digest", "outcome", "closes", "risk"),
)
"""What a link binds, in this order. The detail only by its salted digest, so that it can be erased."""


def digest(salt: str, detail: str) -> str:
    """Of a detail's text. `salt` has 32 hex digits."""
    return sha256((salt + detail).encode()).hexdigest()


def link(previous: str, values: list[Any]) -> str:
    """Of an entry; `previous`: the link before it, `values`: those of `FIELDS`."""
    return sha256(previous.encode() + orjson.dumps([VERSION, *values])).hexdigest()


def head_message(seq: int, link: str) -> bytes:
    """What is signed with every transaction: the newest entry is this one."""
    return f"lockstep-audit-head-{VERSION}\n{seq}\n{link}".encode()


def checkpoint_message(seq: int, link: str, at: float) -> bytes:
    """What is signed now and then, and kept outside of the database: at that time this entry was there."""
    return f"lockstep-audit-checkpoint-{VERSION}\n{seq}\n{link}\n{at!r}".encode()


def floor_message(seq: int, link: str, at: float) -> bytes:
    """What is signed when old entries go: everything up to this entry was deleted by its age."""
    return f"lockstep-audit-floor-{VERSION}\n{seq}\n{link}\n{at!r}".encode()


def key_message(public: str, seq: int) -> bytes:
    """What a key signs of the one that follows it: from this entry on."""
    return f"lockstep-audit-key-{VERSION}\n{public}\n{seq}".encode()
