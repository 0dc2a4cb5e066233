"""What admins do with people and sessions, and what everybody may do with their own. Right.MANAGE is enforced here.

Nobody gives more than they have themselves, the last admin stays, and a change of password, roles or scope ends all
sessions of the person. Every change is in the audit trail, no password ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access import people, sessions, throttle
from gateway.access.passwords import Checker, judge
from gateway.access.people import Person
from gateway.access.rights import NotAllowed, Principal, Right, Role, rights_of
from gateway.access.sessions import Session
from gateway.work.trail import note
from gateway.work.workplace import Workplace

Scope = Iterable[str] | None | msgspec.UnsetType
_OWN = "own"


class NoSuchPerson(InputError):
    """Nobody has this name: 404."""

    status = 404

    def __init__(self, name: str) -> None:
        super().__init__(f"there is nobody called {name}; look at the list of people", code="person.not_found")


class PersonRefused(InputError):
    """The people as they are do not allow it: 409."""

    status = 409


class PersonMoved(InputError):
    """The person was changed after the admin looked: 412."""

    status = 412

    def __init__(self, name: str, expected: int, actual: int) -> None:
        text = f"{name} is at version {actual}, you changed version {expected}. Look again, then change"
        super().__init__(text, code="person.stale")


async def list_people(place: Workplace, who: Principal) -> Sequence[Person]:
    """All, by name. Raises NotAllowed."""
    who.require(Right.MANAGE)
    async with place.database.read() as tx:
        return await people.list_people(tx)


async def get_person(place: Workplace, who: Principal, name: str) -> Person:
    """One person: oneself, or anybody for who manages people. Raises NoSuchPerson, NotAllowed."""
    if who.person != f"{people.USER}{name}":
        who.require(Right.MANAGE)
    async with place.database.read() as tx:
        return await _found(tx, name)


async def add_person(
    place: Workplace,
    who: Principal,
    name: str,
    *,
    roles: Iterable[Role],
    connections: Iterable[str] | None = None,
    types: Iterable[str] | None = None,
    label: str = "",
    password: str = "",
) -> Person:
    """Somebody new; without a password, for sign-in links and a password set later.

    Raises NotAllowed, also for more than `who` has; PersonRefused if the name is taken; InputError; WeakPassword.
    """
    who.require(Right.MANAGE)
    _check_name(name)
    person = Person(
        name=name,
        label=label[:200],
        roles=frozenset(roles),
        connections=_scope(connections),
        types=_scope(types),
        created_at=place.now(),
        has_password=bool(password),
    )
    _check_scope(place, person)
    _within(who, person)
    hashed = await _hashed(password, name) if password else ""
    async with place.database.begin("access") as tx:
        if not await people.add_person(tx, person, password=hashed):
            raise PersonRefused(
                f"there is somebody called {name} already; names are never given twice", code="name.taken"
            )
        await _note(tx, place, who, "person_added", _facts(person))
    return person


async def change_person(
    place: Workplace,
    who: Principal,
    name: str,
    *,
    roles: Iterable[Role] | None = None,
    connections: Scope = msgspec.UNSET,
    types: Scope = msgspec.UNSET,
    label: str | None = None,
    expected_version: int = 0,
) -> Person:
    """The person with what was given changed; a scope of None is everywhere. New rights end all sessions.

    Raises NotAllowed, NoSuchPerson, PersonMoved, PersonRefused (the last admin; roles that a provider gives).
    """
    who.require(Right.MANAGE)
    async with place.database.begin("access") as tx:
        before = await _held(tx, who, name, expected_version)
        after = msgspec.structs.replace(
            before,
            roles=before.roles if roles is None else frozenset(roles),
            connections=before.connections if isinstance(connections, msgspec.UnsetType) else _scope(connections),
            types=before.types if isinstance(types, msgspec.UnsetType) else _scope(types),
            label=before.label if label is None else label[:200],
        )
        if after == before:
            return before
        _check_scope(place, after)
        _within(who, after)
        if _grant(after) != _grant(before):
            if before.issuer is not None:
                text = f"the roles of {name} come from {before.issuer} at each sign-in; change them there"
                raise PersonRefused(text, code="roles.provided")
            await _keep_an_admin(tx, before, after)
            await sessions.end_all(tx, after.id)
        after = msgspec.structs.replace(after, version=before.version + 1)
        await people.change_person(tx, after)
        await _note(tx, place, who, "person_changed", {"before": _facts(before), "after": _facts(after)})
        return after


async def disable_person(
    place: Workplace, who: Principal, name: str, *, disabled: bool = True, expected_version: int = 0
) -> Person:
    """Nothing of the person is accepted any more: sessions end, tokens do not hold. Or it is again, sessions aside.

    Raises NotAllowed, NoSuchPerson, PersonMoved, PersonRefused (the last admin).
    """
    who.require(Right.MANAGE)
    async with place.database.begin("access") as tx:
        before = await _held(tx, who, name, expected_version)
        if (before.disabled_at is not None) == disabled:
            return before
        after = msgspec.structs.replace(
            before, disabled_at=place.now() if disabled else None, version=before.version + 1
        )
        await _keep_an_admin(tx, before, after)
        await people.change_person(tx, after)
        ended = await sessions.end_all(tx, after.id)
        kind = "person_disabled" if disabled else "person_enabled"
        await _note(tx, place, who, kind, {"person": name, "sessions_ended": ended})
        return after


async def set_password(place: Workplace, who: Principal, name: str, password: str, *, current: str = "") -> None:
    """A new password; ends all sessions of the person. One's own needs the `current` one, if there is one.

    Raises NotAllowed, NoSuchPerson, WeakPassword, PersonRefused (the current one is wrong), TooManyTries.
    """
    own = who.id == f"{people.USER}{name}"
    if not own:
        who.require(Right.MANAGE)
    async with place.database.read() as tx:
        person, stored = await people.password_hash(tx, name)
    if person is None:
        raise NoSuchPerson(name)
    if person.issuer is not None:
        raise PersonRefused(f"{name} signs in with {person.issuer} and has no password here", code="password.provided")
    if own and stored:
        await _prove(place, name, stored, current)
    hashed = await _hashed(password, name)
    async with place.database.begin("access") as tx:
        before = await _held(tx, who, name, 0, own=own)
        await people.change_person(tx, msgspec.structs.replace(before, version=before.version + 1), password=hashed)
        ended = await sessions.end_all(tx, before.id)
        await _note(tx, place, who, "password_set", {"person": name, "sessions_ended": ended})


async def list_sessions(place: Workplace, who: Principal, *, holder: str = "") -> Sequence[Session]:
    """Sessions that have not ended, newest first: one's own, or with Right.MANAGE those of a holder (`""`: all)."""
    if not holder or holder not in (who.id, who.person):
        who.require(Right.MANAGE)
    async with place.database.read() as tx:
        return await sessions.listed(tx, now=place.now(), idle_s=place.config.access.idle_s, holder=holder)


