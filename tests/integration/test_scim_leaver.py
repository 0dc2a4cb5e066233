"""From an identity provider to an application that speaks SCIM: who comes gets an account, who leaves loses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from connectors import sandbox
from connectors.sandbox.server import StandIn
from tests.support.running import Running, free_port, started
from tests.support.waiting import until

PUSHER = "pusher-of-the-tests-0123456789"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[StandIn]:
    made = await sandbox.start("scim", data=tmp_path / "app.db")
    yield made
    await made.stop()


def configured(directory: Path, app: StandIn) -> tuple[Path, str]:
    port = free_port()
    (directory / "pusher").write_text(PUSHER)
    file = directory / "lockstep.yaml"
    file.write_text(f"""
lockstep: 1
name: test{port}
data: ./gateway
listen: 127.0.0.1:{port}
access:
  tokens:
    tests: {{secret: '${{TOKEN_OF_THE_TESTS}}', roles: [admin]}}
    okta: {{secret: 'file:pusher', roles: [provisioner], connections: [okta]}}
connections:
  okta: {{connector: scim_push, url: https://id.example.com, auth: {{none: {{}}}}, poll: {{every: 200ms}}}}
  app:
    connector: scim
    url: {app.url}/scim/v2
    auth: {{bearer: {{token: '${{PASSWORD}}'}}}}
    poll: {{every: 200ms}}
    timeout: 2s
    settles: 1s
    breaker: {{failures: 3, retry: 200ms, cap: 1s}}
flows:
  people:
    type: person
    key: {{natural: user_name}}
    members:
      okta: {{object: user, mapping: scim_push-user}}
      app: {{object: user, mapping: scim-user}}
    create: {{in: [app]}}
    on_delete: close
""")
    return file, f"http://127.0.0.1:{port}"


async def accounts(app: StandIn) -> list[Any]:
    async with ClientSession() as http, http.get(f"{app.url}/_sandbox/objects") as answer:
        return list((await answer.json())["objects"])


async def shows(app: StandIn, **wanted: Any) -> Any:
    async def there() -> bool:
        found = await accounts(app)
        return len(found) == 1 and wanted.items() <= found[0]["raw"].items()

    await until(there, what=f"the account to show {wanted}")
    return (await accounts(app))[0]["raw"]


async def push(running: Running, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {PUSHER}", "Content-Type": "application/scim+json"}
    async with running.http.request(method, f"{running.url}/scim/v2/okta{path}", json=body, headers=headers) as answer:
        assert answer.ok, await answer.text()
        return await answer.json(content_type=None) if answer.status != 204 else None


async def test_who_comes_gets_one_account_and_who_leaves_has_it_off(tmp_path: Path, app: StandIn) -> None:
    """The create lands when nobody waits for it any more; there is one account all the same."""
    file, url = configured(tmp_path, app)
    async with started(file, url) as running:
        wish = {"kind": "late_commit", "count": 1, "delay_s": 0.2, "match": {"method": "POST", "path_regex": "/Users$"}}
        async with running.http.post(f"{app.url}/_sandbox/faults", json=wish) as answer:
            assert answer.ok, await answer.text()
        barbara = {
            "schemas": [USER],
            "userName": "bjensen@example.com",
            "active": True,
            "emails": [{"value": "bjensen@example.com", "primary": True}],
        }
        made = await push(running, "POST", "/Users", barbara)
        account = await shows(app, userName="bjensen@example.com", active=True)
        assert [each["value"] for each in account["emails"]] == ["bjensen@example.com"]
        off = {"op": "Replace", "path": "active", "value": "False"}
        await push(running, "PATCH", f"/Users/{made['id']}", {"schemas": [PATCH], "Operations": [off]})
        await shows(app, active=False)
        on = {"op": "Replace", "path": "active", "value": "True"}
        await push(running, "PATCH", f"/Users/{made['id']}", {"schemas": [PATCH], "Operations": [on]})
        await shows(app, active=True)
        await push(running, "DELETE", f"/Users/{made['id']}")
        await shows(app, active=False)
        await running.quiet()
        assert len(await accounts(app)) == 1
