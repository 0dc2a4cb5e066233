"""A flow in shadow against real stand-ins: what it would do is told, nothing is done, and going live does it once.

The stand-ins keep a log of who wrote what: what it says of the gateway is the proof, not our own tables.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway.access.rights import local
from gateway.sync import tables as t
from gateway.work.connections import get_connection
from gateway.work.flow_preview import preview_flow
from tests.contract.api.conftest import NARROW, Place, serve
from tests.support.waiting import until

ME = local("tests")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, place: Place) -> Iterator[Place]:
    """A place whose flow may be moved."""
    yield from serve(Path(tmp_path_factory.mktemp("stages")))


def post(place: Place, path: str, body: dict[str, Any], *, role: str = "integrator", etag: str = "") -> Any:
    headers = {"Idempotency-Key": secrets.token_hex(8)} | ({"If-Match": etag} if etag else {})
    with place.client(role, **headers) as client:
        return client.post(path, json=body)


def etag(place: Place) -> str:
    with place.client("viewer") as client:
        return str(client.get("/v1/flows/incidents").headers["ETag"])


def move(place: Place, stage: str, **more: Any) -> Any:
    return post(place, "/v1/flows/incidents:move", {"stage": stage, "reason": "a try"}, etag=etag(place), **more)


def preview(place: Place, role: str = "operator") -> Any:
    with place.client(role) as client:
        return client.get("/v1/flows/incidents/preview").json()


async def _attempts(place: Place) -> int:
    async with place.run.gateway.database.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(t.attempt))).scalar_one())


async def _waiting(place: Place, objects: int) -> bool:
    found = await preview_flow(place.run.gateway.place, ME, "incidents")
    return found is not None and found.waiting == objects


async def _shown(place: Place, text: str, connection: str) -> bool:
    return text in await place.both.texts(connection)


def test_shadow_tells_what_live_then_does_once(own: Place) -> None:
    assert move(own, "shadow").json()["stage"] == "shadow"
    began, written = own.await_(_attempts(own)), len(own.await_(own.both.log("snow")))
    own.await_(own.both.issue("seen in the shadow"))
    own.await_(own.both.issues.summary("ann", own.issue, "edited in the shadow"))
    own.await_(until(partial(_waiting, own, 2), what="both to be planned"))
    said = preview(own)
    assert {(each["connection"], each["action"], each["objects"]) for each in said["counts"]} == {
        ("snow", "create", 1),
        ("snow", "update", 1),
    }
    update = next(each for each in said["samples"] if each["action"] == "update")
    (field,) = update["fields"]
    assert (field["got"], field["wanted"]) == ("the printer is on fire", "edited in the shadow")
    assert own.await_(_attempts(own)) == began, "no attempt was begun"
    assert len(own.await_(own.both.log("snow"))) == written, "and nothing came there"
    with own.client("viewer") as viewer:
        why = viewer.get(f"/v1/records/jira/issue/{own.issue}/why").json()
        assert (why["code"], why["in_step"]) == ("flow_shadow", False)
        lag = viewer.get("/v1/connections/snow").json()
        assert (lag["working"], lag["oldest_s"]) == (0, 0), "what nobody means to write yet is no backlog"

    assert move(own, "live").json()["next"] == ["shadow", "disabled"]
    own.await_(until(partial(_shown, own, "seen in the shadow", "snow"), what="the create"))
    own.await_(until(partial(_shown, own, "edited in the shadow", "snow"), what="the update"))
    own.await_(until(partial(_waiting, own, 0), what="nothing to be left"))
    there = [each["raw"]["short_description"] for each in own.await_(own.both.objects("snow"))]
    assert there.count("seen in the shadow") == 1
    with own.client("auditor") as auditor:
        trail = auditor.get("/v1/audit?what=flow_moved&people=true").json()["items"]
    assert len(trail) == 2
    with own.client("viewer") as viewer:
        moves = viewer.get("/v1/flows/incidents/moves").json()
    assert [(each["stage"], each["actor"]) for each in moves[:2]] == [
        ("live", "token integrator"),
        ("shadow", "token integrator"),
    ]


def test_a_move_names_what_it_was_decided_on(own: Place) -> None:
    seen = etag(own)
    assert post(own, "/v1/flows/incidents:move", {"stage": "shadow"}, etag=seen).status_code == 200
    late = post(own, "/v1/flows/incidents:move", {"stage": "disabled"}, etag=seen)
    assert (late.status_code, late.json()["code"]) == (412, "flow-moved")
    again = post(own, "/v1/flows/incidents:move", {"stage": "shadow"}, etag=seen)
    assert again.status_code == 200, "said twice it is the same"
    assert post(own, "/v1/flows/incidents:move", {"stage": "live"}).status_code == 428
    assert move(own, "live").status_code == 200
    assert move(own, "draft").status_code == 422
    assert move(own, "live", role="operator").status_code == 403


def test_personal_values_are_masked_in_samples(own: Place) -> None:
    assert move(own, "shadow").status_code == 200
    try:
        own.await_(own.both.issues.assign("ann", own.issue, "bob"))
        own.await_(until(partial(_waiting, own, 1), what="it to be planned"))
        clear, hidden = ({f["field"]: f["wanted"] for f in preview(own, r)["samples"][0]["fields"]} for r in _LOOKERS)
        assert hidden["assignee"] == "***" != clear["assignee"]
    finally:
        assert move(own, "live").status_code == 200


_LOOKERS = ("operator", "viewer")


def test_whose_scope_is_narrower_sees_less_and_moves_nothing(own: Place) -> None:
    with own.client(NARROW) as narrow:
        (flow,) = narrow.get("/v1/flows").json()
        assert [each["connection"] for each in flow["members"]] == ["snow"]
        assert narrow.get("/v1/flows/no-such").status_code == 404
        assert narrow.get("/v1/flows/no-such/moves").status_code == 404
        assert narrow.get("/v1/flows/no-such/preview").status_code == 404
    assert post(own, "/v1/flows/no-such:move", {"stage": "shadow"}, etag='"0"').status_code == 404


def test_a_disabled_connection_is_asked_nothing_and_loses_nothing(own: Place) -> None:
    said = post(own, "/v1/connections/snow:disable", {"reason": "their migration"}).json()
    assert (said["disabled"]["actor"], said["disabled"]["reason"]) == ("token integrator", "their migration")
    gate = own.run.gateway.keeper.gates["snow"]

    async def is_held(held: bool) -> None:
        await until(lambda: gate.paused is held, what="the worker to know")

    own.await_(is_held(True))
    assert "disabled it" in own.run.gateway.pauses.polling("snow")
    assert own.run.gateway.pauses.taking_in("snow") == "", "what its webhooks tell is kept"
    assert post(own, "/v1/connections/snow:resume", {}).json()["disabled"], "a resume ends pauses, not this"
    own.await_(own.both.issue("typed while disabled"))

    async def waits() -> bool:
        found = await get_connection(own.run.gateway.place, ME, "snow")
        return found is not None and found.working > 0

    own.await_(until(waits, what="the change to wait"))
    assert not own.await_(_shown(own, "typed while disabled", "snow"))
    assert post(own, "/v1/connections/snow:enable", {"reason": "done"}).json()["disabled"] is None
    own.await_(until(partial(_shown, own, "typed while disabled", "snow"), what="it to arrive"))
    with own.client("auditor") as auditor:
        kinds = [each["kind"] for each in auditor.get("/v1/audit?about=snow&people=true").json()["items"]]
    assert kinds[:2] == ["connection_enabled", "connection_disabled"]


@pytest.mark.parametrize("verb", ["disable", "enable"])
def test_who_may_not_configure_may_not_switch(own: Place, verb: str) -> None:
    path, body = f"/v1/connections/{{}}:{verb}", {"reason": "x"}
    assert post(own, path.format("snow"), body, role="operator").status_code == 403
    assert post(own, path.format("no-such"), body).status_code == 404
    assert post(own, path.format("snow"), {}).status_code == 422
