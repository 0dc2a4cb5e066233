"""Encryption of what the database keeps: each value has a key of its own, which the master key wraps (an envelope), so
that another master key means wrapping anew, not encrypting anew. Pure; knows no table.
"""

from __future__ import annotations

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.contract.errors import ConfigError, LockstepError
from gateway.core.key_files import KEY_BYTES, kept, key_bytes

NONCE_BYTES = 12
FORMAT = "v1"
FILE_NAME = "master.key"


class VaultError(LockstepError):
    """A stored value cannot be opened. Trying again is no use; says which key is missing, never a value."""


class MasterKey:
    """256 bits that wrap other keys. `id` names it in rows and tells nothing about it."""

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise ValueError("a master key is 32 bytes, as base64 or hex; try `openssl rand -base64 32`")
        self.raw = raw
        self.id = sha256(b"lockstep master key\0" + raw).hexdigest()[:12]

    @classmethod
    def of(cls, text: str) -> MasterKey:
        """From base64 or hex. Raises ValueError, without the text."""
        return cls(key_bytes(text))


class Vault:
    """Seals with its first key and opens with any. A sealed value opens only under the context it was sealed in."""

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        self._first = keys[0]
        self._keys = {each.id: each for each in keys}

    @property
    def key_id(self) -> str:
        """Of the key that seals."""
        return self._first.id

    def seal(self, plain: str, *context: str) -> str:
        """Text for a column. `context` says where it belongs (kind, connection, name): moved elsewhere it is lost."""
        key, bound = os.urandom(KEY_BYTES), _bound(context)
        value = _encrypted(key, plain.encode(), bound)
        return ".".join((FORMAT, self._first.id, self._wrapped(key, bound), b64encode(value).decode()))

    def open(self, sealed: str, *context: str) -> str:
        """What was sealed. Raises VaultError: another key, another place, or changed."""
        _, _, _, value = _parts(sealed)
        bound = _bound(context)
        return _decrypted(self._unwrapped(sealed, bound), b64decode(value), bound).decode()

    def rewrapped(self, sealed: str, *context: str) -> str:
        """The same value under the first key. Raises VaultError."""
        _, _, _, value = _parts(sealed)
        bound = _bound(context)
        key = self._unwrapped(sealed, bound)
        return ".".join((FORMAT, self._first.id, self._wrapped(key, bound), value))

    def _wrapped(self, key: bytes, bound: bytes) -> str:
        return b64encode(_encrypted(self._first.raw, key, b"key\0" + self._first.id.encode() + bound)).decode()

    def _unwrapped(self, sealed: str, bound: bytes) -> bytes:
        _, key_id, wrapped, _ = _parts(sealed)
        master = self._keys.get(key_id)
        if master is None:
            raise VaultError(
                f"a stored secret wants the master key {key_id}, which is not configured; name it under secrets.former"
            )
        return _decrypted(master.raw, b64decode(wrapped), b"key\0" + key_id.encode() + bound)


def key_of(sealed: str) -> str:
    """Id of the master key that a value is sealed under."""
    return _parts(sealed)[1]


def fingerprint(key: str, text: str) -> str:
    """Tells texts apart and gives nothing away to who has not the key, however few texts are likely."""
    return hmac.new(key.encode(), text.encode(), sha256).hexdigest()[:32]


def kept_key(directory: Path) -> MasterKey:
    """The key of an embedded store, in a file beside it that only its owner can read; made when first asked for.

    Raises ConfigError if the file cannot be read or written.
    """
    file = directory / FILE_NAME
    try:
        return MasterKey(kept(file))
    except (OSError, ValueError) as error:
        raise ConfigError([f"secrets: error[master-key]: {file} is no usable master key: {error}"]) from error


def _bound(context: Sequence[str]) -> bytes:
    return b"\0" + b"\0".join(part.encode() for part in context)


def _encrypted(key: bytes, plain: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _decrypted(key: bytes, coded: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(coded[:NONCE_BYTES], coded[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        raise VaultError("a stored secret was changed, or stands in another's place; set it anew") from None


def _parts(sealed: str) -> tuple[str, str, str, str]:
    parts = sealed.split(".")
    if len(parts) != 4 or parts[0] != FORMAT:
        raise VaultError("a stored secret is of a format that this program does not know")
    return parts[0], parts[1], parts[2], parts[3]
