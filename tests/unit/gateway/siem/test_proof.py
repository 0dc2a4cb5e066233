"""What the chain, heartbeats and summaries of a feed are taken over: as the reference page tells it to others."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from gateway.core.signing import verifies
from gateway.siem.forms import ecs, ocsf
from gateway.siem.forms.rendering import LEAST_ROOM, ROOM, rendered
from gateway.siem.forms.sender import Form
from gateway.siem.forms.syslog import ENTERPRISE
from gateway.siem.proof import summary
from gateway.siem.verifier.chain import CEF_CHAIN, HEARTBEAT, LEEF_CHAIN, SEGMENT, ZERO, canonical
from tests.support.feed import SENDER, SIGNER, Feed, event, feed_of
from tests.support.shared import REPOSITORY

HOLDERS = {Form.JSON: (), Form.OCSF: ("unmapped",), Form.ECS: ("lockstep",)}


@pytest.mark.parametrize("form", list(HOLDERS))
def test_the_digest_as_a_stranger_would_compute_it(form: Form) -> None:
    feed = feed_of(5, form)
    before = ZERO
    for number, line in enumerate(feed.lines, 1):
        body = json.loads(line)
        holder = body
        for name in HOLDERS[form]:
            holder = holder[name]
        chain = holder.pop("chain")
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = sha256(f"lockstep-siem 1\nsoc\n{number}\n{before}\n{text}".encode()).hexdigest()
        assert chain == {"sink": "soc", "number": number, "previous": before, "digest": digest}
        before = digest


def test_canonical_json_is_that_of_rfc_8785() -> None:
    # The example of RFC 8785, 3.2.2, without its fractions, which no form holds.
    told = {"string": '\u20ac$\u000f\nA\'B"\\\\"/', "literals": [None, True, False], "\u00f6": 1, "1": 2}
    expected = '{"1":2,"literals":[null,true,false],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/","\u00f6":1}'
    assert canonical(told).decode() == expected


def test_numbers_that_some_receiver_would_rewrite_are_texts() -> None:
    told = {"a": 1.5, "b": 2.0, "c": 2**60, "d": float("nan"), "e": {"f": [0.1, True, None]}, "\U0001f600": "x\0y"}
    detail = json.loads(rendered(event(detail=told), Form.JSON, SENDER).body)["detail"]
    assert detail == {
        "a": "1.5",
        "b": 2,
        "c": str(2**60),
        "d": "nan",
        "e": {"f": ["0.1", True, None]},
        "\ufffd": "x\u2400y",
    }


def test_a_heartbeat_signs_all_that_was_before_it() -> None:
    feed = Feed()
    feed.add(event(), event())
    feed.beat()
    beat = feed.events[-1]
    told = {name: value for name, value in beat.detail.items() if name != "signature"}
    assert told == {"position": 3, "link": "cd" * 32, "waiting": 0, "key": SIGNER.fingerprint}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    signed = f"siem_heartbeat 1\nsoc\n3\n{feed.sent[1].digest}\n1795000003250\n{text}".encode()
    assert verifies(SIGNER.public, signed, beat.detail["signature"])


def test_a_summary_names_its_events_by_one_digest() -> None:
    feed = Feed()
    feed.add(event(), event())
    feed.sum_up()
    feed.add(event())
    feed.sum_up()
    first, second = feed.events[2].detail, feed.events[4].detail
    over = "".join(f"{each.digest}\n" for each in feed.sent[:2])
    assert (first["first"], first["last"], first["count"]) == (1, 2, 2)
    assert first["digest"] == sha256(over.encode()).hexdigest()
    assert (second["first"], second["last"], second["count"]) == (3, 4, 2), "the summary before is in it"


def test_a_summary_is_of_the_events_right_before_it() -> None:
    place = {"sink": "soc", "id": "sg1", "at": 1.0, "signer": SIGNER}
    for digests, number, previous in (([], 3, "b"), (["a", "b"], 3, "a"), (["a", "b", "c"], 3, "c")):
        with pytest.raises(ValueError, match="right before its summary"):
            summary(number=number, previous=previous, digests=digests, **place)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", list(Form))
def test_a_heartbeat_is_never_cut(form: Form) -> None:
    feed = feed_of(30, form)
    assert [each.cut for each in feed.sent] == [()] * 30
    for each in feed.events:
        if each.kind.startswith("siem_"):
            assert rendered(each, form, SENDER, room=4096).cut == ()


def test_the_reference_page_says_what_the_code_does() -> None:
    page = (REPOSITORY / "docs/reference/siem-forms.md").read_text(encoding="utf-8")
    said = (
        f"OCSF {ocsf.VERSION};",
        f"Elastic Common Schema {ecs.VERSION},",
        f"An event needs {LEAST_ROOM:,} octets",
        f"[lockstep@{ENTERPRISE} ",
        f"`{CEF_CHAIN}`",
        f"`{LEEF_CHAIN}`",
        f"{len(ZERO)} zeros",
        *(f"| {way} | {octets:,} |" for way, octets in ROOM.items()),
        *(f"`{kind}`" for kind in (HEARTBEAT, SEGMENT)),
    )
    assert [each for each in said if each not in page] == []
