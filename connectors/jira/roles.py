"""Roles in projects. A person has one by itself, or because a group has it; each project keeps its own list of who acts
in each role (facts.md 2.3 [OAS-JIRA getProjectRoles, getProjectRole, deleteActor]).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.access import Ending, Grant, GrantKind
from connectors.jira import answers
from connectors.jira.settings import JiraOptions
from connectors.privilege import listed, sounds
from connectors.rest import RestClient

PROJECTS = "/rest/api/3/project"
_PROJECTS_AT_ONCE = 50
_SIDE_BY_SIDE = 6


class Roles:
    """The project roles of one site."""

    def __init__(self, client: RestClient, options: JiraOptions) -> None:
        self._client, self._options = client, options

    async def of(self, account: str, groups: Mapping[str, str]) -> Sequence[Grant]:
        """All of an account's, in every project that we see; `groups`: id -> name, of those that it is in."""
        wanted = [(project, role) for project in await self._projects() for role in await self._named(project)]
        found: list[Grant] = []
        for start in range(0, len(wanted), _SIDE_BY_SIDE):
            some = wanted[start : start + _SIDE_BY_SIDE]
            answered = await asyncio.gather(
                *(self._in(project, role, account, groups) for project, role in some), return_exceptions=True
            )  # all have ended before the first failure is told: none goes on when nobody waits for it any more
            for each in answered:
                if isinstance(each, BaseException):
                    raise each
                found += each
        return found

    async def leave(self, ending: Ending) -> None:
        """Takes the person out of a role. Whoever is not in it is answered with 404, as is a project that is gone."""
        detail, account = ending.grant.detail, ending.account.id
        await self._client.write(
            "DELETE",
            f"{PROJECTS}/{detail['project']}/role/{detail['role']}",
            None,
            {"user": account},
            empty_ok=True,
            tolerate={404},
            timeout_s=ending.timeout_s,
            operation=ending.operation,
            traceparent=ending.traceparent,
        )

    async def _projects(self) -> list[str]:
        found: dict[str, None] = {}
        at, total = 0, 1
        while at < total:
            asked: dict[str, str | int] = {"startAt": at, "maxResults": _PROJECTS_AT_ONCE, "orderBy": "key"}
            data = (await self._client.read(f"{PROJECTS}/search", asked, sound=answers.VALUES)).data
            found |= dict.fromkeys(str(row["key"]) for row in data["values"])
            at, total = at + _PROJECTS_AT_ONCE, int(data.get("total", 0))
        return list(found)

    async def _named(self, project: str) -> list[str]:
        """Ids of the roles of a project: its answer is a map of names to addresses that end with them."""
        answer = await self._client.read(f"{PROJECTS}/{project}/role", sound=_addresses, tolerate={404})
        return [] if answer.status == 404 else [str(url).rpartition("/")[2] for url in answer.data.values()]

    async def _in(self, project: str, role: str, account: str, groups: Mapping[str, str]) -> list[Grant]:
        answer = await self._client.read(f"{PROJECTS}/{project}/role/{role}", sound=_a_role, tolerate={404})
        if answer.status == 404:
            return []
        actors = [each for each in answer.data.get("actors") or () if isinstance(each, Mapping)]
        known = [grant for each in actors if (grant := self._grant(project, answer.data, each, account, groups))]
        return [*{grant.id: grant for grant in known}.values()]

    def _grant(
        self, project: str, role: Mapping[str, Any], actor: Mapping[str, Any], account: str, groups: Mapping[str, str]
    ) -> Grant | None:
        user, group = actor.get("actorUser") or {}, str((actor.get("actorGroup") or {}).get("groupId") or "")
        if user.get("accountId") != account and group not in groups:
            return None
        id, name = str(role["id"]), str(role.get("name") or role["id"])
        privileged = role.get("admin") is True or sounds(name) or listed(name, self._options.privileged)
        return Grant(
            kind=GrantKind.ROLE,
            id=f"{project}/{id}/{group}" if group else f"{project}/{id}",
            name=f"{name} in {project}",
            privileged=privileged,
            through=f"the group {groups[group]}" if group else "",
            detail={"project": project, "role": id},
        )


def _addresses(data: Any) -> str:
    sound = isinstance(data, Mapping) and all(isinstance(each, str) for each in data.values())
    return "" if sound else "no addresses of roles"


def _a_role(data: Any) -> str:
    return "" if isinstance(data, Mapping) and data.get("id") and "actors" in data else "no `id` and `actors`"