async def end_session(place: Workplace, who: Principal, id: str) -> bool:
    """Ends one session: one's own, or any with Right.MANAGE. Whether there was one (of one's own)."""
    mine = "" if who.may(Right.MANAGE) else who.id
    async with place.database.begin("access") as tx:
        done = await sessions.end(tx, id, holder=mine)
        if done:
            await _note(tx, place, who, "session_ended", {"session": id[:12]})
        return done


async def end_sessions(place: Workplace, who: Principal, holder: str) -> int:
    """Ends all sessions of a holder: one's own, or anybody's with Right.MANAGE. How many there were."""
    if holder != who.id:
        who.require(Right.MANAGE)
    async with place.database.begin("access") as tx:
        ended = await sessions.end_all(tx, holder)
        await _note(tx, place, who, "session_ended", {"holder": holder, "sessions_ended": ended})
        return ended


async def sign_in_link(place: Workplace, who: Principal, *, name: str = "") -> str:
    """The secret of a link that signs in once within five minutes: oneself, or `name` with Right.MANAGE and no more
    rights than one's own. Raises NotAllowed, NoSuchPerson.
    """
    holder = f"{people.USER}{name}" if name else who.id
    if holder != who.id or who.id.startswith("token:"):
        who.require(Right.MANAGE)
    async with place.database.begin("access") as tx:
        if name:
            _within(who, await _found(tx, name))
        await sessions.prune(tx, now=place.now(), idle_s=place.config.access.idle_s)
        secret = await sessions.make_link(tx, holder, now=place.now())
        await _note(tx, place, who, "sign_in_link", {"for": holder, "whose": "own" if holder == who.id else "other"})
    return secret


