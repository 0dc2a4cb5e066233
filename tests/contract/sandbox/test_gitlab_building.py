"""What is proposed, built and deployed in GitLab is told by webhook and by poll, read, and mapped; members too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors import registry, sandbox
from connectors.contract.connector import ConnectionSettings
from connectors.contract.values import Ref, Webhook
from connectors.declared.connector import Declared
from tests.contract.sandbox.calling import Receiver
from tests.support.understood import mapped
from tests.unit.connectors.clocks import SteppingClock

PROJECT = "/api/v4/projects/14"


@pytest.fixture
async def world(tmp_path: Path, receiver: Receiver) -> AsyncIterator[tuple[httpx.AsyncClient, Declared]]:
    """A person at the API, and our connector."""
    stand_in = await sandbox.start("gitlab", data=tmp_path / "gitlab.db", hook=receiver.url, hook_secret="hook")
    settings = ConnectionSettings(
        name="gitlab",
        connector="gitlab",
        url=stand_in.url,
        auth={"bearer": {"token": "lockstep-secret"}},
        webhook_secret="hook",
        options={"project": "lockstep/desk"},
    )
    made = registry.create(settings, clock=SteppingClock())
    assert isinstance(made, Declared)
    async with httpx.AsyncClient(base_url=stand_in.url, headers={"PRIVATE-TOKEN": "ann-secret"}) as person:
        yield person, made
    await made.close()
    await stand_in.stop()


async def asked(person: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    answer = await person.request(method, PROJECT + path, json=body)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


async def round_of(connector: Declared, cursor: Any) -> tuple[set[tuple[str, str]], Any]:
    told, more = set[tuple[str, str]](), True
    while more:
        page = await connector.changes(cursor)
        told |= {(each.snapshot.object, each.snapshot.id) for each in page.changes}
        cursor, more = page.cursor, page.more
    return told, cursor


async def test_a_release_is_told_read_and_mapped(world: tuple[httpx.AsyncClient, Declared], receiver: Receiver) -> None:
    person, connector = world
    _, cursor = await round_of(connector, None)
    proposed = await asked(
        person, "POST", "/merge_requests", {"title": "A", "source_branch": "a", "target_branch": "main"}
    )
    await asked(person, "PUT", f"/merge_requests/{proposed['iid']}/merge")
    failing = {"ref": "main", "variables": [{"key": "END", "value": "failed"}]}
    built = await asked(person, "POST", "/pipeline", failing)
    new = {"environment": "production", "sha": built["sha"], "ref": "main", "status": "running"}
    deployed = await asked(person, "POST", "/deployments", new)
    await asked(person, "PUT", f"/deployments/{deployed['id']}", {"status": "failed"})
    wanted = {
        ("merge_request", str(proposed["iid"])),
        ("pipeline", str(built["id"])),
        ("deployment", str(deployed["id"])),
    }
    polled, _ = await round_of(connector, cursor)
    hooked = set[tuple[str, str]]()
    for headers, body in await receiver.wait_for(6):
        raw = Webhook(headers=dict(headers), body=httpx.Request("POST", "/", json=body).content, received_at=1.0)
        hooked |= {(each.snapshot.object, each.snapshot.id) for each in connector.receive(raw).changes}
    assert (polled & wanted, hooked) == (wanted, wanted)
    assert [await shown(connector, *each) for each in sorted(wanted)] == [
        {"stage": "prod", "state": "failed", "environment": "production"},
        {"title": "A", "state": "closed", "source": "a"},
        {"state": "failed", "ref": "main", "by": "ann"},
    ]


SHOWN = {
    "deployment": ("gitlab-deployment", ("stage", "state", "environment")),
    "merge_request": ("gitlab-merge-request", ("title", "state", "source")),
    "pipeline": ("gitlab-pipeline", ("state", "ref", "by")),
}


async def shown(connector: Declared, object: str, id: str) -> dict[str, Any]:
    """The mapped values of an object as it is read."""
    mapping, names = SHOWN[object]
    record = mapped(mapping, (await connector.read(Ref(object=object, id=id))).raw)
    return {name: record[name] for name in names}


async def test_members_come_and_go(world: tuple[httpx.AsyncClient, Declared]) -> None:
    """Nothing but the list tells of them; who is gone is missing there, and reads as absent."""
    person, connector = world
    listed = {each.key: each.id for each in (await connector.ids("member", None)).listed}
    bob = Ref(object="member", id=listed["bob"])
    assert mapped("gitlab-member", (await connector.read(bob)).raw)["role"] == "member"
    _, cursor = await round_of(connector, None)
    await asked(person, "DELETE", f"/members/{bob.id}")
    assert not (await connector.read(bob)).exists
    assert bob.id not in {each.id for each in (await connector.ids("member", None)).listed}
    await asked(person, "POST", "/members", {"user_id": int(bob.id), "access_level": 40})
    assert (await round_of(connector, cursor))[0] == {("member", bob.id)}
    assert mapped("gitlab-member", (await connector.read(bob)).raw)["role"] == "maintainer"
