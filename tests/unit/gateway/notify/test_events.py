"""The body that is signed, and what an answer means."""

from __future__ import annotations

import orjson
import pytest

from gateway.config.notifications import EVENTS, Email
from gateway.notify.facts import LARGEST, MOST_NAMED, TYPE, Event, Facts, Kind, body_of, sentence
from gateway.notify.outbox import Due
from gateway.notify.schedule import SLOW_S
from gateway.notify.sending import meaning_of, message_of

FACTS = Facts(
    text="12 cases",
    path="/c/FO-17",
    connections=("jira",),
    open=12,
    case="FO-17",
    cls="refused",
    cause="target.refused",
    flow="incidents",
    field="status",
    first_seen=1_700_000_000.0,
)


def event(facts: Facts = FACTS, kind: Kind = Kind.OPENED) -> Event:
    return Event(id="msg_1", subject="th1", sequence=7, kind=kind, at=1_700_000_000.5, facts=facts)


def test_it_is_a_cloudevent_in_structured_mode() -> None:
    told = orjson.loads(body_of(event(), "https://lockstep.example.com"))
    assert told == {
        "specversion": "1.0",
        "id": "msg_1",
        "source": "https://lockstep.example.com",
        "type": "dev.lockstep.case.opened.v1",
        "time": "2023-11-14T22:13:20.500Z",
        "subject": "th1",
        "sequence": "0000000007",
        "datacontenttype": "application/json",
        "data": {
            "text": "12 cases",
            "link": "https://lockstep.example.com/c/FO-17",
            "level": "normal",
            "connections": ["jira"],
            "open": 12,
            "case": "FO-17",
            "class": "refused",
            "cause": "target.refused",
            "flow": "incidents",
            "field": "status",
            "first_seen": "2023-11-14T22:13:20.000Z",
        },
    }


def test_every_event_that_a_rule_can_choose_has_a_type_of_its_own() -> None:
    assert set(EVENTS) <= set(Kind)
    assert set(TYPE) == set(Kind)
    assert len(set(TYPE.values())) == len(TYPE)


def test_the_sequence_sorts_as_text() -> None:
    texts = [
        orjson.loads(body_of(Event(**{**{f: getattr(event(), f) for f in Event.__struct_fields__}, "sequence": n}), ""))
        for n in (2, 9, 10, 100)
    ]
    assert [each["sequence"] for each in texts] == sorted(each["sequence"] for each in texts)


def test_many_systems_make_no_large_body() -> None:
    many = Facts(
        text="x" * 300, path="/c/FO-1", case="FO-1", connections=tuple("c" * 38 + f"{n:02}" for n in range(90))
    )
    body = body_of(event(many), "https://lockstep.example.com")
    assert len(orjson.loads(body)["data"]["connections"]) == MOST_NAMED
    assert len(body) < LARGEST


@pytest.mark.parametrize("kind", list(Kind))
def test_every_sentence_names_the_cause(kind: Kind) -> None:
    assert "target.refused" in sentence(kind, FACTS)


@pytest.mark.parametrize(
    ("status", "headers", "delivered", "gone", "asked", "slow"),
    [
        (200, {}, True, False, 0, 0),
        (204, {}, True, False, 0, 0),
        (302, {"location": "https://elsewhere.example"}, False, False, 0, 0),
        (404, {}, False, False, 0, 0),
        (410, {}, False, True, 0, 0),
        (429, {}, False, False, 0, SLOW_S),
        (502, {}, False, False, 0, SLOW_S),
        (504, {}, False, False, 0, SLOW_S),
        (429, {"retry-after": "900"}, False, False, 900, 900),
        (503, {"retry-after": "900"}, False, False, 900, 900),
        (500, {}, False, False, 0, 0),
    ],
)
def test_what_an_answer_means(
    status: int, headers: dict[str, str], delivered: bool, gone: bool, asked: float, slow: float
) -> None:
    found = meaning_of(status, headers, 1_700_000_000.0)
    assert (found.delivered, found.gone, found.retry_after_s, found.slow_s) == (delivered, gone, asked, slow)
    assert found.answer == str(status)


def test_mails_of_a_thread_are_one_conversation() -> None:
    target = Email(("ops@example.com", "b@example.com"), "lockstep@example.com", "localhost", 25, "none", "", "")
    due = Due("msg_1", "duty", "th1", TYPE[Kind.OPENED], body_of(event(), "https://l.example"), "", 0)
    mail = message_of(target, due)
    assert mail["Subject"] == "[Lockstep] 12 cases"
    assert mail["To"] == "ops@example.com, b@example.com"
    assert mail["References"] == mail["In-Reply-To"] == "<th1@lockstep>"
    assert "https://l.example/c/FO-17" in mail.get_content()
