"""Who gives people on a site groups, roles and issues, without our connector: for the conformance kit."""

from __future__ import annotations

import asyncio
from typing import Any

from connectors.contract.access import GrantKind, Whom
from connectors.contract.connector import ConnectionSettings
from connectors.contract.furnished import AccessFixture, Held
from connectors.rest.plain import PlainApi

_API = "/rest/api/3"
_PROJECT = "OPS"
_LOOK_S, _LOOKS = 0.02, 500
_OURS = "reporter = currentUser() ORDER BY created ASC, key ASC"


class Registrar:
    """Implements `Clerk` on the REST API (facts.md 2.3)."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def hire(self, mark: str) -> Whom:
        address = f"{mark}@example.com"
        made = await self._api.ask("POST", f"{_API}/user", {"emailAddress": address, "products": []})
        return Whom(email=address, account=str(made["accountId"]))

    async def twin(self, whom: Whom, mark: str) -> str:
        return ""

    async def furnish(self, account: str, count: int, mark: str) -> None:
        groups = [await self._group(f"{mark}-{number}", account) for number in range(count)]
        places = await self._places()
        for project, role in places[:count]:
            await self._api.ask("POST", f"{_API}/project/{project}/role/{role}", {"user": [account]})
        project, role = places[-1]
        await self._api.ask("POST", f"{_API}/project/{project}/role/{role}", {"groupId": groups[:1]})
        issues = {await self._issue(f"{mark} {number}", account) for number in range(count)}
        for _ in range(_LOOKS):  # a search may lag behind (facts.md 2.2), and what it does not show is not missing
            if issues <= {str(each["id"]) for each in await self._issues()}:
                return
            await asyncio.sleep(_LOOK_S)
        raise AssertionError("the search does not show the new issues")

    async def has(self, account: str) -> Held:
        user = await self._api.ask("GET", f"{_API}/user?accountId={account}", absent=(404,))
        if user is None:
            return {}
        groups = {
            str(each["groupId"]) for each in await self._api.ask("GET", f"{_API}/user/groups?accountId={account}")
        }
        found = {
            GrantKind.GROUP: frozenset(groups),
            GrantKind.ROLE: frozenset(await self._roles(account, groups)),
            GrantKind.WORK: frozenset(str(each["id"]) for each in await self._issues() if _is_his(each, account)),
            GrantKind.ACCOUNT: frozenset({account} if user["active"] else ()),
        }
        return {kind: ids for kind, ids in found.items() if ids}

    async def pass_on(self, kind: GrantKind, id: str, to: str) -> None:
        await self._api.ask("PUT", f"{_API}/issue/{id}/assignee", {"accountId": to})

    async def dismiss(self, account: str) -> None:
        await self._api.ask("DELETE", f"{_API}/user?accountId={account}", absent=(404,))

    async def close(self) -> None:
        await self._api.close()

    async def _group(self, name: str, member: str) -> str:
        id = str((await self._api.ask("POST", f"{_API}/group", {"name": name}))["groupId"])
        await self._api.ask("POST", f"{_API}/group/user?groupId={id}", {"accountId": member})
        return id

    async def _issue(self, text: str, assignee: str) -> str:
        fields = {"project": {"key": _PROJECT}, "issuetype": {"name": "Task"}, "summary": text}
        said = {"fields": {**fields, "assignee": {"accountId": assignee}}}
        return str((await self._api.ask("POST", f"{_API}/issue", said))["id"])

    async def _places(self) -> list[tuple[str, str]]:
        """Roles of two projects that everybody who signs in sees."""
        found = []
        for project in ("HR", _PROJECT):
            roles = await self._api.ask("GET", f"{_API}/project/{project}/role")
            found += [(project, str(url).rpartition("/")[2]) for url in roles.values()]
        return found

    async def _roles(self, account: str, groups: set[str]) -> set[str]:
        found = set()
        for project, role in await self._places():
            for actor in (await self._api.ask("GET", f"{_API}/project/{project}/role/{role}"))["actors"]:
                if actor.get("actorUser", {}).get("accountId") == account:
                    found.add(f"{project}/{role}")
                if (group := actor.get("actorGroup", {}).get("groupId")) in groups:
                    found.add(f"{project}/{role}/{group}")
        return found

    async def _issues(self) -> list[Any]:
        """All that were made by hand; each shows whose it is now, however late the search is."""
        found: list[Any] = []
        asked: dict[str, Any] = {"jql": _OURS, "fields": ["assignee"], "maxResults": 100}
        while True:
            page = await self._api.ask("POST", f"{_API}/search/jql", asked)
            found += page["issues"]
            if page.get("isLast", True):
                return found
            asked["nextPageToken"] = page["nextPageToken"]


def _is_his(issue: Any, account: str) -> bool:
    return bool((issue["fields"]["assignee"] or {}).get("accountId") == account)


def _settings(url: str, person: str) -> ConnectionSettings:
    auth = {"basic": {"user": f"{person}@example.com", "password": f"{person}-secret"}}
    return ConnectionSettings(name="jira", connector="jira", url=url, auth=auth)


ACCESS = AccessFixture(system="jira", sandbox=_settings, clerk=Registrar, reading=(r"^POST /rest/api/3/search/jql",))
