"""What an account has on a site, and how that ends.

The trap: an Atlassian account is not the site's. Whether it is on, who is signed in and what keys it has is decided and
shown at admin.atlassian.com; the site knows groups, project roles and work (facts.md 2.3 [OAS-JIRA]). The address may
be hidden (profile visibility), and the search may lag behind: each issue shows whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.access import Account, Ending, Grant, GrantKind, Holdings, Whom, objection
from connectors.contract.errors import Refused
from connectors.jira import answers, roll
from connectors.jira.accounts import USER_PATH
from connectors.jira.adf import from_text
from connectors.jira.api import API, Api
from connectors.jira.groups import GROUP_PATH
from connectors.jira.jql import all_of, quoted
from connectors.jira.people import Directory
from connectors.jira.roles import Roles
from connectors.jira.settings import JiraOptions
from connectors.privilege import listed, sounds
from connectors.rest import Answer, RestClient

_ADMIN = "admin.atlassian.com"
_BY_HAND = (
    f"the account belongs to its organisation: deactivate it, or take its access to the site away, at {_ADMIN} under "
    "Directory, Users"
)
_UNSEEN: Mapping[GrantKind, str] = {
    GrantKind.SESSION: f"the site does not tell who is signed in; {_ADMIN} ends sessions with the account",
    GrantKind.TOKEN: f"API tokens belong to the Atlassian account; {_ADMIN} under Security, API tokens shows and "
    "revokes them",
    GrantKind.JOB: "no API of the site tells by whom automation rules run; look at Settings, System, Automation rules",
}
_NO_ROLES = "not looked at, because options: project_roles is false"
_AT_ONCE = 50
_OPEN = "statusCategory != Done"


class Access:
    """The accounts of one site."""

    def __init__(self, client: RestClient, directory: Directory, options: JiraOptions) -> None:
        self._client, self._options = client, options
        self._api = Api(client, directory)
        self._roles = Roles(client, options)

    @property
    def ends(self) -> Mapping[GrantKind, str]:
        """The account only where the connection is said to take the access to the site away."""
        account = "" if self._options.takes_access else _BY_HAND
        return {GrantKind.ROLE: "", GrantKind.GROUP: "", GrantKind.ACCOUNT: account, GrantKind.WORK: ""}

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        """By id; else by address, which also stands for a user name where that is one. The site searches by addresses
        that it does not show; then it is believed.
        """
        if whom.account:
            row = await self._person(whom.account)
            return () if row is None else (await self._account(row, ("account",)),)
        found: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
        for field, value in (("email", whom.email), ("user_name", whom.user_name)):
            for row in await self._called(value) if "@" in value else ():
                found.setdefault(str(row["accountId"]), (row, []))[1].append(field)
        if not found:
            await self._api.believed()  # a dead token finds nobody, either
        return tuple([await self._account(row, tuple(fields)) for _, (row, fields) in sorted(found.items())])

    async def holdings(self, account: str) -> Holdings:
        """Groups, roles in every project that we see, open issues in them, and the account if it is on."""
        row = await self._person(account)
        if row is None:
            return Holdings(account=None, grants=())
        groups = await self._groups(account)
        unseen = dict(_UNSEEN)
        roles: Sequence[Grant] = ()
        if self._options.project_roles:
            roles = await self._roles.of(account, {each.id: each.name for each in groups})
        else:
            unseen[GrantKind.ROLE] = _NO_ROLES
        grants = (*roles, *groups, *_sign_in(row), *await self._work(account))
        privileged = any(each.privileged for each in grants)
        return Holdings(account=_known(row, privileged=privileged), grants=grants, unseen=unseen)

    async def end(self, ending: Ending) -> None:
        """One write. Work is read right before, and left alone where it is not the person's any more."""
        if why := objection(self.ends, ending):
            raise Refused(why, said=why)
        match ending.grant.kind:
            case GrantKind.GROUP:
                await self._leave(ending)
            case GrantKind.ROLE:
                await self._roles.leave(ending)
            case GrantKind.ACCOUNT:
                await self._take_away(ending)
            case _:
                await self._hand_over(ending)

    async def _leave(self, ending: Ending) -> None:
        """Who is no member is answered with 400 [M], as much else is: then it is looked up which of both it was."""
        path, account, group = f"{GROUP_PATH}/user", ending.account.id, ending.grant.id
        answer = await self._client.write(
            "DELETE",
            path,
            None,
            {"groupId": group, "accountId": account},
            empty_ok=True,
            tolerate={400, 404},
            **told(ending),
        )
        if answer.status < 300 or await self._person(account) is None:
            return
        if group in {each.id for each in await self._groups(account)}:
            raise self._refused("DELETE", path, answer)

    async def _take_away(self, ending: Ending) -> None:
        asked = {"accountId": ending.account.id}
        answer = await self._client.write(
            "DELETE", USER_PATH, None, asked, empty_ok=True, tolerate={404}, **told(ending)
        )
        if answer.status == 404:
            await self._api.believed()

    async def _hand_over(self, ending: Ending) -> None:
        """With the remark in the same request, so that neither comes without the other."""
        where = f"{API}/{ending.grant.id}"
        found = await self._api.look(where, {"fields": "assignee"}, answers.an_issue)
        if found.status == 404 or _assignee(found.data) != ending.account.id:
            return
        to = {"accountId": ending.to.id} if ending.to else None
        body: dict[str, Any] = {"fields": {"assignee": to}}
        if ending.note:
            body["update"] = {"comment": [{"add": {"body": from_text(ending.note)}}]}
        answer = await self._client.write("PUT", where, body, empty_ok=True, tolerate={404}, **told(ending))
        if answer.status == 404:
            raise await self._api.missing("PUT", where, answer)

    async def _person(self, account: str) -> Mapping[str, Any] | None:
        answer = await self._api.look(USER_PATH, {"accountId": account}, answers.a_person)
        return None if answer.status == 404 else answer.data

    async def _account(self, row: Mapping[str, Any], matched: tuple[str, ...]) -> Account:
        groups = await self._groups(str(row["accountId"]))
        return _known(row, privileged=any(each.privileged for each in groups), matched=matched)

    async def _called(self, address: str) -> list[Mapping[str, Any]]:
        """Everybody with this address. The search knows only who is active [OAS-JIRA findUsers]; if it finds nobody,
        all are looked through.
        """
        asked = {"query": address}
        found = [row for row in await self._people(f"{USER_PATH}/search", asked) if _may_be(row, address)]
        everybody = [] if found else await self._people("/rest/api/3/users/search", {})
        return found or [row for row in everybody if _address(row) == address.casefold()]

    async def _people(self, path: str, asked: Mapping[str, str]) -> list[Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        following: tuple[int, int] | None = (0, 0)
        while following is not None:
            at, empty = following
            query: dict[str, str | int] = {**asked, "startAt": at, "maxResults": self._options.page_size}
            rows = (await self._client.read(path, query, sound=answers.people)).data
            found |= {str(row["accountId"]): row for row in rows}
            following = roll.going(at, empty, roll.Listing(rows=rows, size=self._options.page_size))
        return list(found.values())

    async def _groups(self, account: str) -> list[Grant]:
        """One answer without pages [OAS-JIRA getUserGroups]."""
        answer = await self._api.get(f"{USER_PATH}/groups", {"accountId": account}, answers.a_list)
        return [
            Grant(
                kind=GrantKind.GROUP,
                id=str(row.get("groupId") or row["name"]),
                name=str(row["name"]),
                privileged=sounds(str(row["name"])) or listed(str(row["name"]), self._options.privileged),
            )
            for row in answer.data
        ]

    async def _work(self, account: str) -> list[Grant]:
        query = all_of([f"assignee = {quoted(account)}", _OPEN], "created ASC, key ASC")
        found = await self._api.search(query, ("assignee", "summary"), limit=self._options.page_size)
        return [
            Grant(
                kind=GrantKind.WORK,
                id=str(issue["id"]),
                name=str(issue["key"]),
                detail={"about": str((issue.get("fields") or {}).get("summary") or "")},
            )
            for issue in found
            if _assignee(issue) == account
        ]

    def _refused(self, method: str, path: str, answer: Answer) -> Refused:
        reason, fields = answers.blame(answer)
        evidence = self._client.evidence(method, path, answer)
        said = f"{method} {path} answered {answer.status}: {reason}"
        return Refused(said, status=answer.status, evidence=evidence, fields=fields, said=reason)


def told(ending: Ending) -> dict[str, Any]:
    """What goes with each write."""
    return {"timeout_s": ending.timeout_s, "operation": ending.operation, "traceparent": ending.traceparent}


def _known(row: Mapping[str, Any], *, privileged: bool, matched: tuple[str, ...] = ()) -> Account:
    name = str(row.get("emailAddress") or row.get("displayName") or row["accountId"])
    return Account(
        id=str(row["accountId"]),
        name=name,
        email=str(row.get("emailAddress") or ""),
        active=row.get("active") is not False,
        privileged=privileged,
        matched=matched,
    )


def _sign_in(row: Mapping[str, Any]) -> list[Grant]:
    account = _known(row, privileged=False)
    return [Grant(kind=GrantKind.ACCOUNT, id=account.id, name=account.name)] if account.active else []


def _address(row: Mapping[str, Any]) -> str:
    return str(row.get("emailAddress") or "").casefold()


def _may_be(row: Mapping[str, Any], address: str) -> bool:
    """The search goes by beginnings of names and addresses; whose name begins so was not found by the address."""
    named = str(row.get("displayName") or "").casefold().startswith(address.casefold())
    return _address(row) == address.casefold() or (not _address(row) and not named)


def _assignee(issue: Mapping[str, Any]) -> str:
    found = (issue.get("fields") or {}).get("assignee")
    return str(found.get("accountId") or "") if isinstance(found, Mapping) else ""
