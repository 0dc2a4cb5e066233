"""Bodies that are not JSON: there and back, and nothing that a document could do besides being read."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.declared.formats import DEEPEST, decode_xml, encode_form, encode_xml

BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><t>&b;</t>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><t>&x;</t>"""
# What XML 1.0 can hold: no control signs, no halves of pairs.
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF), min_size=1).map(lambda text: f"x{text}x")


@pytest.mark.parametrize(
    "document",
    [
        BOMB,
        OUTSIDE,
        '<!DOCTYPE t SYSTEM "http://evil.test/x.dtd"><t/>',
        "<!DOCTYPE t><t/>",
        "<a>" * (DEEPEST + 1) + "</a>" * (DEEPEST + 1),
        "<t>&unknown;</t>",
        "<t>",
        "",
        "{}",
        "<?xml version='1.0' encoding='no-such'?><t/>",
    ],
)
def test_a_document_that_wants_more_is_none(document: str) -> None:
    assert decode_xml(document.encode()) == (False, None)


@given(title=TEXT, owner=TEXT, tags=st.lists(TEXT, min_size=2, max_size=4))
def test_what_is_written_is_read_back(title: str, owner: str, tags: list[str]) -> None:
    body = {"ticket": {"@id": owner, "title": title, "tag": tags, "empty": None}}
    found, read = decode_xml(encode_xml(body))
    assert found
    assert read == body


def test_elements_attributes_and_names_of_other_namespaces() -> None:
    text = b'<d:feed xmlns:d="urn:d"><d:entry id="7">A<b/>B</d:entry><d:entry id="8"/></d:feed>'
    assert decode_xml(text)[1]["feed"]["entry"] == [{"@id": "7", "#text": "AB", "b": None}, {"@id": "8"}]


def test_forms_nest_and_repeat() -> None:
    body = {"title": "a&b=c", "owner": {"mail": "ä@x"}, "tags": ["p", "q"], "open": True, "none": None}
    assert parse_qsl(encode_form(body).decode(), keep_blank_values=True) == [
        ("title", "a&b=c"),
        ("owner[mail]", "ä@x"),
        ("tags[]", "p"),
        ("tags[]", "q"),
        ("open", "true"),
        ("none", ""),
    ]
