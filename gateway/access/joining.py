"""People for whom a provider vouches: made when they first come, given the roles of their groups each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access import people, sessions
from gateway.access.asking import NotSignedIn
from gateway.access.entrance import Trail
from gateway.access.people import Person
from gateway.config.access import Grant, Oidc


async def join(tx: AsyncConnection, settings: Oidc, claims: Mapping[str, Any], *, now: float, trail: Trail) -> Person:
    """The person who signs in with checked claims: made at the first time, with the roles of their groups each time. If
    these changed, other sessions end. Raises NotSignedIn as `recognised`, and if the name is somebody else's here.
    """
    known = await recognised(tx, settings, claims)
    if known is None:
        return await _first(tx, settings, claims, now=now, trail=trail)
    if known == await people.find_person(tx, known.name, lock=True):
        return known
    person = msgspec.structs.replace(known, version=known.version + 1)
    await people.change_person(tx, person)
    await sessions.end_all(tx, person.id)
    await trail(tx, at=now, kind="person_changed", actor="lockstep", detail=_told(person, settings))
    return person


async def recognised(tx: AsyncConnection, settings: Oidc, claims: Mapping[str, Any]) -> Person | None:
    """The person of checked claims, with the roles that the claims give now. None: nobody of ours yet.

    Raises NotSignedIn for somebody without a group of ours, or disabled. Stores nothing.
    """
    grant = _grant(settings, claims)
    found = await people.find_subject(tx, settings.issuer, str(claims["sub"]))
    if found is None:
        return None
    if found.disabled_at is not None:
        raise NotSignedIn("this person may not sign in any more")
    roles = people.roles_of(grant.roles)
    return msgspec.structs.replace(found, roles=roles, connections=grant.connections, types=grant.types)


def granted(settings: Oidc, claims: Mapping[str, Any]) -> Grant | None:
    """What the groups of the claims give. None: nothing.

    The first group of the file that somebody is in counts. Another adds its roles only if it is at least as wide:
    rights in one place must not become rights in another.
    """
    said = claims.get(settings.groups_claim)
    groups = {said} if isinstance(said, str) else {each for each in said or () if isinstance(each, str)}
    fit = [grant for name, grant in settings.groups.items() if name in groups]
    if not fit:
        return None
    first = fit[0]
    wide = [each for each in fit if _wider(each.connections, first.connections) and _wider(each.types, first.types)]
    return Grant(frozenset(role for each in wide for role in each.roles), first.connections, first.types)


def _wider(one: frozenset[str] | None, other: frozenset[str] | None) -> bool:
    return one is None or (other is not None and other <= one)


def _grant(settings: Oidc, claims: Mapping[str, Any]) -> Grant:
    grant = granted(settings, claims)
    if grant is None:
        raise NotSignedIn("none of your groups may do anything here; see access.oidc.roles")
    return grant


async def _first(tx: AsyncConnection, settings: Oidc, claims: Mapping[str, Any], *, now: float, trail: Trail) -> Person:
    grant, name = _grant(settings, claims), _name(settings, claims)
    label = claims.get("name")
    person = Person(
        name=name,
        label=label[:200] if isinstance(label, str) else "",
        roles=people.roles_of(grant.roles),
        connections=grant.connections,
        types=grant.types,
        issuer=settings.issuer,
        subject=str(claims["sub"]),
        created_at=now,
    )
    if not await people.add_person(tx, person):
        raise NotSignedIn(f"there is somebody else here called {name}; an admin can give one of you another name")
    await trail(tx, at=now, kind="person_added", actor="lockstep", detail=_told(person, settings))
    return person


def _name(settings: Oidc, claims: Mapping[str, Any]) -> str:
    said = claims.get(settings.name_claim)
    if settings.name_claim == "email" and claims.get("email_verified") is not True:
        said = None
    name = (said if isinstance(said, str) else str(claims["sub"])).lower()
    if not people.NAME.fullmatch(name):
        text = "the provider's name for you cannot be used here; see access.oidc.name"
        raise NotSignedIn(f"{text} ({settings.name_claim})")
    return name


def _told(person: Person, settings: Oidc) -> dict[str, Any]:
    return {"person": person.name, "roles": sorted(person.roles), "by": settings.issuer}
