"""Every status and every way to fail, for reads and for writes. The tables are written out: they are the decision."""

from __future__ import annotations

import pytest

from connectors.contract.errors import (
    Conflict,
    CredentialsError,
    DeliveryError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
)
from connectors.rest.answer import Answer, Call, Failure
from connectors.rest.classify import Sign, classify

READ = Call(method="GET", url="https://x.example/api/thing?a=1", write=False)
WRITE = Call(method="POST", url="https://x.example/api/thing", write=True)

FINAL = {400, 402, 403, 404, 405, 406, 410, 411, 413, 414, 415, 416, 417, 418, 421, 422, 424, 426, 428, 431, 451}
REDIRECTS = {300, 301, 302, 304, 305, 307, 308}
SAME_FOR_BOTH: dict[int, type[DeliveryError]] = {
    **dict.fromkeys(FINAL | REDIRECTS | {501, 505}, Refused),
    **dict.fromkeys({401, 407}, CredentialsError),
    **dict.fromkeys({409, 412}, Conflict),
    **dict.fromkeys({423, 425}, Retryable),
    429: Throttled,
}
IN_DOUBT = {303, 408, 500, 502, 503, 504, 506, 507, 508, 510, 511, 520, 521, 522, 524, 529, 599}


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("status", sorted(SAME_FOR_BOTH))
def test_status_that_settles_it(call: Call, status: int) -> None:
    assert type(classify(call, Answer(status=status))) is SAME_FOR_BOTH[status]


@pytest.mark.parametrize("status", sorted(IN_DOUBT))
def test_status_in_doubt(status: int) -> None:
    assert type(classify(WRITE, Answer(status=status))) is OutcomeUnknown
    error = classify(READ, Answer(status=status))
    assert type(error) is Retryable
    assert error.down is (status >= 500)


@pytest.mark.parametrize("status", range(100, 1000))
def test_no_status_is_taken_for_success_but_2xx(status: int) -> None:
    for call in (READ, WRITE):
        error = classify(call, Answer(status=status, body=b"{}", data={}, is_json=True))
        assert (error is None) == (200 <= status < 300)


@pytest.mark.parametrize("after", [None, "5"])
def test_503_to_a_write_stays_in_doubt_whatever_retry_after_says(after: str | None) -> None:
    """A gateway's 503 may come while the server behind it goes on; passes wrongly if 503 were read as 'not applied'."""
    error = classify(WRITE, Answer(status=503, headers={"retry-after": after} if after else {}))
    assert type(error) is OutcomeUnknown
    assert error.evidence["down"] is True
    assert error.evidence.get("retry_after_s") == (5.0 if after else None)


def test_503_to_a_read_carries_the_wish() -> None:
    error = classify(READ, Answer(status=503, headers={"retry-after": "7"}))
    assert isinstance(error, Retryable)
    assert (error.retry_after_s, error.down) == (7.0, True)


UNANSWERED: list[tuple[Failure, type[DeliveryError], type[DeliveryError]]] = [
    (Failure.NOT_SENT, Retryable, Retryable),
    (Failure.UNSENDABLE, Refused, Refused),
    (Failure.NO_ANSWER, Retryable, OutcomeUnknown),
    (Failure.CUT, Retryable, OutcomeUnknown),
    (Failure.TOO_LARGE, Retryable, OutcomeUnknown),
]


def test_every_failure_has_a_row() -> None:
    assert {failure for failure, _, _ in UNANSWERED} == set(Failure)


@pytest.mark.parametrize(("failure", "read", "write"), UNANSWERED)
def test_no_answer(failure: Failure, read: type[DeliveryError], write: type[DeliveryError]) -> None:
    assert type(classify(READ, None, failure)) is read
    assert type(classify(WRITE, None, failure)) is write


