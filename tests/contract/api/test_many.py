"""Several cases at once: decided one by one, split and merged, taken away whole; safe to repeat, within the scope."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connectors.contract.errors import StorageError
from gateway.work import cases
from tests.contract.api.conftest import NARROW, Place

PAIR = 2


@pytest.fixture
def http(place: Place) -> Iterator[httpx.Client]:
    with place.client("operator") as client:
        yield client


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


def opened(place: Place, count: int = PAIR) -> list[str]:
    return [place.open_case(f"MANY-{n}-{secrets.token_hex(4)}") for n in range(count)]


def looked_at(http: httpx.Client, number: str) -> dict[str, Any]:
    return {"number": number, "version": http.get(f"/v1/cases/{number}").json()["case"]["version"]}


def kinds(place: Place, about: str) -> list[str]:
    with place.client("auditor") as auditor:
        return [each["kind"] for each in auditor.get(f"/v1/audit?about={about}&people=true").json()["items"]]


def test_each_is_decided_by_itself_and_once(http: httpx.Client, place: Place) -> None:
    good, moved = opened(place)
    chosen = [looked_at(http, good), {"number": moved, "version": 99}, {"number": "FO-999999", "version": 1}]
    body = {"cases": chosen, "action": "close", "said": {"reason": "their upgrade"}}
    headers = key()
    first = http.post("/v1/cases:act", json=body, headers=headers)
    assert first.status_code == 200
    assert [each["code"] for each in first.json()] == ["", "decision-stale", "case-not-found"]
    assert first.json()[0]["done"]["state"] == "closed" and first.json()[1]["done"] is None
    again = http.post("/v1/cases:act", json=body, headers=headers)
    assert (again.text, again.headers["Idempotency-Replayed"]) == (first.text, "true")
    third = http.post("/v1/cases:act", json=body, headers=key()).json()
    assert third[0]["done"]["repeated"] is True
    assert kinds(place, good).count("case_decided") == 1


def test_nothing_is_done_where_the_body_is_unfit(http: httpx.Client, place: Place) -> None:
    number = opened(place, 1)[0]
    good = {"cases": [looked_at(http, number)], "action": "comment", "said": {"text": "seen"}}
    for wrong, pointer in (
        ({"said": {"words": "seen"}}, "/said"),
        ({"cases": [{"number": number}]}, "/cases/0"),
        ({"cases": []}, "/cases"),
        ({"action": "explode"}, "/action"),
    ):
        told = http.post("/v1/cases:act", json={**good, **wrong}, headers=key())
        assert (told.status_code, told.json()["code"]) == (422, "invalid-body"), told.text
        assert told.json()["errors"][0]["pointer"].startswith(pointer)
    assert http.post("/v1/cases:act", json=good).json()["code"] == "key-missing"
    assert kinds(place, number) == []


def test_a_database_that_does_not_answer_is_no_answer_to_keep(
    http: httpx.Client, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = opened(place, 1)[0]
    body = {"cases": [looked_at(http, number)], "action": "claim"}
    headers = key()

    async def away(*_: Any, **__: Any) -> Any:
        raise StorageError("the database does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(cases, "act", away)
        told = http.post("/v1/cases:act", json=body, headers=headers)
        assert (told.status_code, told.json()["code"]) == (503, "database-away")
    again = http.post("/v1/cases:act", json=body, headers=headers)
    assert (again.status_code, again.json()[0]["code"]) == (200, "")


def test_groups_are_split_and_merged(http: httpx.Client, place: Place) -> None:
    stays, *numbers = opened(place, PAIR + 1)
    before = http.get(f"/v1/cases/{stays}").json()["case"]["group"]
    wish, headers = {"numbers": numbers, "title": "the night of the move", "reason": "their move"}, key()
    made = http.post("/v1/cases/groups:split", json=wish, headers=headers)
    assert made.status_code == 200
    group = made.json()["group"]
    assert http.post("/v1/cases/groups:split", json=wish, headers=headers).json()["group"] == group
    members = http.get(f"/v1/cases/{numbers[0]}/members").json()["items"]
    assert {each["number"] for each in members} == set(numbers)
    assert "the night of the move" in [each["title"] for each in http.get("/v1/cases/groups?limit=200").json()]
    merged = http.post(
        "/v1/cases/groups:merge", json={"groups": [group], "into": before, "reason": "the same"}, headers=key()
    )
    assert merged.json() == {"group": before, "moved": PAIR, "note": ""}
    assert {http.get(f"/v1/cases/{number}").json()["case"]["group"] for number in numbers} == {before}
    assert "case_split" in kinds(place, numbers[0])


def test_what_cannot_be_grouped_so_is_refused(http: httpx.Client, place: Place) -> None:
    number = opened(place, 1)[0]
    group = http.get(f"/v1/cases/{number}").json()["case"]["group"]
    split = {"numbers": [number, "FO-999999"], "title": "x", "reason": "x"}
    merge = {"groups": [group], "into": group, "reason": "x"}
    for path, body, code in (
        ("split", split, (404, "case-not-found")),
        ("split", {**split, "numbers": ["none"]}, (422, "invalid-body")),
        ("merge", merge, (409, "group-refused")),
        ("merge", {**merge, "into": "no-such"}, (404, "case-not-found")),
    ):
        told = http.post(f"/v1/cases/groups:{path}", json=body, headers=key())
        assert (told.status_code, told.json()["code"]) == code


def test_what_is_out_of_scope_is_not_there_for_many_either(place: Place) -> None:
    number = opened(place, 1)[0]
    with place.client("operator") as http, place.client(NARROW) as narrow:
        group = http.get(f"/v1/cases/{number}").json()["case"]["group"]
        body = {"cases": [looked_at(http, number)], "action": "claim"}
        assert narrow.post("/v1/cases:act", json=body, headers=key()).json()[0]["code"] == "case-not-found"
        split = {"numbers": [number], "title": "x", "reason": "x"}
        assert narrow.post("/v1/cases/groups:split", json=split, headers=key()).status_code == 404
        merge = {"groups": [group], "into": "other", "reason": "x"}
        assert narrow.post("/v1/cases/groups:merge", json=merge, headers=key()).status_code == 404
        assert number not in narrow.get("/v1/cases:export").text
        assert number in http.get("/v1/cases:export").text


def test_an_export_is_whole_and_audited(place: Place, http: httpx.Client) -> None:
    answer = http.get("/v1/cases:export?connection=jira&state=open&state=closed")
    assert answer.headers["Content-Type"] == "application/jsonl"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    found = [json.loads(line) for line in answer.text.splitlines()]
    numbers = [each["number"] for each in found]
    assert set(place.numbers) <= set(numbers) and len(numbers) == len(set(numbers))
    assert all(each["connection"] == "jira" and each["evidence"] and each["first_seen"].endswith("Z") for each in found)
    with place.client("auditor") as auditor:
        last = auditor.get("/v1/audit?what=case_export").json()["items"][0]
    assert (last["actor"], last["detail"]["filter"]["connection"]) == ("token operator", "jira")
    assert http.get("/v1/cases:export?connection=no-such").text == ""
    assert http.get("/v1/cases:export?limit=5").json()["code"] == "invalid-query"


def test_cases_are_narrowed_by_when_they_came_and_by_what_waits(place: Place, http: httpx.Client) -> None:
    number = opened(place, 1)[0]
    at = http.get(f"/v1/cases/{number}").json()["case"]["first_seen"]

    def found(**narrowed: str) -> set[str]:
        exported = http.get("/v1/cases:export", params=narrowed).text.splitlines()
        items = http.get("/v1/cases", params={**narrowed, "limit": "200"}).json()["items"]
        assert {each["number"] for each in items} == {json.loads(line)["number"] for line in exported}
        return {each["number"] for each in items}

    assert number in found(opened_since=at, pending="false")
    assert number not in found(opened_before=at)
    assert number not in found(due_before=at)
    assert number not in found(pending="true")
    assert set(place.numbers) <= found(opened_before=at)
    assert http.get("/v1/cases?opened_since=yesterday").json()["code"] == "invalid-query"


def test_an_export_that_breaks_off_is_not_taken_for_the_whole(
    place: Place, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cases.export_cases

    def torn(after: int) -> Any:
        async def some(*given: Any) -> Any:
            left = after
            async for case in whole(*given):
                if not left:
                    raise StorageError("the database does not answer")
                left -= 1
                yield case

        return some

    monkeypatch.setattr(cases, "export_cases", torn(1))
    with pytest.raises(httpx.RemoteProtocolError):
        http.get("/v1/cases:export")
    monkeypatch.setattr(cases, "export_cases", torn(0))
    assert http.get("/v1/cases:export").json()["code"] == "database-away"


def test_what_a_request_did_names_its_trace(place: Place) -> None:
    (number,) = opened(place, 1)
    trace = secrets.token_hex(16)
    with place.client("operator", traceparent=f"00-{trace}-{secrets.token_hex(8)}-01", **key()) as http:
        body = {"action": "claim"}
        assert http.post(f"/v1/cases/{number}/actions", json=body, headers={"If-Match": '"1"'}).status_code == 200
    with place.client("auditor") as auditor:
        (row,) = auditor.get(f"/v1/audit?about={number}&people=true").json()["items"]
    assert row["detail"]["trace"] == trace


def test_a_key_is_one_callers_own(place: Place) -> None:
    """Two people whose programs make the same keys: neither is answered with what the other was told."""
    number = opened(place, 1)[0]
    headers = key()
    with place.client("operator") as one, place.client("admin") as other:
        body = {"cases": [looked_at(one, number)], "action": "claim", "said": {}}
        first = one.post("/v1/cases:act", json=body, headers=headers)
        second = other.post("/v1/cases:act", json=body, headers=headers)
    assert first.json()[0]["done"]["state"] == "taken"
    assert "Idempotency-Replayed" not in second.headers
    assert second.json()[0]["done"] is None and "token operator has it" in second.json()[0]["error"]
