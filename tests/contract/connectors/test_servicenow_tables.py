"""ServiceNow beyond incidents: people, groups, memberships and roles; requests, requested items and their tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.contract.connector import Connector, ListsIds
from connectors.contract.errors import Refused
from connectors.contract.fields import TellsFields
from connectors.contract.values import ChangeKind, Ref, Write, WriteKind
from connectors.servicenow.tables import TABLES
from tests.contract.connectors.bench import Bench

KEYED = {"marker": "u_lockstep_key"}
OBJECTS: dict[str, Any] = {name: {} if kind.marker else KEYED for name, kind in TABLES.items()}


@pytest.fixture
async def everything(servicenow: Bench) -> AsyncIterator[Connector]:
    connector = servicenow.connect(objects=OBJECTS)
    yield connector
    await connector.close()


_count = iter(range(10_000))


def write(kind: WriteKind, object: str, **given: Any) -> Write:
    number = next(_count)
    return Write(
        kind=kind, object=object, operation=f"op-{number}", correlation=f"corr-{number}", timeout_s=5.0, **given
    )


async def made(connector: Connector, object: str, **values: Any) -> Ref:
    return (await connector.apply(write(WriteKind.CREATE, object, values=values))).ref


async def row(servicenow: Bench, table: str, id: str) -> dict[str, Any]:
    return dict((await servicenow.human("GET", f"/api/now/table/{table}/{id}"))["result"])


async def roles_of(servicenow: Bench, email: str) -> dict[str, Ref]:
    query = f"sysparm_query=user.email={email}&sysparm_fields=sys_id,role.name"
    found = (await servicenow.human("GET", f"/api/now/table/sys_user_has_role?{query}"))["result"]
    return {each["role.name"]: Ref(object="sys_user_has_role", id=each["sys_id"]) for each in found}


async def test_a_person_with_what_they_refer_to(everything: Connector) -> None:
    ref = await made(
        everything,
        "sys_user",
        user_name="dana",
        first_name="Dana",
        last_name="Diaz",
        email="dana@example.com",
        manager={"email": "cara@example.com"},
        department={"name": "IT"},
    )
    raw = (await everything.read(ref)).raw
    assert (ref.key, raw["name"], raw["active"]) == ("dana", "Dana Diaz", "true")
    assert (raw["manager"]["user_name"], raw["department"]["name"]) == ("cara", "IT")
    assert "u_lockstep_key" not in raw


async def test_an_account_is_switched_off_and_history_says_by_whom(everything: Connector) -> None:
    ref = await made(everything, "sys_user", user_name="eli", email="eli@example.com")
    receipt = await everything.apply(write(WriteKind.UPDATE, "sys_user", ref=ref, values={"active": "false"}))
    assert receipt.snapshot is not None and receipt.snapshot.raw["active"] == "false"
    (entry,) = await everything.history(ref, 0.0)
    assert (entry.by_us, dict(entry.after)) == (True, {"active": "false"})


async def test_a_user_name_is_taken_once(everything: Connector) -> None:
    with pytest.raises(Refused, match="Unique Key"):
        await made(everything, "sys_user", user_name="ann")


async def test_a_membership_brings_roles_that_only_go_with_it(everything: Connector, servicenow: Bench) -> None:
    """The guard is ours, and stands before the instance's own: nothing is even sent."""
    _, cursor = await servicenow.poll(None, everything)
    joins = {"user": {"email": "dev@example.com"}, "group": {"name": "Service Desk"}}
    member = await made(everything, "sys_user_grmember", **joins)
    assert member.key == "dev in Service Desk"
    brought = await roles_of(servicenow, "dev@example.com")
    assert sorted(brought) == ["itil", "sn_incident_write"], "the role of the group, and the one it contains"
    changes, cursor = await servicenow.poll(cursor, everything)
    told = {each.snapshot.key: each.snapshot.raw for each in changes if each.snapshot.object == "sys_user_has_role"}
    assert told["dev in itil"]["inherited"] == "true"
    assert told["dev in itil"]["granted_by"]["name"] == "Service Desk"

    before = await servicenow.log()
    with pytest.raises(Refused, match=r"dev in itil: the role comes from the group Service Desk; end the membership"):
        await everything.apply(write(WriteKind.DELETE, "sys_user_has_role", ref=brought["itil"]))
    assert await servicenow.log() == before

    await everything.apply(write(WriteKind.DELETE, "sys_user_grmember", ref=member))
    assert await roles_of(servicenow, "dev@example.com") == {}
    assert not (await everything.read(member)).exists
    changes, _ = await servicenow.poll(cursor, everything)
    gone = {each.snapshot.id for each in changes if each.kind is ChangeKind.DELETED}
    assert gone == {member.id, *(ref.id for ref in brought.values())}
    again = await everything.apply(write(WriteKind.DELETE, "sys_user_grmember", ref=member))
    assert again.evidence["status"] == 404, "what is gone already is no error"


