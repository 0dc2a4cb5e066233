"""Ids that people read out to each other: `rp_7Q2MX4KD`. No letters that look like digits."""

from __future__ import annotations

import secrets

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def short_id(prefix: str) -> str:
    """`prefix_` and 8 characters: 39 random bits, and the primary key is the referee."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(8))
