"""Frames hold what was put in, in order, and never take a stranger for one of theirs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.streams.frames import decode, encode


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=50))
def test_what_goes_in_comes_out(values: list[bytes]) -> None:
    assert decode(encode(values)) == values


@given(st.binary(max_size=300))
def test_a_stranger_is_handed_on_whole(message: bytes) -> None:
    assert decode(message) == [message] or encode(decode(message)) == message


@pytest.mark.parametrize("cut", [1, 3, 8, 12])
def test_a_truncated_frame_is_handed_on_whole(cut: int) -> None:
    frame = encode([b"one", b"two"])
    assert decode(frame[:-cut]) == [frame[:-cut]]


def test_a_frame_of_a_later_version_is_handed_on_whole() -> None:
    frame = bytearray(encode([b"one"]))
    frame[2] += 1
    assert decode(bytes(frame)) == [bytes(frame)]


def test_a_count_beyond_the_message_does_not_read_past_its_end() -> None:
    message = b"LF\x01\xff\xff\xff\xff" + b"x" * 20
    assert decode(message) == [message]
