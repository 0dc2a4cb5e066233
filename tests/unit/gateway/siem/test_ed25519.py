"""The verifier's own Ed25519 against the vectors of RFC 8032, 7.1, and the library that the gateway signs with."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha512

import pytest

from gateway.siem.verifier.ed25519 import is_signed
from tests.support.feed import SIGNER

VECTORS = {
    "TEST 1": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2465"
            "5141438e7a100b"
        ),
    ),
    "TEST 2": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb0"
            "0d291612bb0c00"
        ),
    ),
    "TEST 3": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc0"
            "27beceea1ec40a"
        ),
    ),
    "TEST SHA(abc)": (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        sha512(b"abc").hexdigest(),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9"
            "bef1177331a704"
        ),
    ),
}
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name: str) -> None:
    public, message, signature = (bytes.fromhex(each) for each in VECTORS[name])
    assert is_signed(public, message, signature)
    assert not is_signed(public, message + b"!", signature)


def test_every_octet_counts() -> None:
    public, message = b64decode(SIGNER.public), b"a segment"
    signature = b64decode(SIGNER.sign(message))
    assert is_signed(public, message, signature)
    for at in range(64):
        assert not is_signed(public, message, signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]), at
    for at in range(0, 32, 5):
        assert not is_signed(public[:at] + bytes([public[at] ^ 4]) + public[at + 1 :], message, signature), at


def test_a_second_signature_cannot_be_made_of_a_first() -> None:
    public, message = b64decode(SIGNER.public), b"a segment"
    signature = b64decode(SIGNER.sign(message))
    larger = int.from_bytes(signature[32:], "little") + ORDER
    assert not is_signed(public, message, signature[:32] + larger.to_bytes(32, "little"))


@pytest.mark.parametrize(
    "public", [b"", bytes(31), b"\xff" * 32, (2**255 - 19).to_bytes(32, "little"), b"\2" + bytes(31)]
)
def test_what_is_no_key_signs_nothing(public: bytes) -> None:
    assert not is_signed(public, b"", b64decode(SIGNER.sign(b"")))
    assert not is_signed(b64decode(SIGNER.public), b"", b"short")
