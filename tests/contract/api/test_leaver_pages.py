"""Pages about departures, as a browser asks for them: where people begin, and forms and addresses that say nothing."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.api.conftest import Place
from tests.contract.api.test_leavers import told

FORM = {"Content-Type": "multipart/form-data; boundary=zz"}


@pytest.mark.parametrize(
    ("role", "first"),
    [("viewer", "/now"), ("people-watch", "/leavers"), ("provisioner", "/settings"), ("admin", "/now")],
)
def test_everybody_begins_on_a_page_that_they_may_see(place: Place, role: str, first: str) -> None:
    with place.client(role) as client:
        home = client.get("/")
        assert (home.status_code, home.headers["Location"]) == (303, first)
        assert client.get(first).status_code == 200
        nowhere = client.get("/leavers/LV-999999" if role != "viewer" else "/audit")
        assert f'<a class="button" href="{first}">' in nowhere.text and nowhere.status_code in (403, 404)


def decided(client: httpx.Client, label: str) -> tuple[str, int]:
    """Of a departure: not how far the systems are, which are looked at meanwhile."""
    leaver = client.get(f"/v1/leavers/{label}").json()["leaver"]
    return leaver["state"], leaver["version"]


def test_a_form_that_does_not_say_what_it_was_decided_on_decides_nothing(place: Place) -> None:
    with place.client("people-watch") as watch:
        label = told(watch, person="some.one@example.com").json()["leaver"]["label"]
        before = decided(watch, label)
        for version in ("", "x", "\u00b2", "9" * 30, "-1"):
            answer = watch.post(f"/leavers/{label}/act", data={"act": "cancel", "reason": "y", "version": version})
            assert answer.status_code == 400 and "load the page again" in answer.text, version
        broken = watch.post(f"/leavers/{label}/act", content=b"a=1", headers=FORM)
        assert broken.status_code == 400 and "cannot be read" in broken.text
        assert decided(watch, label) == before


def test_there_is_no_proof_but_that_which_is_there(place: Place) -> None:
    with place.client("people-watch") as watch, place.client("auditor") as auditor:
        label = told(watch, person="some.body@example.com").json()["leaver"]["label"]
        for what in ("evidence", "files"):
            for number in (label, "LV-999999", "x"):
                assert watch.get(f"/leavers/{number}/{what}/lf0").status_code == 404
                assert watch.get(f"/v1/leavers/{number}/{what}/lf0").json()["code"] == "leaver-not-found"
            assert auditor.get(f"/leavers/{label}/{what}/lf0").status_code == 403
            assert auditor.get(f"/v1/leavers/{label}/{what}/lf0").status_code == 403


def test_the_trail_leads_to_a_departure_whoever_may_see_it(place: Place) -> None:
    with place.client("people-watch") as watch, place.client("auditor") as auditor, place.client() as admin:
        label = told(watch, person="any.body@example.com").json()["leaver"]["label"]
        link = f'<a href="/leavers/{label}">'
        assert link in admin.get("/audit", params={"what": "leaver_opened"}).text
        shown = auditor.get("/audit", params={"what": "leaver_opened"}).text
        assert label in shown and link not in shown
