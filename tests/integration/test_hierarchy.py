"""The example `hierarchy`, whole: parents are carried over by each system's own ids, and a group covers for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
        part = {**project, "summary": "Packing", "parent": {"id": epic["id"]}}
        await office.jira.call("ann", "POST", "/rest/api/3/issue", {"fields": part})

        async def back() -> bool:
            rows = await incidents(office)
            named = rows.get("Packing", {}).get("parent_incident")
            return bool(named) and named == rows.get("Moving house", {}).get("sys_id")

        await until(back, what="the incident to have its parent")
        await office.gateway.quiet()
        assert sorted(await office.issues()) == ["Mail is down", "Mail of Paris", "Moving house", "Packing"]
