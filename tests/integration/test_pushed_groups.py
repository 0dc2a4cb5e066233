"""A group that a provider pushes becomes a group in Jira, and waits for a member who is pushed only later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors import directory, sandbox
from tests.support.running import Running, free_port, started
from tests.support.waiting import until

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
PUSHER = "pusher-of-the-tests-0123456789"
CONFIG = """
lockstep: 1
name: pushed{port}
data: ./gateway
listen: 127.0.0.1:{port}
access:
  tokens:
    tests: {{secret: '${{TOKEN_OF_THE_TESTS}}', roles: [admin]}}
    okta: {{secret: 'file:pusher', roles: [provisioner], connections: [okta]}}
connections:
  okta: {{connector: scim_push, url: https://id.example.com, auth: {{none: {{}}}}, poll: {{every: 200ms}}}}
  jira:
    connector: jira
    url: {jira}
    auth: {{basic: {{user: lockstep@example.com, password: '${{PASSWORD}}'}}}}
    poll: {{every: 300ms}}
    timeout: 3s
    settles: 1s
    rate: 1000/s
flows:
  groups:
    type: group
    key: {{natural: name}}
    members:
      okta: {{object: group, mapping: scim_push-group}}
      jira: {{object: group, mapping: jira-group, with: {{names: [night shift]}}}}
    create: {{in: [jira]}}
"""


class Provider:
    """What an identity provider pushes, and what Jira shows then."""

    def __init__(self, running: Running, jira: str, http: httpx.AsyncClient) -> None:
        self.base, self.jira, self.http = f"{running.url}/scim/v2/okta", jira, http

    async def push(self, method: str, path: str, **body: Any) -> Any:
        said = {"Authorization": f"Bearer {PUSHER}", "Content-Type": "application/scim+json"}
        answer = await self.http.request(method, f"{self.base}{path}", json=body, headers=said)
        assert answer.is_success, answer.text
        return answer.json()

    async def user(self, name: str) -> str:
        emails = [{"value": f"{name}@example.com", "primary": True}]
        return str((await self.push("POST", "/Users", schemas=[USER], userName=name, emails=emails))["id"])

    async def patch(self, group: str, **operation: Any) -> None:
        await self.push("PATCH", f"/Groups/{group}", schemas=[PATCH], Operations=[operation])

    async def shows(self, *names: str) -> None:
        """Waits until the group in Jira has exactly these members."""

        async def there() -> bool:
            return await self.members() == [f"{name}@example.com" for name in names]

        await until(there, what=f"the group in Jira to have {names}")

    async def members(self) -> list[str] | None:
        """None: there is no such group."""
        query = {"groupname": "night shift"}
        answer = await self.http.get(
            f"{self.jira}/rest/api/3/group/member", params=query, auth=("ann@example.com", "ann-secret")
        )
        return [each["emailAddress"] for each in answer.json()["values"]] if answer.is_success else None


async def test_a_group_waits_for_its_members_and_then_follows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "WAITS_S", 0.3)
    jira = await sandbox.start("jira", data=tmp_path / "jira.db", time_scale=0.01)
    file, port = tmp_path / "lockstep.yaml", free_port()
    (tmp_path / "pusher").write_text(PUSHER)
    file.write_text(CONFIG.format(port=port, jira=jira.url))
    try:
        async with httpx.AsyncClient() as http, started(file, f"http://127.0.0.1:{port}") as running:
            provider = Provider(running, jira.url, http)
            bob = await provider.user("bob")
            members = [{"value": bob}, {"value": "pushed-later"}]
            made = await provider.push("POST", "/Groups", schemas=[GROUP], displayName="night shift", members=members)
            cara = await provider.user("cara")
            assert await provider.members() is None, "half of a group was taken for all of it"
            await provider.patch(made["id"], op="replace", path="members", value=[{"value": bob}, {"value": cara}])
            await provider.shows("bob", "cara")
            await provider.patch(made["id"], op="remove", path=f'members[value eq "{bob}"]')
            await provider.shows("cara")
            await running.quiet()
    finally:
        await jira.stop()
