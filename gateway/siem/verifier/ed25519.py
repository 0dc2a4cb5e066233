"""Ed25519 verification as RFC 8032, 5.1.7 has it, in plain Python: a receiver has no other library. Only public values
are handled, so that time may tell. About 5 ms for a signature.
"""

from __future__ import annotations

from hashlib import sha512
from typing import Tuple  # noqa: UP035 - evaluated, and Python 3.8 has no tuple[int]

Point = Tuple[int, int, int, int]  # noqa: UP006

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
_IDENTITY = (0, 1, 1, 0)
_LENGTH = 32


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the signature (64 octets) of the message by the key (32 octets)."""
    if len(public) != _LENGTH or len(signature) != 2 * _LENGTH:
        return False
    key, point = _decoded(public), _decoded(signature[:_LENGTH])
    scalar = int.from_bytes(signature[_LENGTH:], "little")
    if key is None or point is None or scalar >= _ORDER:
        return False
    challenge = int.from_bytes(sha512(signature[:_LENGTH] + public + message).digest(), "little") % _ORDER
    return _same(_times(scalar, _BASE), _sum(point, _times(challenge, key)))


def _decoded(octets: bytes) -> Point | None:
    """A point in extended coordinates (x/z, y/z, with t = xy/z); None if the octets are none."""
    number = int.from_bytes(octets, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


def _sum(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(scalar: int, point: Point) -> Point:
    total = _IDENTITY
    while scalar:
        if scalar & 1:
            total = _sum(total, point)
        point = _sum(point, point)
        scalar >>= 1
    return total


def _same(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % _P == 0 and (one[1] * other[2] - other[1] * one[2]) % _P == 0


_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE = _decoded(_Y.to_bytes(_LENGTH, "little")) or _IDENTITY
