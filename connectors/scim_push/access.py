"""What somebody has at an identity provider, as far as it pushes it. It ends there, by hand; a push proves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.belonging import is_active, matched, memberships
from connectors.contract.access import Account, Grant, GrantKind, Holdings, Whom
from connectors.contract.pushed import Resource, Shelf
from connectors.directory import GROUP, USER, address
from connectors.privilege import sounds

_AT_THE_PROVIDER = "it is changed at the identity provider, whose next push shows it here"
ENDS: Mapping[GrantKind, str] = {GrantKind.GROUP: _AT_THE_PROVIDER, GrantKind.ACCOUNT: _AT_THE_PROVIDER}
_ONLY_THERE = "the provider does not push it; it shows it itself"
_UNSEEN: Mapping[GrantKind, str] = {
    GrantKind.SESSION: _ONLY_THERE,
    GrantKind.TOKEN: _ONLY_THERE,
    GrantKind.ROLE: _ONLY_THERE,
}
PAGE = 200


async def accounts(shelf: Shelf, whom: Whom) -> Sequence[Account]:
    """Looks through all that was pushed."""
    if whom.account:
        found = await shelf.resource(USER, whom.account)
        return [_account(found, ("account",))] if found is not None and found.exists else []
    known = [(each, matched(each.body, whom)) for each in await _every(shelf, USER)]
    return [_account(each, fields) for each, fields in known if fields]


async def holdings(shelf: Shelf, account: str) -> Holdings:
    """The account if it is on, and every group that has it, by itself or in a group."""
    found = await shelf.resource(USER, account)
    if found is None or not found.exists:
        return Holdings(account=None, grants=())
    groups = [{**each.body, "id": each.id} for each in await _every(shelf, GROUP)]
    grants = [
        Grant(kind=GrantKind.GROUP, id=each.group, name=each.name, privileged=sounds(each.name), through=each.through)
        for each in memberships(account, groups)
    ]
    who = _account(found, (), privileged=any(each.privileged for each in grants))
    on = [Grant(kind=GrantKind.ACCOUNT, id=who.id, name=who.name)] if who.active else []
    return Holdings(account=who, grants=(*grants, *on), unseen=_UNSEEN)


def _account(found: Resource, fields: tuple[str, ...], *, privileged: bool = False) -> Account:
    body: Mapping[str, Any] = found.body
    name, email = str(body.get("userName") or found.id), address(body.get("emails"))
    return Account(id=found.id, name=name, email=email, active=is_active(body), privileged=privileged, matched=fields)


async def _every(shelf: Shelf, object: str) -> list[Resource]:
    found: list[Resource] = []
    while page := await shelf.after(object, found[-1].id if found else "", PAGE):
        found += page
    return found
