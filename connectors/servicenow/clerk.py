"""Who gives people on an instance what departures take away, without our connector: for the conformance kit."""

from __future__ import annotations

from typing import Any

from connectors.contract.access import GrantKind, Whom
from connectors.contract.connector import ConnectionSettings
from connectors.contract.furnished import AccessFixture, Held
from connectors.rest.plain import PlainApi

_TABLE = "/api/now/table"
_LATER = "2099-01-01 00:00:00"
_BRINGS_A_ROLE, _BRINGS_NONE = "Service Desk", "Network"
_ROLE = "approver_user"
_WHERE = {
    GrantKind.SESSION: ("sys_user_session", "name={name}^invalidatedISEMPTY"),
    GrantKind.TOKEN: ("oauth_credential", "user={id}"),
    GrantKind.ROLE: ("sys_user_has_role", "user={id}"),
    GrantKind.GROUP: ("sys_user_grmember", "user={id}"),
    GrantKind.JOB: ("sysauto", "run_as={id}^active=true"),
    GrantKind.APPROVAL: ("sysapproval_approver", "approver={id}^state=requested"),
    GrantKind.WORK: ("task", "assigned_to={id}^active=true"),
}
_COLUMNS = {GrantKind.WORK: "assigned_to", GrantKind.APPROVAL: "approver", GrantKind.JOB: "run_as"}


class Registrar:
    """Implements `Clerk` on the Table API (facts.md 1.2)."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)
        self._names: dict[str, str] = {}

    async def hire(self, mark: str) -> Whom:
        address = f"{mark}@example.com"
        return Whom(email=address, user_name=mark, account=await self._person(mark, address))

    async def twin(self, whom: Whom, mark: str) -> str:
        return await self._person(mark, whom.email.upper())

    async def furnish(self, account: str, count: int, mark: str) -> None:
        """Closed work, stopped jobs and decided approvals are there as well, and are over."""
        await self._put("sys_user_grmember", user=account, group=await self._named("sys_user_group", _BRINGS_A_ROLE))
        role, group = await self._named("sys_user_role", _ROLE), await self._named("sys_user_group", _BRINGS_NONE)
        change = ""
        for number in range(count):
            await self._put("sys_user_grmember", user=account, group=group)
            await self._put("sys_user_has_role", user=account, role=role)
            await self._put("sys_user_session", name=self._names[account], id=f"{mark}{number}")
            await self._put("oauth_credential", user=account, type="refresh_token", expires=_LATER)
            await self._put("sysauto_script", name=f"{mark} {number}", run_as=account)
            await self._put("incident", short_description=f"{mark} {number}", assigned_to=account)
            change = await self._put("change_request", short_description=f"{mark} {number}", assigned_to=account)
            await self._put("sysapproval_approver", approver=account, sysapproval=change)
        await self._put("sysauto_script", name=f"{mark} stopped", run_as=account, active="false")
        await self._put("sysapproval_approver", approver=account, sysapproval=change, state="approved")
        await self._put("incident", short_description=f"{mark} over", assigned_to=account, state="8")

    async def has(self, account: str) -> Held:
        user = await self._api.ask("GET", f"{_TABLE}/sys_user/{account}", absent=(404,))
        if user is None:
            return {}
        name, found = user["result"]["user_name"], {}
        for kind, (table, query) in _WHERE.items():
            rows = await self._rows(table, query.format(id=account, name=name))
            found[kind] = frozenset(str(each["sys_id"]) for each in rows)
        found[GrantKind.ACCOUNT] = frozenset({account} if user["result"]["active"] != "false" else ())
        return {kind: ids for kind, ids in found.items() if ids}

    async def pass_on(self, kind: GrantKind, id: str, to: str) -> None:
        await self._api.ask("PATCH", f"{_TABLE}/{_WHERE[kind][0]}/{id}", {_COLUMNS[kind]: to})

    async def dismiss(self, account: str) -> None:
        await self._api.ask("DELETE", f"{_TABLE}/sys_user/{account}", absent=(404,))

    async def close(self) -> None:
        await self._api.close()

    async def _person(self, name: str, address: str) -> str:
        id = await self._put("sys_user", user_name=name, email=address, first_name=name)
        self._names[id] = name
        return id

    async def _put(self, table: str, **values: str) -> str:
        return str((await self._api.ask("POST", f"{_TABLE}/{table}", values))["result"]["sys_id"])

    async def _named(self, table: str, name: str) -> str:
        return str((await self._rows(table, f"name={name}"))[0]["sys_id"])

    async def _rows(self, table: str, query: str) -> list[Any]:
        asked = f"{_TABLE}/{table}?sysparm_fields=sys_id&sysparm_query={query}"
        return list((await self._api.ask("GET", asked))["result"])


def _settings(url: str, person: str) -> ConnectionSettings:
    auth = {"basic": {"user": person, "password": f"{person}-secret"}}
    return ConnectionSettings(name="servicenow", connector="servicenow", url=url, auth=auth)


ACCESS = AccessFixture(system="servicenow", sandbox=_settings, clerk=Registrar)
