"""SCIM resources (RFC 7643) as mappings see them; for the connector that asks a server and for the one pushed to.

What lists and URNs hide from a JSONPath stands under plain names: `email` and `phone`, those that count, and
`enterprise`, the enterprise extension.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.errors import Retryable

USER = "user"
GROUP = "group"
TYPES: Mapping[str, str] = {USER: "User", GROUP: "Group"}
"""Object type -> `meta.resourceType`."""
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PEOPLE = "people"
"""Of a group in `raw`: who belongs to it, by e-mail address, else by name of sign-in; `members` names them by id."""
WAITS_S = 30.0
"""So long before somebody who is not known yet is asked for again."""
_NEVER_SHOWN = ("schemas", "password")


def shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """A resource as `raw`. Attribute names are those of the schema; a password is left out (facts.md 4.3 [RFC])."""
    raw = {name: value for name, value in document.items() if name not in (*_NEVER_SHOWN, ENTERPRISE)}
    if isinstance(extension := document.get(ENTERPRISE), Mapping):
        raw["enterprise"] = extension
    if "emails" in document:
        raw["email"] = address(document["emails"])
    if "phoneNumbers" in document:
        raw["phone"] = address(document["phoneNumbers"])
    return raw


def address(several: Any) -> str:
    """The e-mail address or telephone number that counts: the primary, else that of work, else the first; "": none."""
    known = [each for each in several or () if isinstance(each, Mapping) and each.get("value")]
    by_worth = sorted(known, key=lambda each: (each.get("primary") is not True, each.get("type") != "work"))
    return str(by_worth[0]["value"]) if by_worth else ""


def known_as(user: Mapping[str, Any]) -> str:
    """What other systems know a user by: the e-mail address that counts, else the name of sign-in."""
    return (address(user.get("emails")) or str(user.get("userName") or "")).lower()


def member_ids(group: Mapping[str, Any]) -> list[str]:
    """Ids of the users in a group. Groups in it are not people; they are left where they are."""
    listed = [each for each in group.get("members") or () if isinstance(each, Mapping) and each.get("value")]
    return [str(each["value"]) for each in listed if not is_group(each)]


def is_group(member: Mapping[str, Any]) -> bool:
    """Whether a member is a group in a group."""
    return str(member.get("type") or "") == "Group" or "/Groups/" in str(member.get("$ref") or "")


def with_people(raw: Mapping[str, Any], names: Mapping[str, str], group: str) -> dict[str, Any]:
    """The group with `people`; `names`: member id -> how it is known. Raises Retryable where one is not known yet:
    nobody is left out, because to be left out is to be taken out everywhere else.
    """
    ids = member_ids(raw)
    if missing := [each for each in ids if not names.get(each)]:
        raise waiting(f"group {group}", missing)
    return {**raw, PEOPLE: sorted({names[each] for each in ids})}


def waiting(who: str, missing: Sequence[str]) -> Retryable:
    """Nothing was done, because of people who are not there yet."""
    few = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    said = f"{who} waits for {len(missing)} of its members, who are not known yet: {few}"
    return Retryable(said, retry_after_s=WAITS_S, said=said)


def name_of(document: Mapping[str, Any]) -> str:
    """What people call it: a user's `userName`, a group's `displayName`."""
    return str(document.get("userName") or document.get("displayName") or "")


def holds(raw: Mapping[str, Any], fragment: Mapping[str, Any]) -> bool:
    """Whether it has these values, compared as a whole; names of users are the same in any case (RFC 7643 4.1.1)."""
    return all(_same(raw.get(name), value) for name, value in fragment.items())


def _same(one: Any, other: Any) -> bool:
    if isinstance(other, Mapping):
        return isinstance(one, Mapping) and holds(one, other)
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        return list(one) == list(other)
    return bool(one == other)
