"""An identity provider pushes to a whole gateway: who comes, who changes, and who leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.intake.scim import tables as t
from gateway.sync import store
from gateway.sync import tables as core
from gateway.sync.state import RecordState
from tests.support.running import SIGNED_IN, Running, free_port, started
from tests.support.waiting import until

PUSHER = "pusher-of-the-tests-0123456789"
LOOKER = "looker-of-the-tests-0123456789"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BARBARA = {
    "schemas": [USER, ENTERPRISE],
    "userName": "bjensen@example.com",
    "externalId": "00u1",
    "password": "t1meMa$heen",
    "active": True,
    "name": {"givenName": "Barbara", "familyName": "Jensen"},
    "emails": [{"value": "Bjensen@Example.com", "type": "work", "primary": True}],
    ENTERPRISE: {"department": "Tour Operations"},
}


def configured(directory: Path) -> tuple[Path, str]:
    port = free_port()
    (directory / "pusher").write_text(PUSHER)
    (directory / "looker").write_text(LOOKER)
    file = directory / "lockstep.yaml"
    file.write_text(f"""
lockstep: 1
name: test{port}
data: ./gateway
listen: 127.0.0.1:{port}
limits: {{body: 64 KB}}
access:
  tokens:
    tests: {{secret: '${{TOKEN_OF_THE_TESTS}}', roles: [admin]}}
    okta: {{secret: 'file:pusher', roles: [provisioner], connections: [okta, other]}}
    looker: {{secret: 'file:looker', roles: [viewer], connections: [okta]}}
connections:
  okta: {{connector: scim_push, url: https://id.example.com, auth: {{none: {{}}}}, poll: {{every: 200ms}}}}
  other: {{connector: scim_push, url: https://id.example.org, auth: {{none: {{}}}}, poll: {{every: 200ms}}}}
flows:
  people:
    type: person
    key: {{natural: user_name}}
    members:
      okta: {{object: user, mapping: scim_push-user}}
      other: {{object: user, mapping: scim_push-user}}
    on_delete: close
""")
    return file, f"http://127.0.0.1:{port}"


class Provider:
    """What an identity provider does."""

    def __init__(self, running: Running, token: str = PUSHER, connection: str = "okta") -> None:
        self.running, self.headers = running, {"Authorization": f"Bearer {token}"}
        self.base = f"{running.url}/scim/v2/{connection}"

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        heard = {**self.headers, "Content-Type": "application/scim+json", **headers}
        data = body if isinstance(body, bytes) else None
        json = None if data is not None else body
        async with self.running.http.request(method, self.base + path, json=json, data=data, headers=heard) as answer:
            said = await answer.json(content_type=None) if answer.status != 204 else None
            return answer.status, said, answer.headers

    async def patch(self, id: str, *operations: Any) -> Any:
        status, said, _ = await self.ask("PATCH", f"/Users/{id}", {"schemas": [PATCH], "Operations": operations})
        assert status == 200, said
        return said


@pytest.fixture
async def pushed(tmp_path: Path) -> AsyncIterator[Provider]:
    file, url = configured(tmp_path)
    async with started(file, url) as running:
        yield Provider(running)


async def records(running: Running) -> list[RecordState]:
    async with running.gateway.database.read() as tx:
        ids = [row[0] for row in await tx.execute(select(core.record.c.id).order_by(core.record.c.id))]
        found = await store.load_records(tx, ids)
        return [found[each] for each in ids]


async def person(running: Running, **wanted: Any) -> RecordState:
    """Waits until the only record shows these values."""

    async def shows() -> bool:
        found = await records(running)
        return len(found) == 1 and wanted.items() <= found[0].values().items()

    await until(shows, what=f"the person to show {wanted}")
    return (await records(running))[0]


async def test_a_pushed_user_becomes_a_person_and_a_leaver_leaves(pushed: Provider) -> None:
    status, made, headers = await pushed.ask("POST", "/Users", BARBARA)
    assert (status, headers["ETag"], headers["Location"]) == (201, 'W/"1"', made["meta"]["location"])
    record = await person(pushed.running, user_name="bjensen@example.com", active=True)
    assert record.values()["email"] == "bjensen@example.com"
    assert record.values()["department"] == "Tour Operations"
    # Entra's capitals and texts, Okta's operations without a path
    await pushed.patch(made["id"], {"op": "Replace", "path": "active", "value": "False"})
    await person(pushed.running, active=False)
    await pushed.patch(made["id"], {"op": "replace", "value": {"active": True, "title": "Guide"}})
    await person(pushed.running, active=True, title="Guide")
    status, _, _ = await pushed.ask("DELETE", f"/Users/{made['id']}")
    assert status == 204

    async def left() -> bool:
        return (await records(pushed.running))[0].tombstoned_at is not None

    await until(left, what="the person to have left")
    assert (await pushed.ask("GET", f"/Users/{made['id']}"))[0] == 404


async def test_a_repetition_is_harmless_and_no_password_is_kept(pushed: Provider) -> None:
    _, made, _ = await pushed.ask("POST", "/Users", BARBARA)
    again, refusal, _ = await pushed.ask("POST", "/Users", BARBARA)
    assert (again, refusal["scimType"], refusal["status"]) == (409, "uniqueness", "409")
    _, put, headers = await pushed.ask("PUT", f"/Users/{made['id']}", BARBARA)
    assert (headers["ETag"], put["meta"]["lastModified"]) == ('W/"1"', made["meta"]["lastModified"])
    await person(pushed.running, user_name="bjensen@example.com")
    await pushed.running.quiet()
    async with pushed.running.gateway.database.read() as tx:
        (notice,) = (await tx.execute(select(core.notice))).mappings().all()
        (row,) = (await tx.execute(select(t.scim_resource))).mappings().all()
        assert not (await tx.execute(select(t.scim_change))).all(), "the stream has it"
    assert "t1meMa$heen" not in str(dict(notice)) + str(dict(row)) + str(put)


async def test_who_left_elsewhere_and_is_still_on_at_the_provider_is_a_case(pushed: Provider) -> None:
    """Nobody can switch an account off at an identity provider from here, so a person is told to."""
    other = Provider(pushed.running, PUSHER, "other")
    _, here, _ = await pushed.ask("POST", "/Users", BARBARA)
    await person(pushed.running, active=True)
    status, there, _ = await other.ask("POST", "/Users", BARBARA)
    assert status == 201

    async def linked() -> bool:
        found = await records(pushed.running)
        return len(found) == 1 and set(found[0].members) == {"okta", "other"}

    await until(linked, what="one person at both")
    await other.ask("DELETE", f"/Users/{there['id']}")

    async def told() -> list[Any]:
        async with pushed.running.http.get(f"{pushed.running.url}/v1/cases", headers=SIGNED_IN) as answer:
            return list((await answer.json())["items"])

    (case,) = await until(told, what="the case")
    assert case["connection"] == "okta"
    await pushed.patch(here["id"], {"op": "Replace", "path": "active", "value": "False"})
    retry = {"action": "retry", "said": {"reason": "switched off at the provider"}}
    number = case["number"]
    async with pushed.running.http.get(f"{pushed.running.url}/v1/cases/{number}", headers=SIGNED_IN) as answer:
        heard = {**SIGNED_IN, "If-Match": answer.headers["ETag"], "Idempotency-Key": "retry-once-switched-off"}
    address = f"{pushed.running.url}/v1/cases/{number}/actions"
    async with pushed.running.http.post(address, headers=heard, json=retry) as answer:
        assert answer.ok, await answer.text()

    async def over() -> bool:
        return not await told()

    await until(over, what="the case to be over")
    await pushed.running.quiet()
