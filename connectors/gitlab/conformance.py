"""GitLab for the conformance kit: issues and merge requests of one project, and a person who works on them without our
connector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Fixture, Held
from connectors.rest.plain import PlainApi

PROJECT = "14"
ISSUES = f"/api/v4/projects/{PROJECT}/issues"
MERGE_REQUESTS = f"/api/v4/projects/{PROJECT}/merge_requests"


class Desk:
    """Implements `Hand` on REST v4 (facts.md 3.2)."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", ISSUES, {"title": text}))["iid"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PUT", f"{ISSUES}/{id}", {"title": text})

    async def comment(self, id: str, body: str) -> None:
        await self._api.ask("POST", f"{ISSUES}/{id}/notes", {"body": body})

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{ISSUES}/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{ISSUES}/{id}", absent=(404,))
        if found is None:
            return None
        notes = await self._api.ask("GET", f"{ISSUES}/{id}/notes?per_page=100")
        return Held(id=id, text=found["title"], state=found["state"], comments=tuple(each["body"] for each in notes))

    async def search(self, text: str) -> Sequence[str]:
        found, page = list[str](), 1
        while rows := await self._api.ask("GET", f"{ISSUES}?scope=all&per_page=100&page={page}"):
            found += [str(each["iid"]) for each in rows if each["title"] == text]
            page += 1
        return found

    async def close(self) -> None:
        await self._api.close()


class Proposer:
    """Implements `Hand` on merge requests."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def create(self, text: str) -> str:
        asked = {"title": text, "source_branch": "changes", "target_branch": "main"}
        return str((await self._api.ask("POST", MERGE_REQUESTS, asked))["iid"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PUT", f"{MERGE_REQUESTS}/{id}", {"title": text})

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("merge requests are not commented here")

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{MERGE_REQUESTS}/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{MERGE_REQUESTS}/{id}", absent=(404,))
        return None if found is None else Held(id=id, text=found["title"], state=found["state"])

    async def search(self, text: str) -> Sequence[str]:
        found, page = list[str](), 1
        while rows := await self._api.ask("GET", f"{MERGE_REQUESTS}?scope=all&per_page=100&page={page}"):
            found += [str(each["iid"]) for each in rows if each["title"] == text]
            page += 1
        return found

    async def close(self) -> None:
        await self._api.close()


def _settings(object: str, url: str, person: str) -> ConnectionSettings:
    return ConnectionSettings(
        name="gitlab",
        connector="gitlab",
        url=url,
        auth={"bearer": {"token": f"{person}-secret"}},
        options={"project": PROJECT},
        objects={object: {}},
    )


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    return {"x-gitlab-token": secret}


FIXTURES = (
    Fixture(
        object="issue",
        system="gitlab",
        actions=("create", "update", "step", "comment"),
        sandbox=partial(_settings, "issue"),
        fragment=lambda text: {"title": text},
        text=lambda raw: str(raw.get("title", "")),
        hand=Desk,
        state=lambda raw: str(raw.get("state", "")),
        absent="999999",
        sign=_signed,
        signs_body=False,
        signed_by="gitlab-token",
    ),
    Fixture(
        object="merge_request",
        system="gitlab",
        actions=(),
        sandbox=partial(_settings, "merge_request"),
        fragment=lambda text: {},
        text=lambda raw: str(raw.get("title", "")),
        hand=Proposer,
        state=lambda raw: str(raw.get("state", "")),
        absent="999999",
        sign=_signed,
        signs_body=False,
        signed_by="gitlab-token",
    ),
)
