"""`now`, `record` and `case` as people type them, against a gateway that runs between real stand-ins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.edges import SLOW_S, Said, Sites, lockstep
from tests.support.running import Running, started, write_config
from tests.support.waiting import until


@dataclass
class Desk:
    """A running gateway and a shell beside its configuration."""

    run: Running
    both: Sites
    directory: Path

    async def type(self, *words: str) -> Said:
        said = await lockstep(*words, "--config", "lockstep.yaml", cwd=self.directory)
        assert "\x1b" not in said.out + said.err, "colour in a pipe"
        assert "Traceback" not in said.err, said.err
        return said

    async def document(self, *words: str) -> Any:
        said = await self.type(*words, "--json")
        assert said.code == 0, said.err
        return said.document()

    async def case(self) -> str:
        """The number of the first open case."""

        async def first() -> str | None:
            groups = (await self.run.now())["groups"]
            return str(groups[0]["sample"]) if groups else None

        return str(await until(first, what="a case", timeout_s=SLOW_S))

    async def in_step(self, connection: str, key: str) -> dict[str, Any]:
        """What `record why` says once there is such a record and nothing is under way."""
        await until(lambda: self.known(connection, key), what=f"{key} to be known", timeout_s=SLOW_S)
        await self.run.quiet()
        return dict(await self.document("record", "why", connection, key))

    async def known(self, connection: str, key: str) -> bool:
        other = "jira" if connection == "snow" else "snow"
        return bool(await self.both.objects(other)) and (await self.run.now())["records"] > 0


@pytest.fixture
async def desk(tmp_path: Path, both: Sites) -> AsyncIterator[Desk]:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="1h")
    async with started(file, url) as run:
        await both.tell(url)
        yield Desk(run, both, tmp_path)


async def test_an_empty_gateway(desk: Desk) -> None:
    said = await desk.type("now")
    assert said.code == 0
    assert "Nothing needs you." in said.out
    assert "Quiet: nothing waits." in said.out
    now = await desk.document("now")
    assert (now["needs_people"], now["records"], now["quiet"], now["groups"]) == (0, 0, True, [])

    said = await desk.type("case", "list")
    assert (said.code, said.err) == (0, "no cases: nothing needs you\n")
    assert said.out.splitlines() == ["number\tstate\tlevel\towner\tdue\tcause\tconnection\tobject\tfield\tage\ttitle"]
    assert (await desk.document("case", "list"))["cases"] == []
    said = await desk.type("case", "list", "--state", "closed", "--json")
    assert said.document()["cases"] == []


async def test_what_is_not_there_and_what_is_wrong_use(desk: Desk) -> None:
    for words, code, told in (
        (("record", "why", "jira", "OPS-404"), 7, "OPS-404 was not seen in jira"),
        (("record", "show", "snow", "INC404", "--json"), 7, "INC404 was not seen in snow"),
        (("record", "why", "crm", "OPS-1"), 2, "there is no connection crm; the configuration has jira, snow"),
        (("case", "show", "FO-404"), 7, "there is no case FO-404"),
        (("case", "retry", "404"), 7, "there is no case 404"),
        (("case", "discard", "404", "--reason", "none"), 7, "there is no case 404"),
        (("case", "show", "nonsense"), 7, "there is no case nonsense"),
        (("case", "list", "--state", "sad"), 2, "there are open, taken"),
        (("case", "discard", "404"), 2, "--reason"),
    ):
        said = await desk.type(*words)
        assert (said.code, said.out) == (code, ""), (words, said)
        assert told in said.err, (words, said.err)


async def test_a_record_in_step(desk: Desk) -> None:
    await desk.both.issue("in step")
    why = await desk.in_step("jira", "OPS-1")
    assert (why["in_step"], why["code"], why["cases"]) == (True, "in_step", [])
    (incident,) = await desk.both.objects("snow")
    assert set(why["objects"]) == {"OPS-1", incident["key"]}

    said = await desk.type("record", "why", "snow", incident["key"])
    assert said.code == 0
    assert "IN STEP" in said.out
    assert "NOT IN STEP" not in said.out
    shown = await desk.document("record", "show", "jira", "OPS-1")
    assert shown["record"] == why["record"]
    assert {name: one["key"] for name, one in shown["members"].items()} == {"jira": "OPS-1", "snow": incident["key"]}
    assert [one["outcome"] for one in shown["attempts"]] == ["applied"]
    said = await desk.type("records", "show", "jira", "OPS-1")
    assert said.code == 0
    assert "summary\tin step\tjira\t=\t=" in said.out.splitlines()
    assert "1 records" in (await desk.type("now")).out


async def test_an_assignee_nobody_knows_is_held_and_can_be_discarded(desk: Desk) -> None:
    """She is in ServiceNow's directory only: Jira cannot take her, everything else goes on."""
    api = desk.both.incidents._api
    zoe = {"user_name": "zoe", "email": "zoe@example.com", "name": "Zoe"}
    account = (await api.call("admin", "POST", "/api/now/table/sys_user", zoe))["result"]["sys_id"]
    fields = {"short_description": "for zoe", "assigned_to": account, "impact": "2", "urgency": "2"}
    made = (await api.call("ann", "POST", "/api/now/table/incident", fields))["result"]
    number = await desk.case()
    why = await desk.in_step("snow", made["number"])
    assert (why["in_step"], why["code"], why["cases"]) == (False, "held", [number])
    said = await desk.type("record", "why", "snow", made["number"])
    assert (said.code, said.out.splitlines()[1:]) == (
        0,
        ["held until somebody decides: assignee in jira", f"You can   lockstep case show {number}"],
    )
    shown = await desk.document("case", "show", number)
    assert (shown["cause"], shown["field"], shown["connection"]) == ("field.refused", "assignee", "jira")
    assert "zoe@example.com" in shown["evidence"]["error"]
    allowed = {one["name"] for one in shown["actions"] if one["allowed"]}
    assert {"retry", "discard"} <= allowed
    assert not allowed & {"resolve", "declare_applied", "declare_not_applied", "close"}
    said = await desk.type("case", "show", number.removeprefix("FO-"))
    assert said.out.startswith(f"{number}  jira refuses assignee")
    assert "History" in said.out
    (row,) = (await desk.type("case", "list", "--connection", "jira")).out.splitlines()[1:]
    cells = row.split("\t")
    assert (cells[0], cells[1], cells[5], cells[6]) == (number, "open", "field.refused", "jira")
    assert "1 thing needs you (1 open case)" in (await desk.type("now")).out

    said = await desk.type("case", "discard", number, "--reason", "she left", "--as", "nadia", "--expect", "7", "--yes")
    assert said.code == 5, said
    said = await desk.type("case", "discard", number, "--reason", "she left", "--as", "nadia", "--yes")
    assert (said.code, said.out.split(" (")[0]) == (0, f"{number} is closed now")
    after = await desk.document("case", "show", number)
    assert (after["state"], after["history"][-1]["actor"], after["history"][-1]["reason"]) == (
        "closed",
        "nadia",
        "she left",
    )
    said = await desk.type("case", "retry", number)
    assert said.code == 6, said

    bob = await desk.both.incidents._account("bob")
    await api.call("ann", "PATCH", f"/api/now/table/incident/{made['sys_id']}", {"assigned_to": bob})

    async def assigned() -> bool:
        assignee = (await desk.both.objects("jira"))[0]["raw"]["fields"]["assignee"]
        return bool(assignee and assignee["emailAddress"] == "bob@example.com")

    await until(assigned, what="the next assignee to be carried", timeout_s=SLOW_S)
    assert (await desk.in_step("snow", made["number"]))["code"] == "in_step"


async def test_a_refused_write_is_sent_again_when_somebody_says_so(desk: Desk) -> None:
    number = await desk.both.incident("before")
    await until(lambda: desk.both.objects("jira"), what="the issue", timeout_s=SLOW_S)
    await desk.run.quiet()
    await desk.both.arm("jira", "status", status=400, match={"write": True})
    await desk.both.incidents.summary("bob", number, "after")
    case = await desk.case()
    (issue,) = await desk.both.objects("jira")
    why = await desk.in_step("jira", issue["key"])
    assert not why["in_step"]
    assert why["cases"] == [case]

    await desk.both.heal("jira")
    decided = await desk.document("case", "retry", case, "--reason", "the screen was repaired")
    assert decided["number"] == case

    async def carried() -> bool:
        return await desk.both.texts("jira") == {"after"}

    await until(carried, what="the retried write", timeout_s=SLOW_S)
    assert (await desk.in_step("jira", issue["key"]))["code"] == "in_step"
    after = await desk.document("case", "show", case)
    assert after["state"] == "closed"
    assert await desk.both.edited("jira", issue["id"]) == ["before", "after"]
