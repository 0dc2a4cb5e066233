"""The admin API: what the demo and its judge rest on."""

from __future__ import annotations

import time
from pathlib import Path

import aiohttp

from connectors.sandbox import start
from tests.contract.sandbox.calling import World, document, new_incident, new_issue, walk


async def test_the_log_tells_servicenow_edits_in_order(snow: World) -> None:
    ann, gateway = snow.person("ann"), snow.person("lockstep")
    began = time.time()
    path = await new_incident(ann, "a", impact="1", correlation_id="c-1")
    await gateway("PATCH", path, {"short_description": "b", "assigned_to": "ca4a0000c0ffee00b0a7000000000004"})
    await gateway("PATCH", path, {"comments": "Ann via jira:\nhello\n[lockstep:jira:10000]"})
    await ann("DELETE", path)
    log = await snow.log()
    assert [(entry["seq"], entry["kind"], entry["actor"], entry["user"], entry["version"]) for entry in log] == [
        (1, "create", "human", "ann", 0),
        (2, "update", "gateway", "lockstep", 1),
        (3, "comment", "gateway", "lockstep", 2),
        (4, "delete", "human", "ann", 2),
    ]
    assert {entry["key"] for entry in log} == {"INC0010001"}
    assert all(began - 1 <= entry["at"] <= time.time() for entry in log)
    assert log[0]["fields"]["impact"] == [None, "1"]
    assert "correlation_id" not in log[0]["fields"]
    nobody = {"value": "", "email": "", "name": ""}
    cara = {"value": "ca4a0000c0ffee00b0a7000000000004", "email": "cara@example.com", "name": "Cara Cole"}
    assert log[1]["fields"] == {"short_description": ["a", "b"], "assigned_to": [nobody, cara]}
    assert log[2]["comment"]["origin"] == "jira:10000"
    assert log[2]["comment"]["body"].startswith("Ann via jira:\nhello")
    later = (await snow.nobody.get("/_sandbox/log?after=2&limit=1")).json["entries"]
    assert [entry["seq"] for entry in later] == [3]


async def test_the_log_tells_jira_edits_in_order(jira: World) -> None:
    ann, gateway = jira.person("ann"), jira.person("lockstep")
    key = await new_issue(ann, "a", description=document("text"), labels=["x"])
    await gateway("PUT", f"/rest/api/3/issue/{key}", {"update": {"labels": [{"add": "lockstep-c1"}]}})
    await gateway("PUT", f"/rest/api/3/issue/{key}", {"fields": {"summary": "b", "priority": {"id": "1"}}})
    await walk(ann, key, "11")
    body = {"body": document("hi"), "properties": [{"key": "lockstep.origin", "value": {"origin": "snow:7"}}]}
    await gateway("POST", f"/rest/api/3/issue/{key}/comment", body)
    log = await jira.log()
    assert [(entry["seq"], entry["kind"], entry["user"]) for entry in log] == [
        (1, "create", "ann"),
        (2, "update", "lockstep"),
        (3, "update", "ann"),
        (4, "comment", "lockstep"),
    ]
    assert log[0]["fields"]["description"] == ["", "text"]
    assert log[1]["fields"]["summary"] == ["a", "b"]
    assert log[1]["fields"]["priority"][1] == {"id": "1", "name": "Highest"}
    assert log[2]["fields"]["status"][1]["name"] == "In Progress"
    assert log[3]["comment"]["body"] == "hi"
    [issue] = await jira.objects()
    assert (issue["key"], issue["correlation"]) == (key, "c1")
    assert issue["raw"]["fields"]["labels"] == ["x"]
    assert issue["raw"]["fields"]["description"] == "text"
    assert [(comment["body"], comment["origin"], comment["actor"]) for comment in issue["comments"]] == [
        ("hi", "snow:7", "gateway")
    ]


async def test_objects_of_servicenow(snow: World) -> None:
    ann = snow.person("ann")
    await new_incident(
        ann, "a", correlation_id="c-1", work_notes="inside", assigned_to="de500000c0ffee00b0a7000000000005"
    )
    [incident] = await snow.objects()
    assert (incident["object"], incident["key"], incident["correlation"]) == ("incident", "INC0010001", "c-1")
    assert incident["raw"]["assigned_to"] == {
        "value": "de500000c0ffee00b0a7000000000005",
        "email": "dev@example.com",
        "name": "Dev Das",
    }
    assert "correlation_id" not in incident["raw"]
    assert [(comment["kind"], comment["body"]) for comment in incident["comments"]] == [("work_note", "inside")]
    assert (await snow.nobody.get("/_sandbox/health")).json == {"system": "servicenow", "objects": 1}


async def test_reset_forgets_and_never_counts_back(world: World) -> None:
    make = new_issue if world.domain else new_incident
    await make(world.person("ann"))
    first = (await world.objects())[0]["key"]
    await world.arm("slow", delay_s=0.0)
    assert (await world.nobody("POST", "/_sandbox/reset")).json["objects"] == 0
    assert await world.log() == []
    assert (await world.nobody.get("/_sandbox/faults")).json["faults"] == []
    await make(world.person("ann"))
    assert (await world.objects())[0]["key"] != first
    assert [entry["seq"] for entry in await world.log()] == [2]


async def test_webhook_registrations_are_kept(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    stand_in = await start("jira", data=tmp_path / "jira.db")
    await World(stand_in, session).nobody("POST", "/_sandbox/webhooks", {"url": "http://127.0.0.1:9/x", "secret": "s"})
    await stand_in.stop()
    stand_in = await start("jira", data=tmp_path / "jira.db")
    world = World(stand_in, session)
    assert (await world.nobody.get("/_sandbox/webhooks")).json["url"] == "http://127.0.0.1:9/x"
    assert (await world.nobody("DELETE", "/_sandbox/webhooks")).status == 204
    assert (await world.nobody.get("/_sandbox/webhooks")).json["url"] is None
    await stand_in.stop()


async def test_options(world: World) -> None:
    await world.option(clock_skew_s=3600)
    assert (await world.nobody.get("/_sandbox/options")).json["clock_skew_s"] == 3600
    assert (await world.nobody("PATCH", "/_sandbox/options", {"clock_skew_s": "much"})).status == 400
    assert (await world.nobody("PATCH", "/_sandbox/options", {"colour": "red"})).status == 400


async def test_a_skewed_clock_shows_everywhere_but_in_the_log(snow: World) -> None:
    from email.utils import parsedate_to_datetime

    await snow.option(clock_skew_s=-86400)
    path = await new_incident(snow.person("ann"))
    answer = await snow.person("ann").get(path)
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    assert answer.result["sys_updated_on"].startswith(yesterday)
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() < time.time() - 80000
    assert (await snow.log())[0]["at"] > time.time() - 3600


async def test_bad_requests(world: World) -> None:
    assert (await world.nobody.get("/_sandbox/log?after=x")).status == 400
    assert (await world.nobody("POST", "/_sandbox/webhooks", {"secret": "s"})).status == 400
    assert (await world.nobody("POST", "/_sandbox/webhooks", b"{")).status == 400
