"""BambooHR for the conformance kit: employees, and somebody in HR who works without our connector."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence

import httpx

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Fixture, Held
from connectors.rest.transport import trusted

EMPLOYEES = "/api/v1/employees"


class Desk:
    """Implements `Hand` on the vendor's API (facts.md 4.1). What the API cannot do, the web page does: deleting."""

    def __init__(self, settings: ConnectionSettings) -> None:
        coded = b64encode(f"{settings.auth['api_key']['key']}:x".encode()).decode()
        headers = {"Authorization": f"Basic {coded}", "Accept": "application/json"}
        self._http = httpx.AsyncClient(base_url=settings.url, headers=headers, timeout=20.0, verify=trusted())

    async def _ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        answer = await self._http.request(method, path, json=body)
        assert answer.status_code < 400 or answer.status_code == 404, (method, path, answer.status_code, answer.headers)
        return answer

    async def create(self, text: str) -> str:
        made = await self._ask("POST", EMPLOYEES, {"firstName": "Kim", "lastName": "Kit", "jobTitle": text})
        return made.headers["location"].rpartition("/")[2]

    async def edit(self, id: str, text: str) -> None:
        await self._ask("POST", f"{EMPLOYEES}/{id}", {"jobTitle": text})

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("employees have no comments")

    async def delete(self, id: str) -> None:
        await self._ask("POST", f"/app/employees/{id}/delete")

    async def held(self, id: str) -> Held | None:
        found = await self._ask("GET", f"{EMPLOYEES}/{id}?fields=jobTitle,status")
        if found.status_code == 404:
            return None
        return Held(id=id, text=found.json()["jobTitle"], state=found.json()["status"])

    async def search(self, text: str) -> Sequence[str]:
        asked = {"title": "kit", "fields": ["jobTitle"]}
        found = await self._ask("POST", "/api/v1/reports/custom?format=json&onlyCurrent=false", asked)
        return [each["id"] for each in found.json()["employees"] if each["jobTitle"] == text]

    async def close(self) -> None:
        await self._http.aclose()


def _settings(url: str, person: str) -> ConnectionSettings:
    auth = {"api_key": {"key": f"{person}-secret"}}
    return ConnectionSettings(name="bamboohr", connector="bamboohr", url=url, auth=auth, objects={"employee": {}})


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    return {"x-bamboohr-timestamp": stamp, "x-bamboohr-signature": digest}


FIXTURES = (
    Fixture(
        object="employee",
        system="bamboohr",
        actions=("update",),
        sandbox=_settings,
        fragment=lambda text: {"jobTitle": text},
        text=lambda raw: str(raw.get("jobTitle") or ""),
        hand=Desk,
        state=lambda raw: str(raw.get("status") or ""),
        absent="999999",
        reading=(r"^POST /api/v1/reports/custom\b",),
        sign=_signed,
        signs_time=True,
    ),
)
