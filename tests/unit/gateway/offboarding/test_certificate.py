"""A certificate proves what it says, and nothing that was changed afterwards."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.signing import Signer
from gateway.offboarding.certificate import (
    BY_HAND,
    GONE,
    Certificate,
    CertifiedStep,
    Check,
    Malformed,
    issue,
    moment,
    read,
)

SIGNER, OTHER = Signer(b"s" * 32), Signer(b"o" * 32)
SEEN = Check(at="2026-11-20T17:01:00.000Z", found=False, sha256="a" * 64)
STEP = CertifiedStep(
    id="st1",
    connection="okta",
    kind="account",
    name="ann",
    state=GONE,
    due="2026-11-20T18:00:00.000Z",
    ended="2026-11-20T17:01:00.000Z",
    by="lockstep",
    checks=(SEEN,),
)
CERTIFICATE = Certificate(
    case="LV-1",
    person={"name": "Ann Müller", "email": "ann@example.com"},
    event="termination",
    state="closed",
    source="bamboo",
    effective="2026-11-20T17:00:00.000Z",
    zone="Europe/Berlin",
    deadline="2026-11-20T18:00:00.000Z",
    steps=(STEP,),
    audit_position=4711,
    audit_link="b" * 64,
    gateway="prod",
    release="1.0.0",
    issued="2026-11-21T09:00:00.000Z",
    issued_by="nadia",
)


def _with(step: CertifiedStep) -> tuple[str, ...]:
    return read(issue(msgspec.structs.replace(CERTIFICATE, steps=(step,)), SIGNER)).problems


def test_it_proves_a_departure_that_was_seen_everywhere() -> None:
    found = read(issue(CERTIFICATE, SIGNER))
    assert (found.signed, found.problems, found.certificate) == (True, (), CERTIFICATE)
    assert found.fingerprint == SIGNER.fingerprint


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [path for name, each in inner for path in _paths(each, (*at, name))]
    return below or [at]


PATHS = [path for path in _paths(orjson.loads(issue(CERTIFICATE, SIGNER))) if path[0] != "signature"]


@given(path=st.sampled_from(PATHS), value=st.one_of(st.text(max_size=8), st.integers(0, 9), st.booleans()))
def test_any_other_value_anywhere_is_found(path: tuple[Any, ...], value: Any) -> None:
    told = orjson.loads(issue(CERTIFICATE, SIGNER))
    place = told
    for name in path[:-1]:
        place = place[name]
    changed = orjson.dumps(place[path[-1]]) != orjson.dumps(value)
    place[path[-1]] = value
    try:
        found = read(orjson.dumps(told))
    except Malformed:
        assert changed
    else:
        assert found.signed is not changed


def test_a_step_that_was_left_out_or_added_is_found() -> None:
    told = orjson.loads(issue(CERTIFICATE, SIGNER))
    told["steps"].append(dict(told["steps"][0], connection="jira"))
    assert not read(orjson.dumps(told)).signed
    assert not read(orjson.dumps({**told, "steps": []})).signed


def test_a_signature_by_another_key_shows_another_fingerprint_or_none() -> None:
    ours = orjson.loads(issue(CERTIFICATE, SIGNER))
    theirs = issue(CERTIFICATE, OTHER)
    assert read(theirs).signed
    assert read(theirs).fingerprint != SIGNER.fingerprint
    mixed = {**orjson.loads(theirs), "signature": {**ours["signature"], "key": OTHER.public}}
    assert not read(orjson.dumps(mixed)).signed


def test_another_algorithm_is_not_believed() -> None:
    told = orjson.loads(issue(CERTIFICATE, SIGNER))
    told["signature"]["algorithm"] = "none"
    assert not read(orjson.dumps(told)).signed


def test_a_byte_that_is_another_one_is_found_wherever_it_is() -> None:
    document = issue(CERTIFICATE, SIGNER)
    for place in range(len(document.strip())):
        for byte in (document[place] ^ 1, document[place] ^ 0x20):
            changed = document[:place] + bytes([byte]) + document[place + 1 :]
            try:
                found = read(changed)
            except Malformed:
                continue
            assert not found.signed, (place, changed[max(0, place - 20) : place + 20])


def test_a_value_that_is_there_twice_is_found() -> None:
    document = issue(CERTIFICATE, SIGNER)
    twice = document.replace(b'"case": "LV-1"', b'"case": "LV-9",\n  "case": "LV-1"')
    assert twice != document
    assert not read(twice).signed
    more = document.replace(b'"algorithm"', b'"note": "checked",\n    "algorithm"')
    assert not read(more).signed


def test_a_departure_that_was_withdrawn_proves_nothing() -> None:
    back = msgspec.structs.replace(CERTIFICATE, state="returned")
    assert read(issue(back, SIGNER)).problems == ("the departure is returned: nothing has to end by it any more",)


@pytest.mark.parametrize("state", ["planned", "asks", "held"])
def test_a_departure_that_has_not_begun_or_is_held_proves_nothing(state: str) -> None:
    ahead = msgspec.structs.replace(CERTIFICATE, state=state)
    assert read(issue(ahead, SIGNER)).problems == (f"the departure is {state}: what was seen so far is not its end",)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (msgspec.structs.replace(STEP, state="failed"), "has not ended (failed)"),
        (msgspec.structs.replace(STEP, checks=()), "nobody looked"),
        (msgspec.structs.replace(STEP, checks=(SEEN, Check(at="2026-11-21", found=True, sha256=""))), "there again"),
        (msgspec.structs.replace(STEP, state=BY_HAND, evidence=""), "without saying by whom and how"),
        (msgspec.structs.replace(STEP, ended="2026-11-20T18:00:00.001Z"), "after its deadline"),
    ],
)
def test_what_is_not_proved_is_said(step: CertifiedStep, said: str) -> None:
    assert len(_with(step)) == 1
    assert said in _with(step)[0]


def test_a_certificate_without_steps_proves_nothing() -> None:
    assert read(issue(msgspec.structs.replace(CERTIFICATE, steps=()), SIGNER)).problems


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"format": "lockstep-leaver-certificate", "version": 2}',
        b'{"format": "lockstep-leaver-certificate", "version": 1}',
        b'{"format": "lockstep-leaver-certificate", "version": 1, "signature": {"key": "!", "value": ""}}',
        b'{"format": "lockstep-leaver-certificate", "version": 1, "signature": []}',
    ],
)
def test_what_is_no_certificate_is_told_so(document: bytes) -> None:
    with pytest.raises(Malformed):
        read(document)


def test_moments_are_texts_in_utc() -> None:
    assert (moment(1795330800.1234), moment(None)) == ("2026-11-22T07:00:00.123Z", "")
