"""The ways in: a password, a link that is opened once, a provider that vouches. Each ends in a session, or in a refusal
that tells a stranger nothing.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import LockstepError
from gateway.access import in_a_row, people, sessions, throttle
from gateway.access.asking import NotSignedIn
from gateway.access.entrance import Entrance
from gateway.access.passwords import Checker, outdated
from gateway.access.rights import Principal
from gateway.access.sessions import Session

REFUSED = "sign_in_refused"
OURS = "lockstep"


class WrongPassword(NotSignedIn):
    """The same for an unknown name, a disabled person and a wrong password."""


class LinkOver(NotSignedIn):
    """The link was opened already, is too old, or never was."""


class Place(LockstepError):
    """Signing in is not possible over this connection: what is typed could be read on the way."""


async def by_password(
    entrance: Entrance, checker: Checker, name: str, password: str, *, address: str, agent: str
) -> tuple[Session, str]:
    """A session and the value of its cookie. Raises WrongPassword, TooManyTries, StorageError."""
    now, name = entrance.now(), name.strip().lower()
    async with entrance.database.begin("access") as tx:
        await throttle.count(tx, name, address, now=now)
    person, stored = None, ""
    if people.NAME.fullmatch(name):
        async with entrance.database.read() as tx:
            person, stored = await people.password_hash(tx, name)
    if not await checker.check(stored, password):
        await _refused(entrance, person.name if person else "", name, address, "password")
        raise WrongPassword("this name and password do not go together")
    assert person is not None, "a hash is somebody's"
    better = await checker.hash(password) if outdated(stored) else ""
    async with entrance.database.begin("access") as tx:
        _, still = await people.password_hash(tx, name)
        if still != stored:
            raise WrongPassword("the password was changed at this moment")
        if better:
            await people.rehash(tx, name, stored, better)
        await throttle.succeeded(tx, name, address, now=now)
        await in_a_row.succeeded(tx, name, address)
        return await _begin(entrance, tx, people.principal_of_person(person), "password", address, agent)


async def by_link(entrance: Entrance, secret: str, *, address: str, agent: str) -> tuple[Session, str]:
    """As `by_password`, for the link of `lockstep console`, which is used up. Raises LinkOver, TooManyTries."""
    now = entrance.now()
    async with entrance.database.begin("access") as tx:
        holder = await sessions.open_link(tx, secret, now=now)
        who = await people.principal_of_holder(tx, holder) if holder else None
        if holder is not None and who is not None:
            return await _begin(entrance, tx, who, "link", address, agent)
    raise LinkOver("this link was opened already or is too old; make another with: lockstep console")


async def by_provider(entrance: Entrance, who: Principal, *, address: str, agent: str) -> tuple[Session, str]:
    """As `by_password`, for somebody for whom the provider vouched a moment ago."""
    async with entrance.database.begin("access") as tx:
        return await _begin(entrance, tx, who, "oidc", address, agent)


async def sign_out(entrance: Entrance, session: Session, who: Principal) -> None:
    """Ends the session."""
    async with entrance.database.begin("access") as tx:
        if await sessions.end(tx, session.id):
            await entrance.trail(tx, at=entrance.now(), kind="signed_out", actor=who.name, detail={"how": session.how})


async def extend(entrance: Entrance, session: Session) -> Session | None:
    """The session with its idle time begun anew; None: it ended meanwhile."""
    now = entrance.now()
    async with entrance.database.begin("access") as tx:
        await sessions.use(tx, session.id, now=now)
        alive = await sessions.listed(tx, now=now, idle_s=entrance.settings.idle_s, holder=session.holder)
    return next((each for each in alive if each.id == session.id), None)


async def _begin(
    entrance: Entrance, tx: AsyncConnection, who: Principal, how: str, address: str, agent: str
) -> tuple[Session, str]:
    now = entrance.now()
    made = await sessions.begin(tx, who.id, how=how, address=address, agent=agent, now=now, settings=entrance.settings)
    await entrance.trail(tx, at=now, kind="signed_in", actor=who.name, detail={"how": how, "address": address})
    return made


async def refused_by_provider(entrance: Entrance, *, address: str, why: str) -> None:
    """Somebody came back from the provider and may not come in."""
    await _refused(entrance, "", "", address, "oidc", why=why)


async def _refused(entrance: Entrance, person: str, typed: str, address: str, how: str, *, why: str = "") -> None:
    """Of an unknown name nothing is kept: people type their password there."""
    detail = {"how": how, "address": address, "person": person or "(unknown)"} | ({"why": why} if why else {})
    policy, now = entrance.policy, entrance.now()
    async with entrance.database.begin("access") as tx:
        await entrance.trail(tx, at=now, kind=REFUSED, actor=OURS, detail=detail)
        many = await in_a_row.failed(tx, typed, address, now=now, failures=policy.failures, within_s=policy.within_s)
        for told in many:
            said = {**detail, **told, "within_s": policy.within_s}
            await entrance.trail(tx, at=now, kind="sign_ins_failed", actor=OURS, detail=said)
