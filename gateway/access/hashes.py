"""Secrets that we make, and what is kept of them. They are random and long: a plain SHA-256 cannot be turned back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

TOKEN_PREFIX = "lsk_"  # noqa: S105 - what tokens begin with, so that scanners and people know one when they see it


def new_secret(prefix: str = "") -> str:
    """256 random bits, safe in URLs, headers and cookies."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored and looked up: 64 hex digits."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def csrf_of(session: str) -> str:
    """The token that forms of a session carry. Only who has the session's cookie, or a page of ours, can know it."""
    mac = hmac.new(session.encode("utf-8", "replace"), b"lockstep form token", hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")


def same(one: str, other: str) -> bool:
    """Compares in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
