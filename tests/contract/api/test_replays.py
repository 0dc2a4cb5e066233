"""A refused write, replayed through the API: pinned, planned, agreed to by somebody else, run once whatever is sent."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dead_letter import store
from dead_letter.values import CaseFilter
from tests.contract.api.conftest import NARROW, Place, serve
from tests.contract.api.test_stream import follow
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


def planned(place: Place, body: dict[str, Any]) -> dict[str, Any]:
    """Asked for, followed by its operation, and read."""
    asked = post(place, "admin", "/v1/replay-plans", body)
    assert asked.status_code == 202, asked.text
    assert asked.headers["Location"] == f"/v1/operations/{asked.json()['id']}" and "Retry-After" in asked.headers
    ended = place.over(asked.json()["id"])
    assert (ended["kind"], ended["state"], ended["progress"]) == ("plan", "ready", 1.0), ended
    assert sum(ended["outcome_counts"].values()) == ended["total"]
    return get(place, ended["result"])


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


def test_the_whole_way(own: Place) -> None:
    number = own.await_(refused(own))
    selection = post(own, "admin", "/v1/selections", {"numbers": [number]}).json()
    assert selection["count"] == 1
    plan = planned(own, {"selection": selection["selection"]})
    path = f"/v1/replay-plans/{plan['plan']}"
    assert plan["told"]["systems"][0]["who"].startswith("whom its notification scheme names")
    assert [each["connection"] for each in plan["live"]] == ["jira"]
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
    own.over(started.json()["run"])
    ended = get(own, operation)
    assert (ended["total"], ended["outcome_counts"], ended["progress"]) == (1, {"applied": 1}, 1.0)
    log = [line["kind"] for line in get(own, f"/v1/replay-runs/{started.json()['run']}")["log"]]
    assert log == ["done", "percent", "started"]
    assert TEXT in own.await_(own.both.texts("jira"))
    assert get(own, f"/v1/cases/{number}")["case"]["state"] == "closed"
    writes = len(own.await_(own.both.log("jira")))
    with own.client("viewer") as client:
        figures = client.get("/metrics").text
    for line in (
        'lockstep_replay_items_total{outcome="applied"} 1.0',
        'lockstep_replay_items_total{outcome="failed"} 0.0',
        'lockstep_replay_runs_total{state="done"} 1.0',
        'lockstep_replay_runs_open{state="running"} 0.0',
        'lockstep_replay_items_open{state="waiting"} 0.0',
        "lockstep_replay_plans_making 0.0",
        "lockstep_replay_oldest_run_age_seconds 0.0",
    ):
        assert line in figures.splitlines(), line

    # The run there is, is the answer; and a plan of what was replayed has nothing to send.
    again = post(own, "admin", "/v1/replay-runs", run)
    assert (again.status_code, again.json()["run"]) == (202, started.json()["run"])
    anew = planned(own, {"again": plan["plan"]})
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


def test_a_plan_in_the_making_is_followed_and_given_up(own: Place) -> None:
    gateway = own.run.gateway
    number = own.open_case("PLANNED-1")
    selection = post(own, "admin", "/v1/selections", {"numbers": [number]}).json()["selection"]
    own.await_(gateway.planner.stop())  # nobody makes it
    try:
        with follow(own, topics="operations") as events:
            assert json.loads(events.until("operations")["data"]) == []
            asked = post(own, "admin", "/v1/replay-plans", {"selection": selection})
            assert (asked.status_code, asked.json()["state"], asked.json()["progress"]) == (202, "making", 0.0)
            plan = asked.json()["id"]
            (told,) = json.loads(events.until("operations")["data"])
            assert (told["id"], told["kind"], told["outcome_counts"]) == (plan, "plan", {"looked_at": 0, "waiting": 1})
            with own.client("viewer") as viewer:
                operation = viewer.get(asked.headers["Location"])
                assert (operation.json()["state"], operation.headers["Retry-After"]) == ("making", "2")
                early = viewer.get(f"/v1/replay-plans/{plan}")
                assert (early.status_code, early.json()["code"]) == (409, "plan-not-ready")
                assert viewer.get("/v1/operations").json()["items"] == [operation.json()]
            body = {"plan": plan, "digest": "sha-256:" + "0" * 64}
            run = post(own, "admin", "/v1/replay-runs", body)
            assert (run.status_code, run.json()["code"]) == (409, "plan-not-ready")
            cancel = f"/v1/operations/{plan}:cancel"
            assert post(own, "viewer", cancel, {}).status_code == 403
            ended = post(own, "admin", cancel, {"reason": "the wrong ones"})
            assert (ended.status_code, ended.json()["state"], ended.json()["result"]) == (200, "cancelled", "")
            (told,) = json.loads(events.until("operations")["data"])
            assert (told["state"], told["over"], told["reason"]) == ("cancelled", True, "the wrong ones")
            assert post(own, "admin", cancel, {}).json() == ended.json()
    finally:
        own.await_(gateway.planner.start())
    ready = planned(own, {"again": plan})
    whole = post(own, "admin", f"/v1/operations/{ready['plan']}:cancel", {})
    assert (whole.status_code, whole.json()["code"]) == (409, "operation-over")
    less = post(own, "admin", "/v1/replay-plans", {"again": ready["plan"], "drop": ["FO-999999"]})
    assert (less.status_code, less.json()["code"]) == (422, "plan-no-such-item")


def test_limits_of_a_plan_may_be_named_and_bolder_ones_need_a_second_person(own: Place) -> None:
    number = own.open_case("PLANNED-2")
    selection = post(own, "admin", "/v1/selections", {"numbers": [number]}).json()["selection"]
    plan = planned(own, {"selection": selection, "limits": {"rate": 3.0, "ramp": [2]}})
    assert (plan["limits"]["rate"], plan["limits"]["ramp"]) == (3.0, [2])
    unfit = post(own, "admin", "/v1/replay-plans", {"selection": selection, "drop": [number]})
    assert (unfit.status_code, unfit.json()["code"]) == (422, "invalid-body")
    none = post(own, "admin", f"/v1/replay-runs/{own.plan}/leftovers", {})
    assert (none.status_code, none.json()["code"]) == (404, "run-not-found")
