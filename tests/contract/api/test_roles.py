"""Every route against every role, from the table of routes alone: a route that is added is in here at once."""

from __future__ import annotations

import secrets

import pytest

from gateway.access.rights import Role, rights_of
from gateway.api.declare import Key, Route
from gateway.api.table import ROUTES
from gateway.app.http import application
from tests.contract.api.conftest import NARROW, Place

OPEN = {"/livez", "/readyz", "/version", "/openapi.json", "/metrics", "/problems/{code}"}
NAMES = (
    *("number", "key", "id", "attachment", "person", "type", "name", "channel", "mapping", "version", "flood"),
    *("hold", "seq", "entry", "sink"),
)
NOBODY = dict.fromkeys(NAMES, "nothing-of-that-name")
OURS = {"system": "jira"}


def address(route: Route) -> str:
    return route.path.format_map(NOBODY | OURS | {"number": "FO-999999"})


def ask(place: Place, route: Route, role: str) -> int:
    """With headers that are fit and a body that is empty: the right is looked at before what was said."""
    headers = {"Idempotency-Key": secrets.token_hex(8), "If-Match": '"1"'}
    with place.client(role, **headers) as client:
        body: dict[str, str] | None = None if route.body is None else {}
        with client.stream(route.method, address(route), json=body) as answer:
            return answer.status_code


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_the_right_decides(place: Place, route: Route) -> None:
    for role in Role:
        status = ask(place, route, role)
        if route.right is None:
            # What more it asks for than being signed in, its verb says.
            assert status != 401, role
        elif route.right in rights_of([role]):
            assert status not in (401, 403), role
        else:
            assert status == 403, role
    assert ask(place, route, "") == 401


def test_every_right_is_asked_for_by_some_route() -> None:
    # Would the table ask for nothing, everything above would pass.
    assert len({route.right for route in ROUTES}) >= 6


def test_no_route_of_the_api_is_outside_the_table(place: Place) -> None:
    app = application(place.run.gateway, place.run.consumer)
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method != "HEAD" and route.resource is not None
    }
    of_the_api = {(method, path) for method, path in served if path.startswith("/v1")}
    assert of_the_api == {(route.method, route.path) for route in ROUTES}
    assert {path for _, path in served} >= OPEN


def test_every_post_needs_a_key_but_those_that_say_why() -> None:
    without = {route.name for route in ROUTES if route.method == "POST" and route.key is Key.NONE}
    # The answer holds a secret that is kept nowhere: whoever lost it revokes the token and makes another. The digest of
    # a body that holds a password would tell it to whoever reads the row and can guess; said again, it is the same.
    # To validate a file, or to plan files, changes nothing.
    assert without == {"makeToken", "rotateCredential", "validateConnector", "planConfiguration"}
    assert all(route.match for route in ROUTES if route.method in ("PUT", "PATCH"))


@pytest.mark.parametrize("path", ["/v1/connections/jira", "/v1/records/jira/issue/{issue}", "/v1/cases/{number}"])
def test_what_is_out_of_scope_is_not_there(place: Place, path: str) -> None:
    named = path.format(issue=place.issue, number=place.numbers[0])
    with place.client("operator") as everywhere, place.client(NARROW) as narrow:
        assert everywhere.get(named).status_code == 200
        answer, nothing = narrow.get(named), narrow.get("/v1/connections/no-such")
        assert (answer.status_code, nothing.status_code) == (404, 404)
        assert "jira" not in narrow.get("/v1/connections").text
        assert narrow.get("/v1/cases?connection=jira").json()["items"] == []
        assert list(narrow.get("/v1/now").json()["gates"]) == ["snow"]
