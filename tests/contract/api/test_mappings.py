"""Mapping versions over HTTP: listed, tried, backtested as an operation, and not published without what that takes."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

from tests.contract.api.conftest import NARROW, Place

OF = "/v1/mappings/jira-issue/versions"
RAW = {"fields": {"summary": "Mail", "status": {"name": "To Do"}, "priority": {"name": "High"}, "customfield_1": "x"}}


def send(client: httpx.Client, path: str, body: Any, **headers: str) -> httpx.Response:
    return client.post(path, json=body, headers={"Idempotency-Key": secrets.token_hex(8), **headers})


def test_versions_are_there_with_their_texts(place: Place) -> None:
    with place.client("viewer") as client, place.client(NARROW) as narrow:
        (version,) = client.get(OF).json()
        assert version["places"] == ["incidents/jira"] and version["first_used_by"]
        exact = version["ref"].partition("@")[2].replace(":", ".")
        for name in ("1", exact):
            found = client.get(f"{OF}/{name}")
            assert found.json()["text"].startswith("#") or "mapping: jira-issue" in found.json()["text"]
            assert found.headers["ETag"].startswith('"1')
        unknown = client.get(f"{OF}/9")
        assert unknown.status_code == 404 and version["ref"] in unknown.json()["detail"]
        assert narrow.get(OF).json() == [] and narrow.get(f"{OF}/1").status_code == 404


def test_a_document_is_tried(place: Place) -> None:
    with place.client("viewer") as client:
        tried = send(client, f"{OF}/1:run", {"document": RAW}).json()
        (summary,) = [each for each in tried["fields"] if each["field"] == "summary"]
        assert (summary["path"], summary["value"]) == ("fields.summary", "Mail")
        assert tried["unmapped"] == ["fields.customfield_1"]
        text = client.get(f"{OF}/1").json()["text"].replace("path: fields.summary", "path: fields.customfield_1")
        other = send(client, f"{OF}/1:run", {"document": RAW, "text": text}).json()
        assert [each["value"] for each in other["fields"] if each["field"] == "summary"] == ["x"]
        broken = send(client, f"{OF}/1:run", {"document": RAW, "text": "mapping: 1"})
        assert (broken.status_code, broken.json()["code"]) == (422, "mapping-invalid")
        tests = send(client, f"{OF}/1:test", {"text": text}).json()
        assert not tests["green"] and tests["problems"]
        assert send(client, f"{OF}/1:test", {}).json()["green"]


def test_a_backtest_is_an_operation_that_ends(place: Place) -> None:
    with place.client("admin") as client:
        asked = send(client, f"{OF}/1:backtest", {"since": "2020-01-01T00:00:00Z"})
        assert asked.status_code == 202
        where = asked.headers["Location"]
        place.over(where.rpartition("/")[2])
        found = client.get(where).json()
        assert (found["kind"], found["state"]) == ("backtest", "done")
        report = client.get(found["result"]).json()["report"]
        assert report["done"] == report["same"] + report["without"] > 0, (
            "the version in use differs from itself nowhere"
        )
        assert client.get(f"{found['result']}/changes").json()["items"] == []


def test_nothing_is_published_where_files_manage(place: Place) -> None:
    with place.client("integrator") as client:
        without = send(client, f"{OF}/1:publish", {})
        assert without.status_code == 428
        stale = send(client, f"{OF}/1:publish", {}, **{"If-Match": '"7"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "mapping-moved")
        refused = send(client, f"{OF}/1:publish", {}, **{"If-Match": '"1"'})
        assert (refused.status_code, refused.json()["code"]) == (409, "mapping-not-publishable")
        assert "managed by files" in refused.json()["detail"]
