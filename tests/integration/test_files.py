"""Files of issues go from one site to another, whole, once, and do not come back."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from connectors import sandbox
from tests.support.running import ACCESS, Running, free_port, started
from tests.support.waiting import until

API = "/rest/api/3"
LIMIT = 400_000
TEXT = {
    "type": "doc",
    "version": 1,
    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "see the log"}]}],
}
CONNECTION = """
  {name}:
    connector: jira
    url: {url}
    auth: {{basic: {{user: lockstep@example.com, password: '${{PASSWORD}}'}}}}
    poll: {{every: 200ms}}
    timeout: 3s
    settles: 1s
    rate: 1000/s"""
CONFIG = """
lockstep: 1
name: files{port}
data: ./gateway
listen: 127.0.0.1:{port}
{access}
connections:{east}{west}
flows:
  issues:
    type: incident
    members:
      east: {{object: issue, mapping: jira-issue, with: &ops {{project: OPS, attachments: true, largest_file: {most}}}}}
      west: {{object: issue, mapping: jira-issue, with: *ops}}
    create: {{in: [east, west]}}
"""


class Desk:
    """Ann at one site."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url, self.http = url, http

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.http.request(method, f"{self.url}{path}", json=body, **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def issues(self) -> list[Any]:
        return list((await self.ask("GET", "/_sandbox/objects"))["objects"])

    async def attach(self, issue: str, name: str, content: bytes) -> str:
        files = {"file": (name, content, "application/octet-stream")}
        path, headers = f"{API}/issue/{issue}/attachments", {"X-Atlassian-Token": "no-check"}
        return str((await self.ask("POST", path, files=files, headers=headers))[0]["id"])

    async def names(self) -> list[str]:
        return [each["body"] for each in (await self.issues())[0]["attachments"]]

    async def content(self, number: str) -> bytes:
        path = f"{self.url}{API}/attachment/content/{number}?redirect=false"
        return (await self.http.get(path)).content

    async def arm(self, kind: str, **match: Any) -> None:
        fault = {"kind": kind, "count": 1, "match": {"actor": "gateway", **match}}
        await self.ask("POST", "/_sandbox/faults", fault)


@asynccontextmanager
async def sites(directory: Path) -> AsyncIterator[tuple[Desk, Desk, Running]]:
    east = await sandbox.start("jira", data=directory / "east.db", time_scale=0.01)
    west = await sandbox.start("jira", data=directory / "west.db", time_scale=0.01)
    file = directory / "lockstep.yaml"
    both = {name: CONNECTION.format(name=name, url=each.url) for name, each in (("east", east), ("west", west))}
    file.write_text(CONFIG.format(port=(port := free_port()), access=ACCESS, most=LIMIT, **both))
    try:
        async with (
            httpx.AsyncClient(auth=("ann@example.com", "ann-secret")) as http,
            started(file, f"http://127.0.0.1:{port}") as gateway,
        ):
            yield Desk(east.url, http), Desk(west.url, http), gateway
    finally:
        await east.stop()
        await west.stop()


async def test_a_file_goes_over_once_and_whole_whatever_happens_to_the_answer(tmp_path: Path) -> None:
    content = random.Random(7).randbytes(LIMIT - 1)
    async with sites(tmp_path) as (east, west, gateway):
        fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "Mail is down"}
        issue = (await east.ask("POST", f"{API}/issue", {"fields": fields}))["id"]

        async def there() -> bool:
            return len(await west.issues()) == 1

        await until(there, what="the issue in the west")
        said = await east.ask("POST", f"{API}/issue/{issue}/comment", {"body": TEXT})
        await east.arm("truncated", method="GET", path_regex="/attachment/content/")
        await west.arm("drop_after", write=True, path_regex="/attachments")
        first = await east.attach(issue, "mail.log", content)
        await east.attach(issue, "huge.bin", bytes(LIMIT + 1))
        assert first == said["id"], "Jira counts comments and files apart, so both are called so"
        copy = f"mail [lockstep east file-{first}].log"

        async def carried() -> bool:
            found = (await west.issues())[0]
            return bool(found["attachments"]) and len(found["comments"]) == 2

        await until(carried, what="the file, and word of the one that is too large")
        back = await west.attach((await west.issues())[0]["id"], "answer.txt", b"mended")

        async def answered() -> bool:
            return len(await east.names()) == 3

        await until(answered, what="the answer in the east")
        await gateway.quiet()
        assert not [each for desk in (east, west) for each in (await desk.ask("GET", "/_sandbox/faults"))["faults"]]
        assert await west.names() == [copy, "answer.txt"]
        assert await east.names() == ["mail.log", "huge.bin", f"answer [lockstep west file-{back}].txt"]
        stored = (await west.issues())[0]["attachments"][0]
        assert await west.content(stored["id"]) == content
        texts = [each["body"] for each in (await west.issues())[0]["comments"]]
        assert sorted("see the log" in each for each in texts) == [False, True]
        assert any(f"{LIMIT + 1} bytes: {east.url}/secure/attachment/" in each for each in texts)
