"""What somebody who works here has in five systems: given by whoever runs them, and looked at by them, through the
vendors' own APIs. A departure is judged by this, never by what the gateway says of itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from gateway.demo.desks import NotMade
from gateway.demo.stand_ins import CRM, DIR, HUB, JIRA, SNOW

CLERK = "admin"
"""Who runs the systems."""
_TABLE = "/api/now/table"
_DESK = "5e41ce00c0ffee00b0a7000000000011"
_API = "/rest/api/3"
_DATA = "/services/data/v60.0"
_ORG, _REPO = "/orgs/lockstep", "/repos/lockstep/desk"
_SCIM = "/scim/v2"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


class Door(Protocol):
    """A vendor's API, signed in to by whoever calls."""

    async def call(self, who: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON answered, None for none. Raises NotMade."""
        ...


@dataclass(frozen=True, slots=True)
class Holding:
    """What somebody has in one system now."""

    on: bool
    """The account is on; in GitHub: belongs to the organisation."""
    rights: frozenset[str] = frozenset()
    """Groups, teams, roles and sets of permissions."""
    work: frozenset[str] = frozenset()
    """Ids of what is open and theirs."""

    @property
    def nothing(self) -> bool:
        """Neither an account that is on, nor a right, nor work."""
        return not (self.on or self.rights or self.work)


@dataclass(slots=True)
class ServiceNowAdmin:
    """A user, a group, roles, an incident, an approval."""

    api: Door

    async def give(self, who: str, other: str, text: str) -> None:
        """`other` has the same rights."""
        me = await self._user(who)
        (role,) = await self._rows("sys_user_role", "name=approver_user")
        for name in (who, other):
            user = await self._user(name)
            await self._put("sys_user_grmember", user=user, group=_DESK)
            await self._put("sys_user_has_role", user=user, role=role["sys_id"])
        await self._put("incident", short_description=text, assigned_to=me)
        change = await self._put("change_request", short_description=text, assigned_to=me)
        await self._put("sysapproval_approver", approver=me, sysapproval=change, state="requested")

    async def pass_on(self, who: str, to: str) -> str:
        """Gives an open incident of somebody to somebody else, and says which."""
        first, *_ = await self._rows("incident", f"assigned_to={await self._user(who)}^active=true")
        body = {"assigned_to": await self._user(to)}
        await self.api.call(CLERK, "PATCH", f"{_TABLE}/incident/{first['sys_id']}", body)
        return str(first["sys_id"])

    async def has(self, who: str) -> Holding:
        (user,) = await self._rows("sys_user", f"user_name={who}")
        id = user["sys_id"]
        groups = await self._rows("sys_user_grmember", f"user={id}")
        roles = await self._rows("sys_user_has_role", f"user={id}")
        work = await self._rows("task", f"assigned_to={id}^active=true")
        work += await self._rows("sysapproval_approver", f"approver={id}^state=requested")
        rights = {f"group {each['sys_id']}" for each in groups} | {f"role {each['sys_id']}" for each in roles}
        return Holding(user["active"] == "true", frozenset(rights), frozenset(each["sys_id"] for each in work))

    async def notes(self) -> list[str]:
        """What people wrote on anything."""
        return [each["value"] for each in await self._rows("sys_journal_field", "")]

    async def _user(self, who: str) -> str:
        (row,) = await self._rows("sys_user", f"user_name={who}")
        return str(row["sys_id"])

    async def _put(self, table: str, **values: str) -> str:
        return str((await self.api.call(CLERK, "POST", f"{_TABLE}/{table}", values))["result"]["sys_id"])

    async def _rows(self, table: str, query: str) -> list[dict[str, Any]]:
        found = await self.api.call(CLERK, "GET", f"{_TABLE}/{table}?sysparm_query={quote(query)}&sysparm_limit=1000")
        return list(found["result"])


@dataclass(slots=True)
class JiraAdmin:
    """A group, and an issue. The account itself is the organisation's, and a person switches it off."""

    api: Door

    async def give(self, who: str, other: str, text: str) -> None:
        """`other` is in the same group."""
        team = await self.api.call(CLERK, "POST", f"{_API}/group", {"name": f"team of {who}"})
        for name in (who, other):
            member = {"accountId": await self.account(name)}
            await self.api.call(CLERK, "POST", f"{_API}/group/user?groupId={team['groupId']}", member)
        fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": text}
        mine = {"assignee": {"accountId": await self.account(who)}}
        await self.api.call(CLERK, "POST", f"{_API}/issue", {"fields": {**fields, **mine}})

    async def switch_off(self, who: str) -> None:
        """What a person does by hand, in the organisation's administration."""
        await self.api.call(CLERK, "POST", f"/users/{await self.account(who)}/manage/lifecycle/disable")

    async def has(self, who: str) -> Holding:
        id = await self.account(who)
        user = await self.api.call(CLERK, "GET", f"{_API}/user?accountId={id}")
        member = await self.api.call(CLERK, "GET", f"{_API}/user/groups?accountId={id}")
        groups = {f"group {each['name']}" for each in member}
        return Holding(bool(user["active"]), frozenset(groups), frozenset(await self._work(id)))

    async def _work(self, account: str) -> list[str]:
        jql = quote(f'assignee = "{account}" AND statusCategory != Done')
        found, more = list[str](), ""
        while True:
            page = await self.api.call(CLERK, "GET", f"{_API}/search/jql?jql={jql}&maxResults=100&fields=summary{more}")
            found += [each["id"] for each in page["issues"]]
            if not page.get("nextPageToken"):
                return found
            more = f"&nextPageToken={quote(page['nextPageToken'])}"

    async def account(self, who: str) -> str:
        """The id of somebody's account."""
        (found,) = await self.api.call(CLERK, "GET", f"{_API}/user/search?query={who}@example.com")
        return str(found["accountId"])


@dataclass(slots=True)
class GitHubAdmin:
    """Membership of the organisation, a team, an issue."""

    api: Door

    async def give(self, who: str, other: str, text: str) -> None:
        """`other` is in the same team, and works on the issue, too."""
        team = await self.api.call(CLERK, "POST", f"{_ORG}/teams", {"name": f"Team of {who}"})
        for name in (who, other):
            path = f"{_ORG}/teams/{team['slug']}/memberships/{name}"
            await self.api.call(CLERK, "PUT", path, {"role": "member"})
        issue = await self.api.call(CLERK, "POST", f"{_REPO}/issues", {"title": text})
        mine = {"assignees": [who]}
        await self.api.call(CLERK, "POST", f"{_REPO}/issues/{issue['number']}/assignees", mine)

    async def has(self, who: str) -> Holding:
        members = await self.api.call(CLERK, "GET", f"{_ORG}/members?per_page=100")
        rights = set[str]()
        for team in await self.api.call(CLERK, "GET", f"{_ORG}/teams?per_page=100"):
            try:
                await self.api.call(CLERK, "GET", f"{_ORG}/teams/{team['slug']}/memberships/{who}")
            except NotMade as refused:
                if refused.status == 404:
                    continue
                raise
            rights.add(f"team {team['slug']}")
        issues = await self.api.call(CLERK, "GET", f"{_REPO}/issues?state=open&assignee={who}&per_page=100")
        work = frozenset(str(each["number"]) for each in issues)
        return Holding(any(each["login"] == who for each in members), frozenset(rights), work)


@dataclass(slots=True)
class SalesforceAdmin:
    """A set of permissions, and a case."""

    api: Door

    async def give(self, who: str, other: str, text: str) -> None:
        """`other` has the same permissions."""
        right = await self._make("PermissionSet", Name=f"Extra_{who}", Label=f"Extra of {who}")
        for name in (who, other):
            await self._make(
                "PermissionSetAssignment", AssigneeId=(await self._user(name))["Id"], PermissionSetId=right
            )
        await self._make("Case", Subject=text, Priority="High", OwnerId=(await self._user(who))["Id"])

    async def has(self, who: str) -> Holding:
        user = await self._user(who)
        id = user["Id"]
        own = f"AssigneeId = '{id}' AND PermissionSet.IsOwnedByProfile = false"
        sets = await self._query("Id", "PermissionSetAssignment", own)
        cases = await self._query("Id", "Case", f"OwnerId = '{id}' AND IsClosed = false")
        rights = frozenset(f"permissions {each['Id']}" for each in sets)
        return Holding(bool(user["IsActive"]), rights, frozenset(each["Id"] for each in cases))

    async def _user(self, who: str) -> Mapping[str, Any]:
        (found,) = await self._query("Id,IsActive", "User", f"Email = '{who}@example.com'")
        return found

    async def _make(self, kind: str, **fields: str) -> str:
        return str((await self.api.call(CLERK, "POST", f"{_DATA}/sobjects/{kind}", fields))["id"])

    async def _query(self, fields: str, kind: str, where: str) -> list[Mapping[str, Any]]:
        soql = quote(f"SELECT {fields} FROM {kind} WHERE {where}")  # noqa: S608 - of a stand-in, by our own words
        return list((await self.api.call(CLERK, "GET", f"{_DATA}/query?q={soql}"))["records"])


@dataclass(slots=True)
class Directory:
    """An account, which the gateway makes, and a group."""

    api: Door

    async def give(self, who: str, other: str, text: str) -> None:
        """`other` is in the same group."""
        members = [{"value": (await self.user(name))["id"]} for name in (who, other)]
        said = {"schemas": [_GROUP], "displayName": f"Team of {who}", "members": members}
        await self.api.call(CLERK, "POST", f"{_SCIM}/Groups", said)

    async def there(self, who: str) -> bool:
        """Whether there is an account."""
        return any(each["userName"] == f"{who}@example.com" for each in await self._all("Users"))

    async def has(self, who: str) -> Holding:
        user = await self.user(who)
        groups = await self._all("Groups")
        mine = {
            f"group {each['displayName']}"
            for each in groups
            if any(member["value"] == user["id"] for member in each.get("members") or ())
        }
        return Holding(bool(user.get("active")), frozenset(mine))

    async def user(self, who: str) -> Mapping[str, Any]:
        """Of whom there is one."""
        (found,) = [each for each in await self._all("Users") if each["userName"] == f"{who}@example.com"]
        return dict(found)

    async def _all(self, kind: str) -> list[dict[str, Any]]:
        found = await self.api.call(CLERK, "GET", f"{_SCIM}/{kind}?count=1000")
        return list(found.get("Resources") or ())


class Clerk(Protocol):
    """Whoever runs one system. Every verb raises NotMade."""

    async def give(self, who: str, other: str, text: str) -> None:
        """Some of everything to `who`, and the same rights to `other`; `text` names the open work."""
        ...

    async def has(self, who: str) -> Holding:
        """What the system says that somebody has."""
        ...


@dataclass(frozen=True, slots=True)
class Clerks:
    """Whoever runs the five systems."""

    snow: ServiceNowAdmin
    jira: JiraAdmin
    hub: GitHubAdmin
    crm: SalesforceAdmin
    dir: Directory

    @classmethod
    def at(cls, doors: Mapping[str, Door]) -> Clerks:
        """At these APIs, by connection."""
        return cls(
            ServiceNowAdmin(doors[SNOW]),
            JiraAdmin(doors[JIRA]),
            GitHubAdmin(doors[HUB]),
            SalesforceAdmin(doors[CRM]),
            Directory(doors[DIR]),
        )

    @property
    def all(self) -> Mapping[str, Clerk]:
        """By connection."""
        return {DIR: self.dir, SNOW: self.snow, JIRA: self.jira, HUB: self.hub, CRM: self.crm}

    async def give(self, who: str, other: str, text: str) -> None:
        """Some of everything, everywhere. The account in the directory is there already. Raises NotMade."""
        for name, clerk in self.all.items():
            await clerk.give(who, other, f"{text} in {name}")

    async def has(self, who: str) -> dict[str, Holding]:
        """In every system, as it says itself. Raises NotMade."""
        return {name: await clerk.has(who) for name, clerk in self.all.items()}
