"""Who gives people groups and rights on a SCIM server, without our connector: for the conformance kit."""

from __future__ import annotations

from typing import Any

from connectors.contract.access import GrantKind, Whom
from connectors.contract.connector import ConnectionSettings
from connectors.contract.furnished import AccessFixture, Held
from connectors.rest.plain import PlainApi

_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_MANY = 100


class Registrar:
    """Implements `Clerk` on SCIM (facts.md 4.3)."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def hire(self, mark: str) -> Whom:
        address = f"{mark}@example.com"
        return Whom(email=address, user_name=mark, account=await self._made(mark, address))

    async def twin(self, whom: Whom, mark: str) -> str:
        return await self._made(mark, whom.email.upper())

    async def furnish(self, account: str, count: int, mark: str) -> None:
        for number in range(count - 1):
            await self._group(f"{mark} {number}", {"value": account})
        inner = await self._group(f"{mark} inner", {"value": account})
        await self._group(f"{mark} outer", {"value": inner, "type": "Group"})
        rights = [{"value": f"{mark}-{number}"} for number in range(count)]
        operations = [{"op": "add", "path": name, "value": rights} for name in ("roles", "entitlements")]
        await self._api.ask("PATCH", f"/Users/{account}", {"schemas": [_PATCH], "Operations": operations})

    async def has(self, account: str) -> Held:
        user = await self._api.ask("GET", f"/Users/{account}", absent=(404,))
        if user is None:
            return {}
        rights = [f"{name}:{each['value']}" for name in ("roles", "entitlements") for each in user.get(name) or ()]
        groups = {each["id"]: {one["value"] for one in each.get("members") or ()} for each in await self._groups()}
        within = {id for id, members in groups.items() if account in members}
        above = {id for id, members in groups.items() if within & members}
        found = {
            GrantKind.ROLE: frozenset(rights),
            GrantKind.GROUP: frozenset(within | above),
            GrantKind.ACCOUNT: frozenset({account} if user.get("active") is not False else ()),
        }
        return {kind: ids for kind, ids in found.items() if ids}

    async def pass_on(self, kind: GrantKind, id: str, to: str) -> None:
        raise AssertionError("there is no work in a directory")

    async def dismiss(self, account: str) -> None:
        await self._api.ask("DELETE", f"/Users/{account}", absent=(404,))

    async def close(self) -> None:
        await self._api.close()

    async def _made(self, name: str, address: str) -> str:
        said = {"schemas": [_USER], "userName": name, "active": True, "emails": [{"value": address, "primary": True}]}
        return str((await self._api.ask("POST", "/Users", said))["id"])

    async def _group(self, name: str, *members: Any) -> str:
        said = {"schemas": [_GROUP], "displayName": name, "members": list(members)}
        return str((await self._api.ask("POST", "/Groups", said))["id"])

    async def _groups(self) -> list[Any]:
        found: list[Any] = []
        while True:
            page = await self._api.ask("GET", f"/Groups?sortBy=id&count={_MANY}&startIndex={len(found) + 1}")
            found += page.get("Resources", [])
            if len(found) >= page["totalResults"] or not page.get("Resources"):
                return found


def _settings(url: str, person: str) -> ConnectionSettings:
    auth = {"bearer": {"token": f"{person}-secret"}}
    return ConnectionSettings(name="scim", connector="scim", url=f"{url}/scim/v2", auth=auth)


ACCESS = AccessFixture(system="scim", sandbox=_settings, clerk=Registrar)
