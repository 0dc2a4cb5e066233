"""A secret never survives; what is left can be read, stored and masked."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dead_letter.evidence import BODY_BYTES, MAX_DEPTH, Redactor, masked
from dead_letter.scrub import MARK, MIN_SECRET, Scrubber, names_a_secret

printable = st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="*")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def _texts(value: Any) -> Iterator[str]:
    """Every name and every value, as text."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    else:
        yield str(value)


def _plant(data: st.DataObject, value: Any, text: str) -> Any:
    """The value with the text planted somewhere in it: in a leaf, beside one, or in a name."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(value)))
        return {**value, name: _plant(data, value[name], text)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(value) - 1))
        return [*value[:at], _plant(data, value[at], text), *value[at + 1 :]]
    how = data.draw(st.sampled_from(["leaf", "bytes", "name", "list", "json"]))
    around = data.draw(st.text(max_size=8)) + text + data.draw(st.text(max_size=8))
    if how == "bytes":
        return around.encode("utf-8", "replace")
    if how == "name":
        return {around: value}
    if how == "list":
        return [value, around]
    return json.dumps({"note": around}) if how == "json" else around


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "url": lambda secret: quote(secret, safe=""),
    "form": quote_plus,
    "json": lambda secret: json.dumps(secret)[1:-1],
    "basic": lambda secret: base64.b64encode(b"lockstep:" + secret.encode()).decode(),
    "shifted": lambda secret: base64.b64encode(b"u:" + secret.encode() + b"@x").decode(),
    "urlsafe": lambda secret: base64.urlsafe_b64encode(b"x" + secret.encode()).decode(),
}


@given(st.data(), json_values, st.sampled_from(sorted(SPELLINGS)))
def test_a_known_secret_never_survives(data: st.DataObject, value: Any, spelling: str) -> None:
    shortest = 9 if spelling in {"basic", "shifted", "urlsafe"} else MIN_SECRET
    secret = data.draw(st.text(printable, min_size=shortest, max_size=40))
    sent = SPELLINGS[spelling](secret)
    planted = {data.draw(st.sampled_from(["request", "answer", "body", "looks"])): _plant(data, value, sent)}
    shown = Redactor(secrets=[secret])(planted)
    assert not [text for text in _texts(shown) if secret in text or sent in text]
    orjson.dumps(shown)


@given(st.data(), st.text(alphabet=st.characters(categories=("L", "N")), min_size=8, max_size=30), json_values)
def test_what_stands_behind_a_telling_name_never_survives(data: st.DataObject, secret: str, value: Any) -> None:
    name = data.draw(st.sampled_from(TELLING))
    assume(not names_a_secret(secret))
    how = data.draw(st.sampled_from(sorted(BEHIND_A_NAME)))
    planted = {"request": [value, BEHIND_A_NAME[how](name, secret)]}
    assume(secret not in "".join(_texts(Redactor()({"request": [value]}))) + name)
    shown = Redactor()(planted)
    assert not [text for text in _texts(shown) if secret in text]


TELLING = [
    "Authorization",
    "Proxy-Authorization",
    "Cookie",
    "Set-Cookie",
    "X-Api-Key",
    "api_key",
    "apikey",
    "access_token",
    "refreshToken",
    "client_secret",
    "password",
    "user_password",
    "PASSWD",
    "X-Lockstep-Signature",
    "private-key",
    "sessionid",
    "X-CSRF-Token",
    "glide_session_store",
]
BEHIND_A_NAME: dict[str, Callable[[str, str], Any]] = {
    "field": lambda name, secret: {name: secret},
    "nested": lambda name, secret: {name: {"value": [secret]}},
    "pair": lambda name, secret: [name, secret],
    "beside": lambda name, secret: {"name": name, "value": secret},
    "json": lambda name, secret: json.dumps({"a": {name: secret}}),
    "cut json": lambda name, secret: json.dumps({"a": 1, name: secret})[:-2],
    "list in cut json": lambda name, secret: json.dumps({"a": 1, name: [secret, secret]})[:-1],
    "json in json": lambda name, secret: json.dumps({"text": json.dumps({name: secret})})[:-1],
    "form": lambda name, secret: f"a=1&{name}={secret}&b=2",
    "url": lambda name, secret: f"https://x.example.com/y?{name}={secret}",
    "header": lambda name, secret: f"Accept: */*\r\n{name}: {secret}\r\nHost: x",
    "scheme": lambda name, secret: f"{name}: Bearer {secret}",
    "xml": lambda name, secret: f"<a><{name}>{secret}</{name}></a>",
    "quoted": lambda name, secret: f"{name}='{secret}'",
}


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("sent Authorization header Basic bG9ja3N0ZXA6aHVudGVyMg== to x", "bG9ja3N0ZXA6aHVudGVyMg"),
        ("https://lockstep:hunter2@snow.example.com/api", "hunter2"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl", "eyJzdWIi"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEow", "MIIEow"),
        ("user ATATT3xFfGF0abcdefghijklmnop=AB12", "abcdefghijklmnop"),
        ("Set-Cookie: a=b; Path=/; c=hunter2", "hunter2"),
        ('token="a\\\nb hunter2"', "hunter2"),
    ],
)
def test_what_looks_like_a_secret_goes_without_being_known(text: str, gone: str) -> None:
    shown = Scrubber()(text)
    assert gone not in shown
    assert MARK in shown


@pytest.mark.parametrize(
    "text",
    [
        "component is required",
        "Priority P9 is not known",
        "the author is ann",
        '{"status": "In Review", "key": "OPS-12"}',
    ],
)
def test_plain_answers_stay_readable(text: str) -> None:
    assert Scrubber(["hunter2"])(text) == text


@pytest.mark.parametrize("name", ["author", "key", "status", "cause", "assigned_to", "authority", "summary", "pinned"])
def test_ordinary_names_tell_no_secret(name: str) -> None:
    assert not names_a_secret(name)


def test_an_empty_secret_field_says_that_it_was_empty() -> None:
    assert Redactor()({"headers": {"Authorization": "", "Cookie": None}}) == {
        "headers": {"Authorization": "", "Cookie": None}
    }


def test_numbers_and_booleans_keep_their_kind_unless_they_are_the_secret() -> None:
    shown = Redactor(secrets=["12345678"])(
        {"status": 400, "ok": False, "took": 1.5, "pin_like": 12345678, "far": 2**70}
    )
    assert shown == {"status": 400, "ok": False, "took": 1.5, "pin_like": MARK, "far": str(2**70)}


def test_base64_for_urls_is_searched_too() -> None:
    secret = "\u00ff\u00fe?>~\u00ff\u00ff?>"
    sent = base64.urlsafe_b64encode(secret.encode()).decode()
    assert {"-", "_"} & set(sent)  # else it is spelled as in plain base64
    assert sent[:-4] not in Scrubber([secret])(f"x{sent}y")  # its last bits are shared with what follows


@given(json_values)
def test_the_result_is_json_and_redacting_again_keeps_it(value: Any) -> None:
    redactor = Redactor(secrets=["hunter2-hunter2"], personal={"email"})
    shown = redactor({"answer": value})
    assert orjson.loads(orjson.dumps(shown)).keys() == shown.keys()
    assert orjson.dumps(redactor(shown)) == orjson.dumps(shown)  # as JSON, where a NaN equals itself


@pytest.mark.parametrize("name", ["body", "note"])
@pytest.mark.parametrize("letter", ["x", "\u00e9", "\U0001f40c"])
def test_a_long_text_is_cut_on_a_letter_and_says_how_long_it_was(name: str, letter: str) -> None:
    size = len((letter * 9000).encode())
    shown = Redactor()({"answer": {name: letter * 9000}})["answer"][name]
    text, told = shown.split(" ... ")
    assert set(text) == {letter}
    assert BODY_BYTES - 4 < len(text.encode()) <= BODY_BYTES
    assert told == f"(cut, {size} bytes in all)"


def test_a_long_structured_body_becomes_cut_text() -> None:
    shown = Redactor()({"answer": {"body": {"rows": [{"n": n} for n in range(5000)]}, "status": 200}})
    assert shown["answer"]["status"] == 200
    assert shown["answer"]["body"].startswith('{"rows":[{"n":0}')
    assert len(shown["answer"]["body"]) < BODY_BYTES + 50


def test_a_secret_across_the_look_ahead_leaves_no_beginning() -> None:
    # Scrubbing shortens: without care the cut end of the first piece would be shown.
    text = "hunter2-hunter2" * 5000
    assert "hun" not in Redactor(secrets=["hunter2-hunter2"])({"body": text})["body"]


def test_megabytes_and_depth_are_bounded() -> None:
    deep: Any = "bottom"
    for _ in range(2000):
        deep = [deep]
    shown = Redactor()({"deep": deep, **{f"part{n}": "x" * 5000 for n in range(40)}, "body": "y" * 10_000_000})
    assert len(orjson.dumps(shown)) < 17 * BODY_BYTES
    assert shown["left_out"] > 0
    assert f"deeper than {MAX_DEPTH} levels" in str(shown["deep"])


def test_personal_values_are_listed_and_masked_for_those_without_the_right() -> None:
    evidence = {
        "answer": {
            "caller": {"email": "ann@example.com", "id": 7},
            "rows": [{"EMAIL": "bob@example.com"}],
            "a/b": {"email": "x"},
        },
        "body": json.dumps({"email": "ann@example.com"}),
        "email": "",
    }
    shown = Redactor(personal={"email"})(evidence)
    assert shown["answer"]["caller"] == {"email": "ann@example.com", "id": 7}
    assert shown["personal"] == ["/answer/a~1b/email", "/answer/caller/email", "/answer/rows/0/EMAIL", "/body"]
    hidden = masked(shown)
    assert hidden["answer"] == {"caller": {"email": MARK, "id": 7}, "rows": [{"EMAIL": MARK}], "a/b": {"email": MARK}}
    assert hidden["body"] == MARK
    assert shown["answer"]["caller"]["email"] == "ann@example.com"


def test_a_cut_body_with_personal_values_is_personal_as_a_whole() -> None:
    rows = [{"email": f"user{n}@example.com"} for n in range(500)]
    shown = Redactor(personal={"email"})({"answer": {"body": rows}, "many": rows})
    assert shown["personal"][0] == "/answer/body"
    assert "user" not in str(masked(shown))


@given(json_values, st.text(alphabet="abcdefgh", min_size=6))
def test_masking_leaves_no_personal_value(value: Any, person: str) -> None:
    assume(person not in str(value))
    shown = Redactor(personal={"email"})(
        {"answer": [value, {"email": person}], "body": json.dumps([{"email": person}])}
    )
    assert person not in str(masked(shown))


@pytest.mark.parametrize("pointer", ["", "/", "/answer/9", "/answer/x/y", "/nothing/there", "/answer/0/a"])
def test_a_pointer_to_nothing_is_harmless(pointer: str) -> None:
    evidence = {"answer": [1], "personal": [pointer]}
    assert masked(evidence)["answer"] == [1]
