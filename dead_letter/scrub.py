"""Removes secrets from text: known values in every spelling they travel in, and what stands behind a telling name."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple
from urllib.parse import quote, quote_plus

MARK = "***"
MIN_SECRET = 4
"""Known secrets shorter than this are found by name only: as text they would match everywhere."""

_MIN_BASE64 = 8
_PARTS = (
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "apikey",
    "authkey",
    "privatekey",
    "accesskey",
    "subscriptionkey",
    "credential",
    "signature",
    "session",
    "csrf",
    "xsrf",
    "jwt",
    "bearer",
)
_WHOLE = frozenset({"auth", "otp", "pin", "sig", "hmac", "basicauth", "xauth"})
_NAMED = "|".join(re.sub(r"key$", r"[-_.]?key", part) for part in _PARTS)
# No prefix before the telling part: it would be tried at every character of a long text.
_NAME = rf"(?:{_NAMED})[\w.\-]{{0,40}}"
_QUOTED = r"\\?\"(?:[^\"\\]|\\.)*(?:\"|\\?\Z)|'[^']*(?:'|\Z)|\[[^\]]*(?:\]|\Z)|\{[^}]*(?:\}|\Z)"
_BARE = r"(?:(?:basic|bearer|digest|negotiate|token)\s+)?[^\s&,;\"'<>{}\[\]]+"


class _Rule(NamedTuple):
    """A pattern, what stays of it, and what any match must contain: most text has none of it and is not searched."""

    needles: tuple[str, ...]
    pattern: re.Pattern[str]
    kept: str


_RULES = (
    _Rule(
        ("private key-----",),
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        MARK,
    ),
    _Rule(
        ("authorization", "cookie"),
        re.compile(r"(?im)^([\w-]{0,40}?(?:authorization|cookie)[\w-]{0,40}\s*:)[^\r\n]*"),
        rf"\1 {MARK}",
    ),
    _Rule(("<",), re.compile(rf"(?i)(<[\w:.\-]{{0,40}}{_NAME}(?:\s[^>]{{0,200}})?>)[^<]*"), rf"\1{MARK}"),
    _Rule(
        ("=", ":", "%3d"),
        re.compile(rf"(?is)({_NAME}\\?[\"']?\s{{0,8}}(?:=|:|%3d)\s{{0,8}})(?:{_QUOTED}|{_BARE})"),
        rf"\1{MARK}",
    ),
    _Rule(
        ("basic", "bearer", "negotiate"),
        re.compile(r"(?i)\b(basic|bearer|negotiate)\s+[A-Za-z0-9+/=._~-]{6,}"),
        rf"\1 {MARK}",
    ),
    _Rule(("://",), re.compile(r"(://[^/\s:@]{0,100}:)[^/\s@]+@"), rf"\1{MARK}@"),
    _Rule(("eyj",), re.compile(r"\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?"), MARK),
    _Rule(("atatt",), re.compile(r"\bATATT[\w=.-]{16,}"), MARK),  # Atlassian API tokens
)


@cache
def names_a_secret(name: str) -> bool:
    """Whether a header, field or parameter of this name holds a secret. Errs on the side of yes."""
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    return plain in _WHOLE or any(part in plain for part in _PARTS)


def clean(text: str) -> str:
    """Text that JSON and every database can hold: lone surrogates replaced, NUL dropped."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


class Scrubber:
    """Replaces known secrets and everything that looks like one. Immutable; safe to share and keep."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = [clean(secret) for secret in secrets]
        spellings = {each for secret in known if len(secret) >= MIN_SECRET for each in _spellings(secret)}
        # The longest first: a secret may be part of another one.
        self._spellings = tuple(sorted(spellings, key=lambda each: (-len(each), each)))
        self._shortest = min(map(len, spellings), default=0)

    def __call__(self, text: str) -> str:
        """The text without secrets, `***` in their place. Idempotent enough to be applied at every seam."""
        text = self.known(text)
        low = text.lower()
        for rule in _RULES:
            if any(needle in low for needle in rule.needles):
                text = rule.pattern.sub(rule.kept, text)
        return text

    def known(self, text: str) -> str:
        """Removes only the known secrets, for text whose names are our own."""
        text = clean(text)
        if len(text) < self._shortest:
            return text
        for spelling in self._spellings:
            text = text.replace(spelling, MARK)
        return text

    def without_partial(self, text: str) -> str:
        """Drops what a cut left of a known secret at the end of the text."""
        for spelling in self._spellings:
            for length in range(min(len(spelling) - 1, len(text)), 0, -1):
                if text.endswith(spelling[:length]):
                    text = text[:-length]
                    break
        return text


def _spellings(secret: str) -> set[str]:
    """The value as it is, in a URL, inside JSON, and inside base64 at each of the three ways its bytes can fall."""
    found = {secret, quote(secret, safe=""), quote_plus(secret), quote(secret)}
    found |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    for core in _base64_cores(secret.encode()):
        found |= {core, core.replace("+", "-").replace("/", "_")}
    return found


def _base64_cores(secret: bytes) -> set[str]:
    """The characters of base64 text that depend on these bytes alone, wherever they stand in what was encoded."""
    cores = set()
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + secret).decode()
        core = text[-(-shift * 8 // 6) : (shift + len(secret)) * 8 // 6]
        if len(core) >= _MIN_BASE64:
            cores.add(core)
    return cores
