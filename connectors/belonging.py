"""Who a SCIM user is and which groups have him (RFC 7643 4.1, 4.2), asked for or pushed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.contract.access import Whom
from connectors.directory import ENTERPRISE

Row = Mapping[str, Any]
_ELSEWHERE = "a group that the server does not show"


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """One group that somebody is in."""

    group: str
    """Its id."""
    name: str
    through: str = ""
    """Not by himself, but because this other group is in it."""


def memberships(person: str, groups: Sequence[Row], told: Sequence[Row] = ()) -> list[Membership]:
    """All of them, each once; who is in a group by himself as well is in it by himself. `told`: what the user's own
    `groups` says, believed of groups that the list does not show.
    """
    known = {str(group["id"]): group for group in groups}
    found = {id: _of(group) for id, group in known.items() if person in _members(group)}
    inside = list(found)
    while inside:
        inner = inside.pop()
        for id, group in known.items():
            if id not in found and inner in _members(group):
                found[id] = _of(group, through=_name(known[inner]))
                inside.append(id)
    for each in told:
        id = str(each["value"])
        if id not in known:
            indirect = str(each.get("type") or "").casefold() == "indirect"
            found[id] = Membership(
                group=id, name=str(each.get("display") or id), through=_ELSEWHERE if indirect else ""
            )
    return list(found.values())


def matched(row: Row, whom: Whom) -> tuple[str, ...]:
    """Fields of `whom` that a user has. An address may be the name of sign-in, a number the `externalId`."""
    extension = row.get(ENTERPRISE)
    name, addresses = str(row.get("userName") or ""), list(row.get("emails") or ())
    numbers = [row.get("externalId"), extension.get("employeeNumber") if isinstance(extension, Mapping) else None]
    has: dict[str, list[Any]] = {
        "email": [name, *(each.get("value") for each in addresses if isinstance(each, Mapping))],
        "user_name": [name],
        "employee_number": numbers,
    }
    return tuple(field for field, values in has.items() if _among(getattr(whom, field), values))


def is_active(row: Row) -> bool:
    """Who is not said to be off is on; some say it as a text (facts.md 4.3 [M])."""
    return str(row.get("active", True)).casefold() != "false"


def _among(wanted: str, values: Sequence[Any]) -> bool:
    return bool(wanted) and wanted.casefold() in {str(each or "").casefold() for each in values}


def _of(group: Row, through: str = "") -> Membership:
    return Membership(group=str(group["id"]), name=_name(group), through=through)


def _members(group: Row) -> set[str]:
    return {str(each.get("value")) for each in group.get("members") or () if isinstance(each, Mapping)}


def _name(group: Row) -> str:
    return str(group.get("displayName") or group["id"])
