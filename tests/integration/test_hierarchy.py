"""The example `hierarchy`, whole: parents are carried over by each system's own ids, and a group covers for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connectors.sandbox.people import by_name
from tests.support.office import TABLE, Office, working
from tests.support.waiting import until


async def incidents(office: Office) -> dict[str, dict[str, Any]]:
    """Short description -> row."""
    asked = "sysparm_fields=sys_id,short_description,parent_incident,assigned_to,assignment_group"
    found = await office.snow.call("ann", "GET", f"{TABLE}?{asked}&sysparm_exclude_reference_link=true")
    return {row["short_description"]: row for row in found["result"]}


async def parent_in_jira(office: Office, name: str) -> str:
    """The summary of an issue's parent; empty while there is no such issue, or it has none."""
    found = await office.issues()
    number = found[name]["id"] if name in found else ""
    if not number:
        return ""
    issue = await office.jira.call("ann", "GET", f"/rest/api/3/issue/{number}?fields=parent")
    return str((issue["fields"].get("parent") or {}).get("fields", {}).get("summary", ""))


async def groups(office: Office) -> dict[str, str]:
    """Name -> sys_id."""
    found = await office.snow.call("ann", "GET", "/api/now/table/sys_user_group?sysparm_fields=sys_id,name")
    return {row["name"]: row["sys_id"] for row in found["result"]}


async def nobody(office: Office) -> str:
    """Somebody whom ServiceNow has and Jira never heard of; and dev has left ServiceNow."""
    users = "/api/now/table/sys_user"
    dev = by_name("dev")
    assert dev is not None
    await office.snow.call("admin", "PATCH", f"{users}/{dev.sys_id}", {"active": "false"})
    new = {"user_name": "zoe", "name": "Zoe Zimmer", "email": "zoe@example.com", "active": "true"}
    return str((await office.snow.call("admin", "POST", users, new))["result"]["sys_id"])


async def test_parents_go_both_ways_and_whoever_is_not_known_is_covered(tmp_path: Path) -> None:
    async with working(tmp_path, "hierarchy") as office:
        await office.arm("drop_after")
        top = (await office.snow.call("ann", "POST", TABLE, {"short_description": "Mail is down"}))["result"]["sys_id"]
        child = {"short_description": "Mail of Paris", "parent_incident": top}
        await office.snow.call("ann", "POST", TABLE, child)

        async def carried() -> bool:
            return await parent_in_jira(office, "Mail of Paris") == "Mail is down"

        await until(carried, what="the child to have its parent in Jira")
        project = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}}
        epic = await office.jira.call(
            "ann", "POST", "/rest/api/3/issue", {"fields": {**project, "summary": "Moving house"}}
        )
        zoe, cara, dev = await nobody(office), by_name("cara"), by_name("dev")
        assert cara is not None and dev is not None
        part = {**project, "summary": "Packing", "parent": {"id": epic["id"]}, "assignee": {"id": dev.account_id}}
        await office.jira.call("ann", "POST", "/rest/api/3/issue", {"fields": part})

        async def back() -> bool:
            rows = await incidents(office)
            named = rows.get("Packing", {}).get("parent_incident")
            return bool(named) and named == rows.get("Moving house", {}).get("sys_id")

        await until(back, what="the incident to have its parent")

        async def desk_has_it() -> bool:
            row = (await incidents(office))["Packing"]
            return row["assignment_group"] == (await groups(office))["Service Desk"] and not row["assigned_to"]

        await until(desk_has_it, what="the group to stand in for somebody who has left ServiceNow")
        await office.snow.call("ann", "POST", TABLE, {"short_description": "Zoe has it", "assigned_to": zoe})

        async def cara_has_it() -> bool:
            found = (await office.issues()).get("Zoe has it")
            assignee: dict[str, str] | None = found["raw"]["fields"]["assignee"] if found else None
            return assignee is not None and assignee["accountId"] == cara.account_id

        await until(cara_has_it, what="the desk's account to stand in for somebody whom Jira does not know")
        await office.gateway.quiet()
        assert (await incidents(office))["Zoe has it"]["assigned_to"] == zoe, "who stands in is told to nobody else"
        packing = (await office.issues())["Packing"]["raw"]["fields"]
        assert packing["assignee"]["accountId"] == dev.account_id
        assert sorted(await office.issues()) == [
            "Mail is down",
            "Mail of Paris",
            "Moving house",
            "Packing",
            "Zoe has it",
        ]