async def test_the_instance_itself_keeps_an_inherited_role(servicenow: Bench) -> None:
    inherited = (await roles_of(servicenow, "cara@example.com"))["itil"]
    answer = await servicenow.http.delete(
        f"/api/now/table/sys_user_has_role/{inherited.id}",
        headers={"Accept": "application/json", "Content-Type": "application/json"},
    )
    assert answer.status_code == 403
    assert "Inherited roles stay" in answer.text


async def test_a_role_that_was_given_is_taken_with_what_it_contains(everything: Connector, servicenow: Bench) -> None:
    ref = await made(everything, "sys_user_has_role", user={"email": "bob@example.com"}, role={"name": "itil"})
    assert sorted(await roles_of(servicenow, "bob@example.com")) == ["itil", "sn_incident_write"]
    await everything.apply(write(WriteKind.DELETE, "sys_user_has_role", ref=ref))
    assert await roles_of(servicenow, "bob@example.com") == {}


async def test_an_inherited_role_is_no_reason_not_to_give_it(everything: Connector, servicenow: Bench) -> None:
    inherited = (await roles_of(servicenow, "cara@example.com"))["itil"]
    given = await made(everything, "sys_user_has_role", user={"email": "cara@example.com"}, role={"name": "itil"})
    assert given.id != inherited.id
    assert (await everything.read(given)).raw["inherited"] == "false"


async def test_the_same_two_are_joined_once(everything: Connector, servicenow: Bench) -> None:
    joins = {"user": {"email": "bob@example.com"}, "group": {"name": "Network"}}
    first = await made(everything, "sys_user_grmember", **joins)
    assert await made(everything, "sys_user_grmember", **joins) == first
    made_rows = [each for each in await servicenow.log() if each["object"] == "sys_user_grmember"]
    assert [each["kind"] for each in made_rows] == ["create"]


async def test_only_links_are_deleted(everything: Connector, servicenow: Bench) -> None:
    ref = await made(everything, "sc_task", short_description="stays")
    with pytest.raises(Refused, match="never deleted"):
        await everything.apply(write(WriteKind.DELETE, "sc_task", ref=ref))
    assert (await everything.read(ref)).exists


async def test_a_role_that_we_may_not_give(everything: Connector) -> None:
    with pytest.raises(Refused, match="security constraints"):
        await made(everything, "sys_user_has_role", user={"email": "bob@example.com"}, role={"name": "admin"})


async def test_a_table_without_a_column_for_our_key_promises_no_proof(servicenow: Bench) -> None:
    connector = servicenow.connect(objects={"sys_user": {}})
    assert not connector.specs["sys_user"].marker
    ref = await made(connector, "sys_user", user_name="fay")
    assert await connector.find("sys_user", "corr-1") == ()
    assert [each.id for each in await connector.find_by("sys_user", {"user_name": "fay"})] == [ref.id]
    assert all(each.ok for each in await connector.check())
    await connector.close()


