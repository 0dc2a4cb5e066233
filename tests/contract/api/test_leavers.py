"""Departures over the API: told once under a key, decided on the version that was seen, named only to who may."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.contract.api.conftest import Place

WHO = "nobody.here@example.com"


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


def told(client: httpx.Client, **more: Any) -> httpx.Response:
    said = {"person": WHO, "last_day": "2033-01-31", "zone": "Europe/Berlin", "reason": "resigned", **more}
    return client.post("/v1/leavers", json=said, headers=key())


def test_the_way_of_one(place: Place) -> None:
    with place.client("people-watch") as watch, place.client("viewer") as viewer:
        before = viewer.get("/v1/leaver-tally").json()["open"]
        made = told(watch)
        assert made.status_code == 200, made.text
        number = made.json()["leaver"]["label"]
        assert made.json()["became"] == "opened" and told(watch).json()["became"] == "known"
        shown = watch.get(f"/v1/leavers/{number}")
        assert shown.json()["leaver"]["name"] == WHO and shown.json()["leaver"]["ends_at"] == "2033-01-31T23:00:00.000Z"
        assert {each["name"] for each in viewer.get("/v1/leavers").json()["items"]} == {""}
        assert viewer.get(f"/v1/leavers/{number}").json()["person"] == {}
        assert viewer.get("/v1/leaver-tally").json()["open"] == before + 1

        until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
        hold = {"until": until, "reason": "the works council asks"}
        etag = shown.headers["ETag"]
        held = watch.post(f"/v1/leavers/{number}:hold", json=hold, headers={**key(), "If-Match": etag})
        assert held.status_code == 200 and held.json()["state"] == "held", held.text
        stale = watch.post(f"/v1/leavers/{number}:hold", json=hold, headers={**key(), "If-Match": etag})
        assert (stale.status_code, stale.json()["code"]) == (412, "leaver-moved")
        match = {"If-Match": held.headers["ETag"]}
        gone = watch.post(f"/v1/leavers/{number}:cancel", json={"reason": "stays"}, headers={**key(), **match})
        assert gone.status_code == 200 and gone.json()["state"] == "cancelled"
        assert number not in {each["label"] for each in viewer.get("/v1/leavers").json()["items"]}
        over = viewer.get("/v1/leavers", params={"over": True}).json()["items"]
        assert number in {each["label"] for each in over}


def test_it_says_where_it_was_told(place: Place) -> None:
    with place.client("people-watch") as program, place.client("people-watch") as command:
        command.headers["User-Agent"] = "lockstep-cli/0"
        for each, door in ((program, "api"), (command, "cli")):
            number = told(each, person=f"{door}@example.com").json()["leaver"]["label"]
            assert each.get(f"/v1/leavers/{number}").json()["leaver"]["source"] == door


def test_what_cannot_be_is_told_as_a_problem(place: Place) -> None:
    with place.client("people-watch") as watch:
        for said, status, code in (
            ({"last_day": "soon"}, 422, "leaver-unfit"),
            ({"zone": "Nowhere/City"}, 422, "leaver-unfit"),
            ({"person": ""}, 422, "leaver-unfit"),
            ({"event": "holiday"}, 422, "invalid-body"),
        ):
            answer = told(watch, **said)
            assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert watch.get("/v1/leavers/LV-999").json()["code"] == "leaver-not-found"


def test_a_repeat_with_its_key_is_the_first_answer(place: Place) -> None:
    with place.client("people-watch") as watch:
        said = {"rows": [{"person": "x.y@example.com", "last_day": "2033-01-31"}], "reason": "a list"}
        headers = key()
        first = watch.post("/v1/leavers:import", json=said, headers=headers)
        again = watch.post("/v1/leavers:import", json=said, headers=headers)
        assert first.json() == again.json() and first.json()[0]["became"] == "opened"
        fresh = watch.post("/v1/leavers:import", json=said, headers=key())
        assert fresh.json()[0]["became"] == "known"
