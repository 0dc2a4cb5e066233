"""What a user of a SCIM server has, and how that ends (RFC 7643 4.1, 4.2; RFC 7644 3.5.2.2).

The trap: `groups` of a user is read-only and may be left out, so memberships are looked for in the groups; and a
`remove` of `members` that names its member in a value empties the group where the server goes by the RFC. So the
member stands in the path, unless the connection says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.belonging import Membership, is_active, matched, memberships
from connectors.contract.access import Account, Ending, Grant, GrantKind, Holdings, Whom, objection
from connectors.contract.errors import Refused
from connectors.directory import ENTERPRISE, GROUP, USER, address
from connectors.privilege import listed, sounds
from connectors.rest import Answer, RestClient
from connectors.scim import answers, writes
from connectors.scim.filters import quoted
from connectors.scim.listing import Listing, path
from connectors.scim.settings import ScimOptions

Row = Mapping[str, Any]
ENDS: Mapping[GrantKind, str] = {GrantKind.ROLE: "", GrantKind.GROUP: "", GrantKind.ACCOUNT: ""}
_UNSEEN: Mapping[GrantKind, str] = {
    GrantKind.SESSION: "SCIM does not tell who is signed in; most applications end it with the account",
    GrantKind.TOKEN: "SCIM does not show the keys that a person made in the application",
}
_NO_GROUPS = "the server shows no /Groups, so that memberships can neither be seen nor ended there"
_RIGHTS = ("roles", "entitlements")
_NAMES = ("value", "display")
"""What tells one right from another: RFC 7643 asks for neither."""
_GONE = frozenset({404})
_NO_TARGET = "noTarget"
"""What some say to a removal of what is not there (RFC 7644 3.12)."""


class Access:
    """The people of one server."""

    def __init__(self, client: RestClient, listing: Listing, options: ScimOptions) -> None:
        self._client, self._listing, self._options = client, listing, options

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        """By id; else by name, any address, and number of the person, which is an employee number or an `externalId`.
        A server that does not filter by one of these is asked for all of its users.
        """
        if whom.account:
            answer = await self._document(USER, whom.account)
            return () if answer.status == 404 else (self._account(answer.data, fields=("account",)),)
        rows: dict[str, Row] = {}
        for condition in _conditions(whom):
            found = await self._listing.filtered(USER, condition)
            if found is None:
                rows = {str(each["id"]): each for each in await self._listing.every(USER)}
                break
            rows |= {str(each["id"]): each for each in found}
        known = [self._account(row, fields=matched(row, whom)) for row in rows.values()]
        return tuple(sorted((each for each in known if each.matched), key=lambda each: each.id))

    async def holdings(self, account: str) -> Holdings:
        """The account if it is on, its rights, and every group that has it as a member, by itself or in a group."""
        answer = await self._document(USER, account)
        if answer.status == 404:
            await self._listing.page(USER, 1, 1)  # a 404 of whatever stands in the server's place is no proof
            return Holdings(account=None, grants=())
        row = answer.data
        found, unseen = await self._memberships(row)
        grants = [*self._rights(row), *(self._group(each) for each in found), *_sign_in(row)]
        privileged = any(each.privileged for each in grants)
        return Holdings(
            account=self._account(row, privileged=privileged), grants=tuple(grants), unseen={**_UNSEEN, **unseen}
        )

    async def end(self, ending: Ending) -> None:
        """One PATCH, or a PUT of what was read right before where the connection says so."""
        grant, account = ending.grant, ending.account.id
        if why := objection(ENDS, ending):
            raise Refused(why, said=why)
        if grant.kind is GrantKind.ACCOUNT:
            await self._write(ending, USER, account, {"active": False}, ())
        elif grant.kind is GrantKind.GROUP:
            await self._leave(ending, str(grant.detail["group"]), account)
        else:
            await self._drop(ending, account, grant.detail)

    async def _leave(self, ending: Ending, group: str, member: str) -> None:
        removal: dict[str, Any] = {"op": "remove", "path": f"members[value eq {quoted(member)}]"}
        if self._options.leave == "value":
            removal = {"op": "remove", "path": "members", "value": [{"value": member}]}
        await self._write(ending, GROUP, group, {"members": ("value", member)}, (removal,))

    async def _drop(self, ending: Ending, account: str, detail: Mapping[str, Any]) -> None:
        attribute, by, value = (str(detail[name]) for name in ("attribute", "by", "value"))
        removal = {"op": "remove", "path": f"{attribute}[{by} eq {quoted(value)}]"}
        await self._write(ending, USER, account, {attribute: (by, value)}, (removal,))

    async def _write(
        self, ending: Ending, object: str, id: str, wanted: Mapping[str, Any], removals: Sequence[Mapping[str, Any]]
    ) -> None:
        """`wanted`: attribute -> its value, or (name, value) of the elements that it shall not have any more."""
        if self._options.patch == "put" or (object == GROUP and self._options.leave == "put"):
            await self._replace(ending, object, id, wanted)
        else:
            await self._patch(ending, object, id, wanted, removals)

    async def _patch(
        self, ending: Ending, object: str, id: str, wanted: Mapping[str, Any], removals: Sequence[Mapping[str, Any]]
    ) -> None:
        body = (
            {"schemas": [writes.PATCH], "Operations": list(removals)}
            if removals
            else writes.operations(wanted, {}, paths=self._options.patch == "paths")
        )
        answer = await self._client.write(
            "PATCH",
            path(object, id),
            body,
            empty_ok=True,
            sound=answers.nothing_or_a_resource,
            tolerate=_GONE | {400},
            **_told(ending),
        )
        if answer.status == 400 and not (removals and answers.kind_of(answer) == _NO_TARGET):
            raise self._refused("PATCH", path(object, id), answer)

    async def _replace(self, ending: Ending, object: str, id: str, wanted: Mapping[str, Any]) -> None:
        """The whole resource, unless somebody changed it since it was read, as far as the server can tell."""
        before = await self._document(object, id)
        if before.status == 404:
            return
        values = {name: _without(before.data.get(name), value) for name, value in wanted.items()}
        etag = before.headers.get("etag") or str((before.data.get("meta") or {}).get("version") or "")
        await self._client.write(
            "PUT",
            path(object, id),
            writes.resource(object, values, before.data),
            empty_ok=True,
            sound=answers.nothing_or_a_resource,
            tolerate=_GONE,
            etag=etag if self._options.etags else None,
            **_told(ending),
        )

    async def _memberships(self, row: Row) -> tuple[list[Membership], Mapping[GrantKind, str]]:
        groups = await self._listing.all(GROUP)
        told = [each for each in row.get("groups") or () if isinstance(each, Mapping) and each.get("value")]
        if groups is None:
            none = not told and await self._has_no_groups()
            return [], {} if none else {GrantKind.GROUP: _NO_GROUPS}
        if not any("members" in each for each in groups):  # "returned: request" is a schema's right (RFC 7643 2.2)
            groups = [await self._whole(each) for each in groups]
        return memberships(str(row["id"]), groups, told), {}

    async def _has_no_groups(self) -> bool:
        """Whether the server says so, in the list of what it has (RFC 7644 4); that no answer came is no proof."""
        answer = await self._client.read("/ResourceTypes", sound=answers.a_list, tolerate={404, 501})
        if answer.status != 200:
            return False
        names = {str(each.get("endpoint") or "").strip("/") for each in answer.data.get("Resources") or ()}
        return "Users" in names and "Groups" not in names

    async def _whole(self, group: Row) -> Row:
        answer = await self._document(GROUP, str(group["id"]))
        return group if answer.status == 404 else answer.data

    async def _document(self, object: str, id: str) -> Answer:
        return await self._client.read(path(object, id), sound=answers.a_resource, tolerate={404})

    def _account(self, row: Row, *, fields: tuple[str, ...] = (), privileged: bool = False) -> Account:
        names = [str(each.get("display") or "") for each in row.get("groups") or () if isinstance(each, Mapping)]
        rights = any(each.privileged for each in self._rights(row))
        return Account(
            id=str(row["id"]),
            name=str(row.get("userName") or row.get("displayName") or row["id"]),
            email=address(row.get("emails")),
            active=is_active(row),
            privileged=privileged or rights or any(map(self._is_privileged, names)),
            matched=fields,
        )

    def _rights(self, row: Row) -> list[Grant]:
        found: dict[str, Grant] = {}
        for attribute in _RIGHTS:
            for each in row.get(attribute) or ():
                right: Row = each if isinstance(each, Mapping) else {"value": each}
                by = next((name for name in _NAMES if right.get(name)), "")
                if by:
                    grant = self._right(attribute, by, right)
                    found[grant.id] = grant
        return list(found.values())

    def _right(self, attribute: str, by: str, right: Row) -> Grant:
        return Grant(
            kind=GrantKind.ROLE,
            id=f"{attribute}:{right[by]}",
            name=str(right.get("display") or right[by]),
            privileged=any(self._is_privileged(str(right.get(name) or "")) for name in _NAMES),
            detail={"attribute": attribute, "by": by, "value": str(right[by])},
        )

    def _group(self, one: Membership) -> Grant:
        return Grant(
            kind=GrantKind.GROUP,
            id=one.group,
            name=one.name,
            privileged=self._is_privileged(one.name),
            through=one.through,
            detail={"group": one.group},
        )

    def _is_privileged(self, name: str) -> bool:
        return sounds(name) or listed(name, self._options.privileged)

    def _refused(self, method: str, where: str, answer: Answer) -> Refused:
        said = answers.blame(answer)[0]
        told = self._client.evidence(method, where, answer)
        return Refused(
            f"{method} {where} answered {answer.status}: {said}", status=answer.status, evidence=told, said=said
        )


def _conditions(whom: Whom) -> Iterator[str]:
    if whom.user_name:
        yield f"userName eq {quoted(whom.user_name)}"
    if whom.email:
        for spelled in dict.fromkeys((whom.email, whom.email.lower())):  # some compare addresses as they stand
            yield f"emails.value eq {quoted(spelled)}"
            yield f"userName eq {quoted(spelled)}"
    if whom.employee_number:
        yield f"{ENTERPRISE}:employeeNumber eq {quoted(whom.employee_number)}"
        yield f"externalId eq {quoted(whom.employee_number)}"


def _sign_in(row: Row) -> list[Grant]:
    if not is_active(row):
        return []
    return [Grant(kind=GrantKind.ACCOUNT, id=str(row["id"]), name=str(row.get("userName") or row["id"]))]


def _without(before: Any, wanted: Any) -> Any:
    if not isinstance(wanted, tuple):
        return wanted
    by, value = wanted
    return [each for each in before or () if not (isinstance(each, Mapping) and str(each.get(by)) == value)]


def _told(ending: Ending) -> dict[str, Any]:
    return {"timeout_s": ending.timeout_s, "operation": ending.operation, "traceparent": ending.traceparent}
