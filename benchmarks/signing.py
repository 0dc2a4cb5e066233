"""How the source system signs its webhooks: HMAC-SHA256 over `<epoch seconds>.<body>`."""

from __future__ import annotations

import hmac

SIGNATURE = "x-ticket-signature"
TIMESTAMP = "x-ticket-timestamp"
TOLERANCE_S = 300.0


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Value of the signature header."""
    return "sha256=" + hmac.digest(secret, timestamp.encode() + b"." + body, "sha256").hex()


def is_signed(secret: bytes, timestamp: str, body: bytes, signature: str, now: float) -> bool:
    """Whether the signature fits and the timestamp is within five minutes of `now`."""
    if not timestamp.isdigit() or abs(now - int(timestamp)) > TOLERANCE_S:
        return False
    return hmac.compare_digest(sign(secret, timestamp, body), signature)
