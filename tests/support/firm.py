"""Six stand-ins, whoever works at them, and a gateway's configuration between: somebody works here, and leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from connectors import sandbox
from gateway.demo.clerks import Clerks, Door, Holding
from gateway.demo.desks import Api
from gateway.demo.offices import KeyApi, TokenApi
from gateway.demo.post import Post, post
from gateway.demo.stand_ins import CRM, DIR, HOOKED, HR, HUB, JIRA, SNOW, StandIn
from tests.support.running import ACCESS, SIGNED_IN, free_port
from tests.support.waiting import until

SYSTEMS = {HR: "bamboohr", DIR: "scim", SNOW: "servicenow", JIRA: "jira", HUB: "github", CRM: "salesforce"}
SIGNS_IN = {
    HR: "api_key: {key: '${PASSWORD}'}",
    DIR: "bearer: {token: '${PASSWORD}'}",
    SNOW: "basic: {user: lockstep, password: '${PASSWORD}'}",
    JIRA: "basic: {user: lockstep@example.com, password: '${PASSWORD}'}",
    HUB: "bearer: {token: '${PASSWORD}'}",
    CRM: "oauth2_client_credentials: {client_id: lockstep, client_secret: '${PASSWORD}'}",
}
ANN, BOB = "ann", "bob"
REST = """
flows:
  people:
    type: person
    members:
      hr: {object: employee, mapping: bamboohr-employee}
      dir: {object: user, mapping: scim-user}
    create: {in: [dir]}
    authority: [hr, dir]
  incidents:
    type: incident
    members:
      snow: {object: incident, mapping: servicenow-incident}
      jira: {object: issue, mapping: jira-issue, with: {project: OPS, issuetype: Incident}}
      crm: {object: case, mapping: salesforce-case}
      hub: {object: issue, mapping: github-issue}
    create: {in: [jira, snow]}
    merge: {default: latest, status: {authority: [snow, jira]}, labels: union}
leavers:
  from: [{flow: people}]
  # One test starts the gateway seven times meanwhile, on a machine that may have other work.
  due: {usual: 300s, privileged: 240s}
  checks: [1s, 2s]
