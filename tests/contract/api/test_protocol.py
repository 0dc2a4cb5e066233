"""What holds for every route: problems, keys, versions, pages, limits, kinds of content."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.api.conftest import NARROW, SECRETS, Place

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def http(place: Place) -> Iterator[httpx.Client]:
    with place.client() as client:
        yield client


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


def tag(http: httpx.Client, number: str) -> str:
    return http.get(f"/v1/cases/{number}").headers["ETag"]


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    said: dict[str, object] = answer.json()
    assert (answer.status_code, said["code"], said["status"]) == (status, code, status), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert str(said["type"]).endswith(code) and said["title"] and said["detail"] and said["trace_id"]
    return said


def test_a_trace_is_continued_into_problems(http: httpx.Client) -> None:
    answer = http.get("/v1/cases/FO-0", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert problem(answer, 404, "case-not-found")["trace_id"] == TRACE
    other = http.get("/v1/cases/FO-0", headers={"traceparent": "00-nonsense"})
    assert problem(other, 404, "case-not-found")["trace_id"] != TRACE


def test_nobody_and_a_wrong_token_are_told_how(place: Place) -> None:
    with place.client("") as nobody:
        answer = nobody.get("/v1/now")
        problem(answer, 401, "not-signed-in")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        wrong = nobody.get("/v1/now", headers={"Authorization": "Bearer nonsense"})
        assert "token" in str(problem(wrong, 401, "not-signed-in")["detail"])


def test_what_is_lacking_is_named(place: Place) -> None:
    with place.client(NARROW) as client:
        said = problem(client.get("/v1/audit"), 403, "not-allowed")
    assert said["right"] == "audit"
    assert said["scopes"] == {"connections": ["snow"], "types": None}


def test_every_unfit_parameter_is_named(http: httpx.Client) -> None:
    said = problem(http.get("/v1/cases?limit=201&colour=red&sort=size"), 400, "invalid-query")
    assert {error["parameter"] for error in said["errors"]} == {"limit", "colour", "sort"}  # type: ignore[attr-defined]
    problem(http.get("/v1/now?x=1"), 400, "invalid-query")
    problem(http.get("/v1/cases?limit=1&limit=2"), 400, "invalid-query")


def test_every_unfit_member_is_pointed_at(http: httpx.Client, place: Place) -> None:
    headers = {**key(), "If-Match": '"1"'}
    path = f"/v1/cases/{place.numbers[0]}/actions"
    said = problem(http.post(path, json={"said": 7, "colour": 1}, headers=headers), 422, "invalid-body")
    assert {error["pointer"] for error in said["errors"]} == {"/said", "/colour", "/action"}  # type: ignore[attr-defined]
    body = {"action": "park", "said": {"until": ""}}
    said = problem(http.post(path, json=body, headers={**key(), "If-Match": '"1"'}), 422, "invalid-body")
    assert [error["pointer"] for error in said["errors"]] == ["/said/until"]  # type: ignore[attr-defined]
    problem(http.post(path, content=b"{", headers={**headers, "Content-Type": "application/json"}), 400, "unreadable")
    problem(http.post(path, content=b"a=b", headers=headers), 415, "media-type")
    problem(http.get("/v1/now", headers={"Accept": "text/html"}), 406, "not-acceptable")


def test_too_large_a_body(http: httpx.Client, place: Place) -> None:
    body = b'{"action": "' + b"x" * (11 << 20) + b'"}'
    headers = {**key(), "If-Match": '"1"', "Content-Type": "application/json"}
    problem(http.post(f"/v1/cases/{place.numbers[0]}/actions", content=body, headers=headers), 413, "too-large")


def test_options_and_head(http: httpx.Client) -> None:
    answer = http.options("/v1/cases")
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    head = http.head("/v1/me")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Cache-Control"] == "no-store"


def test_quota_is_told(http: httpx.Client) -> None:
    headers = http.get("/v1/me").headers
    assert headers["RateLimit-Policy"] == '"default";q=6000;w=60'
    assert headers["RateLimit"].startswith('"default";r=')


def test_pages_follow_links_and_keep_to_what_there_was(http: httpx.Client, place: Place) -> None:
    first = http.get("/v1/cases?limit=5&connection=jira")
    seen = [case["number"] for case in first.json()["items"]]
    late = place.open_case(f"LATE-{secrets.token_hex(4)}")
    address = first.json()["next"]
    assert f'<{address}>; rel="next"' in first.headers["Link"]
    while address:
        page = http.get(address).json()
        seen += [case["number"] for case in page["items"]]
        address = page["next"]
    assert set(place.numbers) <= set(seen)
    assert len(seen) == len(set(seen))
    assert late not in seen


def test_a_total_is_counted_when_asked_for(http: httpx.Client, place: Place) -> None:
    path = "/v1/cases?cause=field.refused&limit=1"
    assert http.get(path).json()["count"] is None
    for how in ("exact", "estimate"):
        assert http.get(f"{path}&count={how}").json()["count"] == {"value": len(place.numbers), "exact": True}
    problem(http.get(f"{path}&count=roughly"), 400, "invalid-query")


def test_a_cursor_is_good_for_its_own_list_only(http: httpx.Client, place: Place) -> None:
    address = http.get("/v1/cases?limit=1&connection=jira").json()["next"]
    cursor = address.partition("after=")[2]
    assert http.get(f"/v1/cases?limit=2&connection=jira&after={cursor}").status_code == 200
    problem(http.get(f"/v1/cases?limit=1&after={cursor}"), 400, "cursor-refused")
    problem(http.get(f"/v1/cases?connection=jira&after={cursor[:-2]}zz"), 400, "cursor-refused")
    with place.client("operator") as other:
        problem(other.get(f"/v1/cases?connection=jira&limit=1&after={cursor}"), 400, "cursor-refused")


def test_times_are_moments_with_a_zone(http: httpx.Client, place: Place) -> None:
    case = http.get(f"/v1/cases/{place.numbers[0]}").json()["case"]
    assert case["first_seen"].endswith("Z") and case["closed_at"] is None


def test_a_moment_has_a_place_in_the_calendar(place: Place) -> None:
    """One that no calendar has was stored, and then nobody could be shown the list that it stands in."""
    late, early = "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"
    with place.client("admin") as admin:
        for address in ("/v1/audit", "/v1/reports/sla", "/v1/archive"):
            for since in (late, early):
                refused = admin.get(address, params={"since": since})
                assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (400, "since"), refused.text
        wish = {"kind": "all", "reason": "claim 7", "ends": late}
        refused = admin.post("/v1/holds", json=wish, headers={"Idempotency-Key": "held-for-ever"})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/ends"), refused.text
        assert admin.get("/v1/holds").json() == []


def test_numbers_that_are_none_are_no_defect_of_ours(place: Place) -> None:
    with place.client("admin") as admin:
        for entry in ("9" * 30, "\u00b2", "\u0663"):
            assert admin.get(f"/v1/audit/entries/{entry}").status_code == 404, entry
        for etag in ("\u00b2", "x", "9" * 30):
            match = {"If-Match": f'"{etag}"'.encode(), "Idempotency-Key": f"match-{etag.encode().hex()}"}
            answer = admin.post("/v1/leavers/LV-1:recheck", json={}, headers=match)  # type: ignore[arg-type]
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid-header"), answer.text


def test_what_did_not_change_is_not_sent_again(http: httpx.Client, place: Place) -> None:
    path = f"/v1/cases/{place.open_case('SAME-1')}"
    etag = http.get(path).headers["ETag"]
    answer = http.get(path, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_decision_names_what_it_was_made_on(http: httpx.Client, place: Place) -> None:
    name = f"OLD-{secrets.token_hex(4)}"
    number = place.open_case(name)
    path, body = f"/v1/cases/{number}/actions", {"action": "close", "said": {"reason": "seen to"}}
    problem(http.post(path, json=body, headers=key()), 428, "if-match-needed")
    stale = tag(http, number)
    assert place.open_case(name, title="it went over something else, too") == number
    answer = http.post(path, json=body, headers={**key(), "If-Match": stale})
    said = problem(answer, 412, "decision-stale")
    assert said["moved"] and 'rel="current"' in answer.headers["Link"]
    assert http.post(path, json=body, headers={**key(), "If-Match": tag(http, number)}).status_code == 200


def test_a_repeated_decision_is_answered_the_same(http: httpx.Client, place: Place) -> None:
    number = place.open_case(f"TWICE-{secrets.token_hex(4)}")
    path, body = f"/v1/cases/{number}/actions", {"action": "close", "said": {"reason": "seen to"}}
    headers = {**key(), "If-Match": tag(http, number)}
    first = http.post(path, json=body, headers=headers)
    again = http.post(path, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.text == again.text
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    steps = http.get(f"/v1/cases/{number}").json()["history"]
    assert [step["name"] for step in steps].count("decided") == 1
    # With another key it is a repeated decision for the domain: harmless, too.
    third = http.post(path, json=body, headers={**headers, **key()})
    assert (third.status_code, third.json()["repeated"]) == (200, True)


def test_a_key_belongs_to_one_request_and_one_caller(http: httpx.Client, place: Place) -> None:
    number = place.open_case(f"KEY-{secrets.token_hex(4)}")
    path, mine = f"/v1/cases/{number}/actions", key()
    problem(http.post(path, json={"action": "claim"}, headers={"If-Match": '"1"'}), 400, "key-missing")
    headers = {**mine, "If-Match": tag(http, number)}
    assert http.post(path, json={"action": "claim"}, headers=headers).status_code == 200
    problem(http.post(path, json={"action": "release"}, headers=headers), 422, "key-reused")
    quoted = {**headers, "Idempotency-Key": f'"{mine["Idempotency-Key"]}"'}
    assert http.post(path, json={"action": "claim"}, headers=quoted).headers["Idempotency-Replayed"] == "true"
    with place.client("operator") as other:
        assert other.post(path, json={"action": "comment", "said": {"text": "x"}}, headers=headers).status_code == 200


def test_a_refusal_is_kept_like_any_answer(http: httpx.Client, place: Place) -> None:
    number = place.open_case(f"NO-{secrets.token_hex(4)}")
    headers = {**key(), "If-Match": tag(http, number)}
    path, body = f"/v1/cases/{number}/actions", {"action": "resolve", "said": {"choice": "jira"}}
    first = http.post(path, json=body, headers=headers)
    again = http.post(path, json=body, headers=headers)
    problem(first, 409, "action-forbidden")
    assert (again.status_code, again.text) == (409, first.text)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_every_reading_of_the_trail_is_in_it(place: Place) -> None:
    with place.client("auditor") as auditor:
        assert auditor.get("/v1/audit?what=audit_read&limit=1").status_code == 200
        found = auditor.get("/v1/audit?what=audit_read&limit=1").json()["items"]
    assert found[0]["actor"] == "token auditor"
    assert SECRETS["auditor"] not in str(found)


def test_a_reading_that_goes_on_is_one_row(place: Place) -> None:
    def read(address: str) -> Any:
        found = auditor.get(address)
        assert found.status_code == 200, found.text
        return found.json()

    with place.client("auditor") as auditor:
        for _ in range(4):
            page = read("/v1/audit?what=audit_read&limit=1")
        before = read("/v1/audit?what=audit_read&limit=100")["items"]
        for _ in range(3):
            page = read(page["next"])
        after = read("/v1/audit?what=audit_read&limit=100")["items"]
    assert len(after) == len(before) + 1, "this last look, and none of the pages"


def test_figures_are_told_to_who_may_see_everything(place: Place) -> None:
    with place.client("viewer") as viewer, place.client(NARROW) as narrow, place.client("") as nobody:
        text = viewer.get("/metrics").text
        assert narrow.get("/metrics").status_code == 403
        assert nobody.get("/metrics").status_code == 401
    assert "lockstep_build_info{" in text
    assert 'lockstep_cases_open{cause="field.refused"}' in text
    assert 'lockstep_operations_total{action="create",connection="snow",outcome="applied"} 1.0' in text
    assert 'lockstep_attempt_duration_seconds_count{connection="snow"} ' in text
    assert 'lockstep_changes_received_total{connection="jira",direction="in"}' in text


def test_machines_and_people_are_told_of_health(place: Place) -> None:
    with place.client("") as nobody:
        assert nobody.get("/livez").json() == {"status": "live"}
        assert nobody.get("/readyz").json()["status"] == "ready"
        assert nobody.get("/readyz?verbose").text.splitlines() == [
            "[+] stream ok",
            "[+] intake ok",
            "[+] database ok",
            "ready",
        ]
        assert nobody.get("/version").json()["version"]


def test_the_mappings_in_use_are_named_with_their_versions(http: httpx.Client) -> None:
    found = {each["connection"]: each for each in http.get("/v1/mappings").json()}
    assert (found["jira"]["name"], found["jira"]["object"]) == ("jira-issue", "issue")
    assert "priority" in found["snow"]["fields"] and len(found["snow"]["digest"]) == 64
