"""`${...}`: values never leave their place. What would name another host or path is encoded, or refused."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from connectors.contract.errors import Refused
from connectors.contract.values import Ref
from connectors.declared.slots import fill_address, fill_body, fill_header, fill_text, parse
from tests.unit.connectors.declared.support import URL, engine

NASTY = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["..", ".", "../..", "//evil.test", "http://evil.test/", "a/../b", "%2e%2e", "\\..\\", "?x=1", "#f"]
    ),
    st.sampled_from(["@evil.test", "a&b=c", "a;b", "\r\nHost: evil.test", "\0", "💥", "${id}", "$${id}"]),
)


@given(value=NASTY)
@example(value="..")
@example(value="../admin")
@example(value="//evil.test/x")
def test_a_value_in_an_address_stays_one_segment(value: str) -> None:
    assume(not any(0xD800 <= ord(sign) <= 0xDFFF for sign in value))
    try:
        filled = fill_address("/api/tickets/${id}/notes?of=${id}", {"id": value})
    except Refused:
        assert value in ("", ".", "..")
        return
    parts = urlsplit(URL + filled)
    assert parts.netloc == "desk.test"
    segments = parts.path.split("/")
    assert (len(segments), segments[:3], segments[4]) == (5, ["", "api", "tickets"], "notes")
    assert unquote(segments[3]) == value
    assert parse_qs(parts.query, keep_blank_values=True) == {"of": [value]}
    assert not parts.fragment


@settings(deadline=None, max_examples=60)
@given(value=NASTY)
async def test_what_goes_over_the_wire_stays_there_too(value: str) -> None:
    """The client's own handling of URLs (dot segments, encoding) must not undo it."""
    assume(not any(0xD800 <= ord(sign) <= 0xDFFF for sign in value))
    seen: list[httpx.Request] = []
    connector = engine(lambda request: {"id": "x"}, seen=seen)
    try:
        await connector.read(Ref(object="ticket", id=value))
    except Refused:
        assert value in ("", ".", "..")
        return
    assert seen[0].url.host == "desk.test"
    path = seen[0].url.raw_path.decode()
    assert path.startswith("/tickets/")
    assert unquote(path.removeprefix("/tickets/")) == value
    assert path.count("/") == 2


@given(value=st.text(max_size=20))
def test_a_header_holds_no_line_break(value: str) -> None:
    try:
        assert fill_header("v=${x}", {"x": value}) == f"v={value}"
    except Refused:
        assert any(sign in value for sign in "\r\n\0")


def test_a_whole_value_keeps_its_kind() -> None:
    values = {"values": {"title": "x", "tags": ["a"]}, "n": 3}
    assert fill_body({"ticket": "${values}", "n": "${n}", "t": "no ${n}", "l": ["${values.tags}"]}, values) == {
        "ticket": {"title": "x", "tags": ["a"]},
        "n": 3,
        "t": "no 3",
        "l": [["a"]],
    }


def test_two_dollars_stand_for_one() -> None:
    assert fill_text("$${id} is ${id}", {"id": 1}) == "${id} is 1"


def test_what_is_missing_is_not_sent_with_a_hole() -> None:
    with pytest.raises(Refused, match=r"values\.owner"):
        fill_body({"a": "${values.owner}"}, {"values": {}})


def test_a_block_cannot_stand_inside_a_text() -> None:
    with pytest.raises(Refused):
        fill_text("x${v}", {"v": {"a": 1}})


@pytest.mark.parametrize("text", ["${", "${}", "${ID}", "${a b}", "${a..b}", "${a", "${a{b}}"])
def test_a_slot_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a slot"):
        parse(text)