async def _prove(place: Workplace, name: str, stored: str, current: str) -> None:
    async with place.database.begin("access") as tx:
        await throttle.count(tx, name, _OWN, now=place.now())
    if not await Checker().check(stored, current):
        raise PersonRefused("the current password is another one", code="password.wrong")
    async with place.database.begin("access") as tx:
        await throttle.succeeded(tx, name, _OWN, now=place.now())


async def _found(tx: AsyncConnection, name: str) -> Person:
    person = await people.find_person(tx, name)
    if person is None:
        raise NoSuchPerson(name)
    return person


async def _held(tx: AsyncConnection, who: Principal, name: str, expected: int, *, own: bool = False) -> Person:
    """The person, whom nobody else changes until the transaction ends. Raises NotAllowed for somebody with more rights
    than `who`: taking over such an account would be a way to get them.
    """
    await people.lock_people(tx)
    person = await _found(tx, name)
    if expected and expected != person.version:
        raise PersonMoved(name, expected, person.version)
    if not own:
        _within(who, person)
    return person


def _within(who: Principal, person: Person) -> None:
    inside = _inside(person.connections, who.connections) and _inside(person.types, who.types)
    if not rights_of(person.roles) <= who.rights or not inside:
        raise NotAllowed(Right.MANAGE, f"{person.name}, who has or would have more rights than you")


def _inside(one: frozenset[str] | None, other: frozenset[str] | None) -> bool:
    return other is None or (one is not None and one <= other)


async def _keep_an_admin(tx: AsyncConnection, before: Person, after: Person) -> None:
    if not _runs_all(before) or _runs_all(after):
        return
    others = [each for each in await people.list_people(tx) if each.name != before.name and _runs_all(each)]
    if not others:
        raise PersonRefused(f"{before.name} is the last admin; make another one first", code="admin.last")


def _runs_all(person: Person) -> bool:
    everywhere = person.connections is None and person.types is None
    return Role.ADMIN in person.roles and everywhere and person.disabled_at is None


def _check_name(name: str) -> None:
    if not people.NAME.fullmatch(name):
        text = (
            f"{name!r} is no name; lower-case letters, digits and . _ @ + - are one, up to 100, beginning with a letter"
        )
        raise InputError(text, code="name.invalid")


def _check_scope(place: Workplace, person: Person) -> None:
    check_scope(place, person.roles, person.connections, person.types)


def check_scope(
    place: Workplace, roles: frozenset[Role], connections: frozenset[str] | None, types: frozenset[str] | None
) -> None:
    """Raises InputError for no role at all, and for connections and record types that nobody configured."""
    if not roles:
        raise InputError(f"name at least one role: {', '.join(Role)}", code="roles.missing")
    known_types = {flow.type.type for flow in place.config.flows.values()}
    for kind, given, known in (
        ("connection", connections, set(place.config.connections)),
        ("record type", types, known_types),
    ):
        if unknown := sorted((given or frozenset()) - known):
            text = f"there is no {kind} {', '.join(unknown)}; there are {', '.join(sorted(known))}"
            raise InputError(text, code="scope.unknown")


def _scope(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


async def _hashed(password: str, name: str) -> str:
    judge(password, name)
    return await Checker().hash(password)


def _grant(person: Person) -> tuple[Any, ...]:
    return person.roles, person.connections, person.types


def _facts(person: Person) -> dict[str, Any]:
    return {
        "person": person.name,
        "label": person.label,
        "roles": sorted(person.roles),
        "connections": None if person.connections is None else sorted(person.connections),
        "types": None if person.types is None else sorted(person.types),
    }


async def _note(tx: AsyncConnection, place: Workplace, who: Principal, kind: str, detail: dict[str, Any]) -> None:
    await note(tx, at=place.now(), kind=kind, actor=who.name, cause=who.id[:100], detail=detail)
