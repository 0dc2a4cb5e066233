"""One maker of refusals: a document for programs, a page for who asked for one, the same status and headers."""

from __future__ import annotations

import getpass
from collections.abc import Iterator

import httpx
import pytest

from connectors.rest.transport import trusted
from gateway.access.rights import local
from gateway.core.problem_types import PROBLEMS
from gateway.core.problems import BASE
from gateway.work.people import sign_in_link
from tests.contract.api.conftest import Place

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def browser(place: Place) -> Iterator[httpx.Client]:
    """Signed in by a link, as a person's browser is."""
    secret = place.await_(sign_in_link(place.run.gateway.place, local(getpass.getuser())))
    with httpx.Client(
        base_url=place.url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30.0, verify=trusted()
    ) as client:
        assert client.get("/sign-in/link", params={"token": secret}).status_code == 303
        yield client


def refusal(answer: httpx.Response) -> str:
    """The code of a document that is as the list of problems says."""
    said = answer.json()
    kind = PROBLEMS[said["code"]]
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert (said["type"], said["title"], said["status"]) == (f"{BASE}{said['code']}", kind.title, answer.status_code)
    assert answer.status_code == kind.status
    assert said["trace_id"] in said["instance"]
    return str(said["code"])


def page(answer: httpx.Response, *words: str) -> None:
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert all(word in answer.text for word in ("<h1>", 'role="alert"', *words))


def test_a_form_that_is_not_of_a_page_of_ours_is_refused_by_a_page(place: Place, browser: httpx.Client) -> None:
    sent = f"/c/{place.numbers[0]}/act"
    assert refusal(browser.post(sent, data={"action": "claim"})) == "forged-request"
    told = browser.post(sent, data={"action": "claim"}, headers=PAGE)
    assert told.status_code == 403
    page(told, "load the page again", "Nothing was changed", 'href="/"')


def test_a_sign_in_from_elsewhere_is_refused_by_a_page(place: Place) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    with httpx.Client(base_url=place.url, headers=elsewhere, verify=trusted()) as client:
        assert refusal(client.post("/sign-in", json={"name": "x", "password": "y"})) == "forged-request"
        told = client.post("/sign-in", data={"name": "x", "password": "y"}, headers=PAGE)
        assert told.status_code == 403
        page(told, "another site")


def test_nobody_is_told_to_sign_in(place: Place) -> None:
    told = httpx.get(f"{place.url}/session", headers=PAGE)
    assert (told.status_code, "Bearer" in told.headers["WWW-Authenticate"]) == (401, True)
    page(told, 'href="/sign-in"')
    assert refusal(httpx.get(f"{place.url}/session")) == "not-signed-in"


@pytest.mark.parametrize("path", ["/nothing-here", "/c/FO-1/nothing"])
def test_an_address_without_a_page_is_a_page(place: Place, path: str) -> None:
    told = httpx.get(f"{place.url}{path}", headers=PAGE)
    assert told.status_code == 404
    page(told)
    assert told.text.count("nothing at this path") == 1
    assert "Nothing was changed" not in told.text


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/cases", "/hooks/nobody"])
def test_programs_are_told_in_their_form_whatever_they_accept(place: Place, path: str) -> None:
    refusal(httpx.get(f"{place.url}{path}", headers=PAGE))
