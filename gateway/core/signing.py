"""Ed25519 signatures over what others must be able to check without us: checkpoints, segments, certificates."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEED_BYTES = 32


class Signer:
    """A private key. Its `fingerprint` is what people compare; `public` is what they check with."""

    def __init__(self, seed: bytes) -> None:
        """Raises ValueError unless `seed` is 32 bytes."""
        if len(seed) != SEED_BYTES:
            raise ValueError("a signing key is 32 bytes, as base64; try `openssl rand -base64 32`")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = b64encode(raw).decode()
        self.fingerprint = fingerprint(self.public)

    def sign(self, message: bytes) -> str:
        """The signature, as base64."""
        return b64encode(self._key.sign(message)).decode()


def fingerprint(public: str) -> str:
    """SHA-256 of a public key (base64 of its 32 bytes), as 64 hex digits."""
    return sha256(b64decode(public)).hexdigest()


def verifies(public: str, message: bytes, signature: str) -> bool:
    """Whether the signature is of this message by this key. Whatever is malformed is no signature: a text that only
    stands for the same bytes, too.
    """
    try:
        raw, signed = b64decode(public, validate=True), b64decode(signature, validate=True)
        Ed25519PublicKey.from_public_bytes(raw).verify(signed, message)
    except (InvalidSignature, NotBase64, ValueError):
        return False
    return b64encode(raw).decode() == public and b64encode(signed).decode() == signature
