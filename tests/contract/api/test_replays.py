"""A refused write, replayed through the API: pinned, planned, agreed to by somebody else, run once whatever is sent."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from dead_letter import store
from dead_letter.values import CaseFilter
from gateway.access.rights import local
from gateway.work.operations import get_operation
from tests.contract.api.conftest import NARROW, Place, serve
from tests.support.waiting import until

TEXT = "the printer is in the pond"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, place: Place) -> Iterator[Place]:
    """A place where every plan, and giving a case up, needs a second person."""
    yield from serve(tmp_path_factory.mktemp("replays"), "replay: {approve_above: 0}\ncases: {four_eyes: [discard]}\n")


def post(place: Place, role: str, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    with place.client(role, **{"Idempotency-Key": secrets.token_hex(8)}, **headers) as client:
        return client.post(path, json=body)


def get(place: Place, path: str, role: str = "viewer") -> dict[str, Any]:
    with place.client(role) as client:
        return dict(client.get(path).json())


async def refused(place: Place) -> str:
    """An edit that Jira refuses; the number of its case."""
    await place.both.arm("jira", "status", status=403, match={"write": True})
    shown = (await place.both.objects("snow"))[0]
    await place.both.incidents.summary("ann", shown["id"], TEXT)

    async def opened() -> str:
        async with place.run.gateway.database.read() as tx:
            page = await store.list_cases(tx, CaseFilter(cause="target.refused"))
        return page.cases[0].number if page.cases else ""

    number = str(await until(opened, what="the case"))
    await place.both.heal("jira")
    return number


async def over(place: Place, run: str) -> bool:
    found = await get_operation(place.run.gateway.place, local("tests"), run)
    return found is not None and found.over


def test_the_whole_way(own: Place) -> None:
    number = own.await_(refused(own))
    selection = post(own, "admin", "/v1/selections", {"numbers": [number]}).json()
    assert selection["count"] == 1
    made = post(own, "admin", "/v1/replay-plans", {"selection": selection["selection"]})
    assert made.status_code == 201
    plan = made.json()
    path = f"/v1/replay-plans/{plan['plan']}"
    assert made.headers["Location"] == path
    assert (plan["totals"]["update"], sum(plan["totals"].values()), plan["sends"]) == (1, 1, 1)
    assert get(own, f"{path}/items")["items"][0]["subject"] == number
    with own.client(NARROW) as narrow:
        assert narrow.get(path).status_code == 404

    run = {"plan": plan["plan"], "digest": plan["digest"]}
    early = post(own, "admin", "/v1/replay-runs", run)
    assert (early.status_code, early.json()["code"]) == (403, "plan-needs-approval")
    yes = {"digest": plan["digest"], "reason": "looked at it"}
    mine = post(own, "admin", f"{path}/approvals", yes)
    assert (mine.status_code, mine.json()["code"]) == (403, "plan-self-approval")
    other = post(own, "approver", f"{path}/approvals", {"digest": "sha-256:" + "0" * 64})
    assert (other.status_code, other.json()["code"]) == (409, "plan-digest")
    agreed = post(own, "approver", f"{path}/approvals", yes)
    assert (agreed.status_code, agreed.json()["approval"]["by"]) == (200, "token approver")

    started = post(own, "admin", "/v1/replay-runs", run)
    assert (started.status_code, started.headers["Retry-After"]) == (202, "2")
    operation = started.headers["Location"]
    own.await_(until(partial(over, own, started.json()["run"]), what="the run to end"))
    ended = get(own, operation)
    assert (ended["total"], ended["outcome_counts"], ended["progress"]) == (1, {"applied": 1}, 1.0)
    assert TEXT in own.await_(own.both.texts("jira"))
    assert get(own, f"/v1/cases/{number}")["case"]["state"] == "closed"
    writes = len(own.await_(own.both.log("jira")))

    # The run there is, is the answer; and a plan of what was replayed has nothing to send.
    again = post(own, "admin", "/v1/replay-runs", run)
    assert (again.status_code, again.json()["run"]) == (202, started.json()["run"])
    anew = post(own, "admin", "/v1/replay-plans", {"again": plan["plan"]}).json()
    assert (anew["sends"], anew["totals"]["gone"]) == (0, 1)
    nothing = post(own, "admin", "/v1/replay-runs", {"plan": anew["plan"], "digest": anew["digest"]})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "plan-nothing-to-run")
    late = post(own, "admin", f"{started.headers['Location'].replace('operations', 'replay-runs')}:pause", {})
    assert (late.status_code, late.json()["code"]) == (409, "run-pause")
    assert get(own, f"{path}/diff") | {"same": 0} == {
        "plan": plan["plan"],
        "again": "",
        "same": 0,
        "added": [],
        "dropped": [],
        "changed": [],
    }
    assert len(own.await_(own.both.log("jira"))) == writes


def test_a_dangerous_decision_waits_for_somebody_else(own: Place) -> None:
    person = {"name": "eve", "roles": ["approver"]}
    assert post(own, "admin", "/v1/people", person).status_code == 201
    number = own.numbers[0]
    with own.client("admin") as admin:
        etag = admin.get(f"/v1/cases/{number}").headers["ETag"]
    body = {"action": "discard", "said": {"reason": "not needed"}}
    asked = post(own, "admin", f"/v1/cases/{number}/actions", body, **{"If-Match": etag}).json()
    assert asked["approval"]
    path = f"/v1/cases/approvals/{asked['approval']}"
    mine = post(own, "admin", f"{path}:approve", {})
    assert mine.status_code == 409, mine.text
    assert get(own, f"/v1/cases/{number}")["case"]["state"] != "closed"
    assert post(own, "operator", f"{path}:approve", {}).status_code == 403
    done = post(own, "approver", f"{path}:approve", {"note": "fine"})
    assert (done.status_code, done.json()["state"]) == (200, "closed")
    twice = post(own, "approver", f"{path}:approve", {"note": "fine"})
    assert twice.status_code in (200, 409), twice.text
    steps = [step["name"] for step in get(own, f"/v1/cases/{number}")["history"]]
    assert steps.count("closed") + steps.count("decided") == 1