def test_not_sent_counts_for_the_breaker() -> None:
    error = classify(WRITE, None, Failure.NOT_SENT)
    assert isinstance(error, Retryable)
    assert error.down


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Answer(status=200, body=b"<html>", is_json=False), None),
        (Answer(status=200, body=b"", is_json=False), None),
        (Answer(status=200, body=b'{"a":', is_json=False, whole=False), Failure.CUT),
        (Answer(status=201, body=b"[]", data=[], is_json=True), None),
    ],
    ids=["html", "empty", "cut", "wrong shape"],
)
def test_success_without_the_body_that_was_due(answer: Answer, failure: Failure | None) -> None:
    sound = lambda data: "" if isinstance(data, dict) else "not an object"  # noqa: E731
    for call, kind in ((READ, Retryable), (WRITE, OutcomeUnknown)):
        asked = Call(method=call.method, url=call.url, write=call.write, sound=sound)
        assert type(classify(asked, answer, failure)) is kind


def test_empty_success_where_the_vendor_says_so() -> None:
    call = Call(method="PUT", url="https://x.example/", write=True, empty_ok=True)
    assert classify(call, Answer(status=204)) is None
    assert type(classify(call, Answer(status=200, body=b"<html>maintenance"))) is OutcomeUnknown


def test_too_long_an_answer_to_a_read_is_final() -> None:
    answer = Answer(status=200, body=b"x" * 10, whole=False)
    assert type(classify(READ, answer, Failure.TOO_LARGE)) is Refused
    assert type(classify(WRITE, answer, Failure.TOO_LARGE)) is OutcomeUnknown


def test_an_error_status_counts_even_if_its_body_was_cut() -> None:
    assert type(classify(WRITE, Answer(status=403, whole=False), Failure.CUT)) is Refused


def test_tolerated_status_is_for_the_caller() -> None:
    call = Call(method="GET", url="https://x.example/", write=False, tolerate=frozenset({404}))
    assert classify(call, Answer(status=404)) is None
    assert type(classify(call, Answer(status=403))) is Refused


def test_vendor_signs_come_first() -> None:
    call = Call(method="GET", url="https://x.example/", write=False, tolerate=frozenset({404}))
    for sign, read, write in (
        (Sign.NOT_SIGNED_IN, CredentialsError, CredentialsError),
        (Sign.BROKEN_OFF, Retryable, OutcomeUnknown),
    ):
        assert type(classify(call, Answer(status=404), vendor=lambda c, a, s=sign: s)) is read  # type: ignore[misc]
        assert type(classify(WRITE, Answer(status=200), vendor=lambda c, a, s=sign: s)) is write  # type: ignore[misc]


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 GMT"}, 1795255230.0 - 1795255210.0),
        ({"retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"x-ratelimit-reset": "1795255215"}, 5.0),
        ({"x-ratelimit-reset": "2026-11-21T10:00:20Z"}, 10.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
def test_throttled_carries_the_wait(headers: dict[str, str], wait: float | None) -> None:
    error = classify(WRITE, Answer(status=429, headers=headers), now=1795255210.0)
    assert isinstance(error, Throttled)
    assert error.retry_after_s == wait


def test_blamed_fields_and_message_come_from_the_vendor() -> None:
    error = classify(WRITE, Answer(status=400), blame=lambda _: ("summary: too long", {"summary": "too long"}))
    assert isinstance(error, Refused)
    assert error.fields == {"summary": "too long"}
    assert str(error) == "POST /api/thing answered 400: summary: too long"


def test_evidence_holds_no_secret() -> None:
    call = Call(method="GET", url="https://ann:pw1@x.example/a?token=t0ps&q=1", write=False)
    headers = {"set-cookie": "session=t0ps", "x-api-token": "t0ps", "content-type": "text/html"}
    answer = Answer(status=500, headers=headers, body=b"Authorization: Basic c2VjcmV0 " + b"x" * 5000)
    error = classify(call, answer, secrets=("c2VjcmV0",))
    assert error is not None
    shown = f"{error} {error.evidence}"
    assert not any(secret in shown for secret in ("pw1", "t0ps", "c2VjcmV0"))
    assert error.evidence["url"] == "https://x.example/a?token=%2A%2A%2A&q=1"
    assert len(str(error.evidence["body"])) <= 2048
    assert error.evidence["status"] == error.status == 500
