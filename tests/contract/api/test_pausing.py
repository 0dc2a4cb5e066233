"""A paused connection is asked nothing and told nothing; whatever happened meanwhile arrives when it goes on."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.access.rights import local
from gateway.work.connections import get_connection
from tests.contract.api.conftest import NARROW, Place, serve
from tests.support.waiting import until


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, place: Place) -> Iterator[Place]:
    """A place that may be stopped."""
    yield from serve(Path(tmp_path_factory.mktemp("pausing")))


def later(**by: float) -> str:
    return (datetime.now(UTC) + timedelta(**by)).isoformat()


def post(place: Place, verb: str, body: dict[str, Any], *, name: str = "snow", role: str = "integrator") -> Any:
    with place.client(role, **{"Idempotency-Key": secrets.token_hex(8)}) as client:
        return client.post(f"/v1/connections/{name}:{verb}", json=body)


async def held(place: Place, *, paused: bool) -> None:
    gate = place.run.gateway.keeper.gates["snow"]
    await until(lambda: gate.paused is paused, what="the worker to know")


async def _waits(place: Place) -> bool:
    found = await get_connection(place.run.gateway.place, local("tests"), "snow")
    return found is not None and found.working > 0


def test_nothing_passes_until_it_goes_on(own: Place) -> None:
    said = post(own, "pause", {"until": later(hours=1), "reason": "their upgrade"}).json()
    assert {each["direction"] for each in said["paused"]} == {"in", "out"}
    assert said["paused"][0]["actor"] == "token integrator"
    own.await_(held(own, paused=True))
    own.await_(own.both.issue("written while paused"))
    own.await_(own.both.incident("typed while paused"))
    own.await_(until(partial(_waits, own), what="the change to wait"))
    with own.client("viewer") as viewer:
        why = viewer.get(f"/v1/records/jira/issue/{own.issue}/why").json()
    assert why["in_step"]
    assert "written while paused" not in own.await_(own.both.texts("snow"))
    assert "typed while paused" not in own.await_(own.both.texts("jira"))
    assert post(own, "resume", {"reason": "done"}).json()["paused"] == []

    async def arrived() -> bool:
        return "written while paused" in await own.both.texts("snow") and (
            "typed while paused" in await own.both.texts("jira")
        )

    own.await_(until(arrived, what="both to arrive"))
    with own.client("auditor") as auditor:
        kinds = [each["kind"] for each in auditor.get("/v1/audit?about=snow&people=true").json()["items"]]
    assert kinds[:2] == ["connection_resumed", "connection_paused"]


def test_a_pause_ends_by_itself(own: Place) -> None:
    assert post(own, "resume", {}).status_code == 200
    assert post(own, "pause", {"direction": "out", "until": later(seconds=2), "reason": "a moment"}).status_code == 200
    own.await_(held(own, paused=True))
    own.await_(held(own, paused=False))
    with own.client("viewer") as viewer:
        assert viewer.get("/v1/connections/snow").json()["paused"] == []


@pytest.mark.parametrize("by", [{"seconds": -1}, {"days": 31}])
def test_it_has_an_end_that_people_live_to_see(own: Place, by: dict[str, float]) -> None:
    said = post(own, "pause", {"until": later(**by), "reason": "x"})
    assert (said.status_code, said.json()["code"]) == (409, "pause-refused")


def test_who_may_not_configure_may_not_pause(own: Place) -> None:
    body = {"until": later(hours=1), "reason": "x"}
    assert post(own, "pause", body, role="operator").status_code == 403
    assert post(own, "pause", body, name="jira", role=NARROW).status_code == 403
    assert post(own, "pause", body, name="no-such").status_code == 404