async def test_item_and_request_close_with_their_tasks(everything: Connector, servicenow: Bench) -> None:
    """Only where an execution plan drives them [SND state-closure-request]."""
    request = await made(everything, "sc_request", short_description="Dana starts")
    above = {"request": {"number": request.key}, "delivery_plan": "plan"}
    item = await made(everything, "sc_req_item", short_description="Laptop", **above)
    assert (request.key[:3], item.key[:4]) == ("REQ", "RITM")
    tasks = [await made(everything, "sc_task", request_item={"number": item.key}) for _ in range(2)]
    assert tasks[0].key.startswith("SCTASK")
    raw = (await everything.read(tasks[0])).raw
    assert (raw["request_item"]["number"], raw["request"]["number"]) == (item.key, request.key)
    for task, state, shown in ((tasks[0], "3", "1"), (tasks[1], "4", "4")):
        await everything.apply(write(WriteKind.UPDATE, "sc_task", ref=task, values={"state": state}))
        assert (await row(servicenow, "sc_req_item", item.id))["state"] == shown
    assert (await row(servicenow, "sc_request", request.id))["request_state"] == "closed_incomplete"

    late = await made(everything, "sc_task", request_item={"number": item.key})
    assert (await everything.read(late)).raw["request_item"]["number"] == item.key, "an item that ended is pointed to"
    with pytest.raises(Refused, match="Closed tasks are read-only"):
        await everything.apply(write(WriteKind.UPDATE, "sc_task", ref=tasks[0], values={"state": "1"}))


async def test_every_table_is_polled_listed_and_described(everything: Connector, servicenow: Bench) -> None:
    _, cursor = await servicenow.poll(None, everything)
    values: dict[str, dict[str, Any]] = {name: {"short_description": "x"} for name in TABLES}
    values |= {"sys_user": {"user_name": "gil", "email": "gil@example.com"}, "sys_user_group": {"name": "Door"}}
    values["sys_user_grmember"] = {"user": {"email": "gil@example.com"}, "group": {"name": "Door"}}
    values["sys_user_has_role"] = {"user": {"email": "gil@example.com"}, "role": {"name": "approver_user"}}
    refs = [await made(everything, name, **values[name]) for name in TABLES]
    changes, _ = await servicenow.poll(cursor, everything)
    assert {(each.snapshot.object, each.snapshot.id, each.snapshot.key) for each in changes} == {
        (ref.object, ref.id, ref.key) for ref in refs
    }
    assert isinstance(everything, ListsIds)
    for ref in refs:
        listed = (await everything.ids(ref.object, None)).listed
        assert (ref.id, ref.key) in {(each.id, each.key) for each in listed}


async def test_what_the_instance_says_of_its_columns(everything: Connector) -> None:
    assert isinstance(everything, TellsFields)
    tasks = {each.name: each for each in await everything.fields("sc_task")}
    assert tasks["state"].labels[-1] == "Closed Skipped", "inherited from task"
    assert tasks["request_item"].kind == "reference"
    incidents = {each.name: each for each in await everything.fields("incident")}
    assert incidents["state"].labels[-1] == "Canceled", "its own stand before those of task"
    requests = {each.name: each for each in await everything.fields("sc_request")}
    assert "closed_complete" in requests["request_state"].options


async def test_the_rule_tells_of_a_membership(everything: Connector, servicenow: Bench) -> None:
    await servicenow.hook_here()
    member = await made(everything, "sys_user_grmember", user={"email": "bob@example.com"}, group={"name": "Database"})
    (webhook,) = await servicenow.hooks.take(1)
    (change,) = everything.receive(webhook).changes
    assert (change.kind, change.snapshot.id, change.snapshot.key) == (
        ChangeKind.SNAPSHOT,
        member.id,
        "bob in Database",
    )
