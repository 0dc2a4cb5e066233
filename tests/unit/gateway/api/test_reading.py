"""What is told about requests that are unfit, and what the protocol's small parts promise."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta
from yarl import URL

from connectors.contract.clock import Clock
from gateway.api.declare import FREE, Query, Route
from gateway.api.keys import KeyRefused, fingerprint, key_of
from gateway.api.limiter import WINDOW_S, Limiter
from gateway.api.reading import Given, Unfit, read_body, read_query
from gateway.api.showing import schemas, shown
from gateway.core.trace import trace_of


class Colours(Query, frozen=True, kw_only=True):
    colour: tuple[str, ...] = ()
    deep: bool = False
    at_least: Annotated[int, Meta(ge=1)] = 1


class Inner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    size: Annotated[int, Meta(le=10)]


class Outer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    parts: tuple[Inner, ...] = ()


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    ended_at: float | None
    took_s: float
    detail: Any


def asked(query: list[tuple[str, str]]) -> Given:
    return URL("/").with_query(query).query


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ([], Colours()),
        ([("colour", "red"), ("colour", "blue")], Colours(colour=("red", "blue"))),
        ([("deep", "true"), ("at_least", "7")], Colours(deep=True, at_least=7)),
    ],
)
def test_parameters_become_values(query: list[tuple[str, str]], wanted: Colours) -> None:
    assert read_query(Colours, asked(query)) == wanted


@pytest.mark.parametrize("text", ["0", "1.5", "one", "1e3", "", " 1", "1\0"])
def test_what_is_no_number_in_range_is_refused(text: str) -> None:
    with pytest.raises(Unfit) as caught:
        read_query(Colours, asked([("at_least", text)]))
    assert [error["parameter"] for error in caught.value.errors] == ["at_least"]


def test_all_that_is_unfit_in_a_body_is_pointed_at() -> None:
    with pytest.raises(Unfit) as caught:
        read_body(Outer, b'{"parts": [{"size": 1}, {"size": 11}], "a/b~c": 1}')
    assert {error["pointer"] for error in caught.value.errors} == {"/parts/1/size", "/a~1b~0c", "/name"}


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b'"x"', b"{", b"\xff", b'{"name": "\\ud800"}', b"NaN"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Unfit):
        read_body(Outer, body)


def test_times_are_told_by_their_names_in_values_and_schema_alike() -> None:
    happened = Happened(at=1763694760.125, ended_at=0.0, took_s=1763694760.125, detail={"at": 7})
    assert shown(happened) == {
        "at": "2025-11-21T03:12:40.125Z",
        "ended_at": None,
        "took_s": 1763694760.125,
        "detail": {"at": 7},
    }
    _, components = schemas([Happened])
    properties = components["Happened"]["properties"]
    assert properties["at"] == properties["ended_at"] == {"type": ["string", "null"], "format": "date-time"}
    assert properties["took_s"] == {"type": "number"}


@pytest.mark.parametrize(("header", "key"), [('"01J9"', "01J9"), ("01J9", "01J9"), ('"a b"', "a b")])
def test_keys_may_be_quoted_or_bare(header: str, key: str) -> None:
    assert key_of(header) == key


@pytest.mark.parametrize("header", ["", '""', '"', "a b", "ä", "x" * 256, 'a"b', "a,b"])
def test_what_is_no_key_is_refused(header: str) -> None:
    with pytest.raises(KeyRefused):
        key_of(header)


def test_the_mark_of_a_request_tells_all_its_parts_apart() -> None:
    marks = {fingerprint(*each) for each in (("POST", "/a", b"1"), ("PUT", "/a", b"1"), ("POST", "/b", b"1"))}
    assert len(marks | {fingerprint("POST", "/a", b"2")}) == 4


TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later", True),
        (f"00-{TRACE}-{SPAN}-01-more", False),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        ("", False),
    ],
)
def test_a_good_trace_is_continued_and_a_bad_one_ignored(header: str, kept: bool) -> None:
    found = trace_of(header)
    assert (found.id == TRACE) is kept
    assert found.span != SPAN
    assert trace_of(found.header).id == found.id


class Still(Clock):
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


def test_a_caller_that_asks_too_often_waits_and_others_do_not() -> None:
    clock = Still()
    limiter = Limiter(clock, quota=60)
    assert all(limiter.take("ann").allowed for _ in range(60))
    refused = limiter.take("ann")
    assert not refused.allowed
    assert refused.headers["Retry-After"] == "1"
    assert limiter.take("bob").headers["RateLimit"] == '"default";r=59;t=1'
    clock.at += 1.0
    assert limiter.take("ann").allowed
    assert not limiter.take("ann").allowed
    clock.at += 10 * WINDOW_S
    assert limiter.take("ann").left == 59
    assert not Limiter(clock, quota=0).take("ann").headers


async def _nothing(ask: Any) -> None: ...


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("/v1/now", "/v1/now"),
        ("/v1/runs/{id}", "/v1/runs/{id:[^/:]+}"),
        ("/v1/runs/{id}:stop", "/v1/runs/{id:[^/:]+}:stop"),
        (f"/v1/x/{{{FREE}}}", f"/v1/x/{{{FREE}:[^/]+(?<!:look)}}"),
        (f"/v1/x/{{{FREE}}}:look", f"/v1/x/{{{FREE}:[^/]+?}}:look"),
    ],
)
def test_a_verb_belongs_to_no_name(path: str, served: str) -> None:
    route = Route(method="GET", path=path, name="x", tag="x", summary="x", do=_nothing, right=None)
    assert route.served_at == served