"""


def written(directory: Path, urls: dict[str, str]) -> tuple[Path, str]:
    port = free_port()
    connections = "".join(
        f"  {name}:\n    connector: {SYSTEMS[name]}\n    url: {url}{'/scim/v2' if name == DIR else ''}\n"
        f"    auth: {{{SIGNS_IN[name]}}}\n"
        + ("    options: {owner: lockstep, repo: desk}\n" if name == HUB else "")
        + ("    webhook: {secret: hook}\n" if name in HOOKED else "")
        + "    poll: {every: 300ms}\n    timeout: 3s\n    settles: 1s\n    rate: 1000/s\n"
        "    breaker: {failures: 3, retry: 200ms, cap: 1s}\n"
        for name, url in urls.items()
    )
    head = f"lockstep: 1\nname: test{port}\ndata: ./gateway\nlisten: 127.0.0.1:{port}\n{ACCESS}"
    file = directory / "lockstep.yaml"
    file.write_text(f"{head}connections:\n{connections}{REST}")
    return file, f"http://127.0.0.1:{port}"


@dataclass
class Firm:
    """`file`, `url`: of the gateway."""

    file: Path
    url: str
    there: dict[str, StandIn]
    clerks: Clerks
    hr: KeyApi
    post: Post
    http: aiohttp.ClientSession

    async def hire(self, who: str, boss: str = "") -> str:
        """Some years ago; gives the employee's number."""
        mail = f"{who}@example.com"
        body = {"firstName": who.title(), "lastName": "Field", "workEmail": mail, "hireDate": "2020-01-01"}
        await self.hr.call("admin", "POST", "/api/v1/employees", {**body, **({"supervisorEId": boss} if boss else {})})
        (found,) = [each.id for each in await self.there[HR].objects() if each.raw["workEmail"] == mail]
        return found

    async def furnished(self) -> str:
        """Ann and Bob work here, Bob is her manager, and both have some of everything; gives Ann's number."""
        number = await self.hire(ANN, await self.hire(BOB))

        async def here() -> bool:
            return await self.clerks.dir.there(ANN) and await self.clerks.dir.there(BOB)

        await until(here, what="their accounts in the directory")
        await self.clerks.give(ANN, BOB, "Mail is down")

        async def spread() -> bool:
            """What is hers in Salesforce and GitHub came to the others as well."""
            held = await self.clerks.has(ANN)
            return len(held[SNOW].work) >= 5 and len(held[JIRA].work) >= 3

        await until(spread, what="her work to be everywhere")
        return number

    async def end(self, number: str) -> None:
        """Her last day was the day before yesterday, which is over in every zone."""
        day = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
        row = {"date": day, "employmentStatus": "Terminated"}
        await self.hr.call("admin", "POST", f"/api/v1/employees/{number}/tables/employmentStatus", row)

    async def api(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """The gateway's API."""
        told = SIGNED_IN | {"Idempotency-Key": str(uuid4())} | headers
        async with self.http.request(method, self.url + path, json=body, headers=told) as answer:
            assert answer.status == status, (answer.status, await answer.text())
            return await answer.json()

    async def leaver(self) -> Any:
        """The only departure."""
        (row,) = (await self.api("GET", "/v1/leavers?over=true"))["items"]
        return await self.api("GET", f"/v1/leavers/{row['number']}")

    async def stands(self, *states: str) -> Any:
        """Waits for the departure to be in one of these."""

        async def shown() -> bool:
            try:
                rows = (await self.api("GET", "/v1/leavers?over=true"))["items"]
            except aiohttp.ClientError:
                return False
            return bool(rows) and rows[0]["state"] in states

        await until(shown, what=f"the departure to be {' or '.join(states)}", timeout_s=60)
        return await self.leaver()

    async def has_nothing(self) -> None:
        """Waits until Ann has nothing anywhere, but for the account that a person has to switch off."""

        async def gone() -> bool:
            found = await self.clerks.has(ANN)
            found[JIRA] = Holding(False, found[JIRA].rights, found[JIRA].work)
            return all(each.nothing for each in found.values())

        await until(gone, what="everything to be gone", timeout_s=60)

    async def heal(self, name: str) -> None:
        """Ends what is wrong with a system."""
        async with self.http.delete(f"{self.there[name].url}/_sandbox/faults") as answer:
            assert answer.ok

    async def by_hand(self) -> None:
        """Somebody switches Ann's account in Jira off, and says so."""
        (step,) = [each for each in (await self.leaver())["steps"] if each["state"] == "by hand"]
        assert (step["connection"], step["kind"]) == (JIRA, "account") and "admin.atlassian.com" in step["instruction"]
        await self.done(step["id"], "", 422)
        await self.clerks.jira.switch_off(ANN)
        await self.done(step["id"], "switched off at admin.atlassian.com, ticket 17", 200)

    async def done(self, step: str, note: str, status: int) -> None:
        """A person says that a step was taken."""
        told = await self.leaver()
        version = f'"{told["leaver"]["version"]}"'
        path = f"/v1/leavers/{told['leaver']['number']}:done"
        await self.api("POST", path, {"step": step, "note": note}, status, **{"If-Match": version})


@asynccontextmanager
async def firm(directory: Path) -> AsyncIterator[Firm]:
    """Everything but the gateway."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        there = {}
        for name, system in SYSTEMS.items():
            made = await sandbox.start(system, data=directory / f"{name}.db", time_scale=0.001)
            stack.push_async_callback(made.stop)
            there[name] = StandIn(name, made.url, http)
        file, url = written(directory, {name: each.url for name, each in there.items()})
        carrier = await stack.enter_async_context(post(url, http))
        for name in HOOKED:
            await there[name].register_webhook(f"{carrier.url}/hooks/{name}", "hook")
        doors: dict[str, Door] = {name: TokenApi(there[name].url, http) for name in (HUB, CRM, DIR)}
        doors |= {SNOW: Api(there[SNOW].url, http), JIRA: Api(there[JIRA].url, http, email_signs_in=True)}
        yield Firm(file, url, there, Clerks.at(doors), KeyApi(there[HR].url, http), carrier, http)
