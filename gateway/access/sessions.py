"""Sessions of browsers. The cookie's value is never stored, only its hash; a session ends by itself, or is ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access import tables as t
from gateway.access.hashes import digest, new_secret
from gateway.config.access import Access
from gateway.storage.database import insert

TOLD_EVERY_S = 60.0
"""The use of a session or token is written at most this often."""
LINK_S = 300.0
"""How long a sign-in link can be opened, once."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that is signed in."""

    id: str
    holder: str
    how: str
    """password, link or oidc."""
    address: str
    agent: str
    began_at: float
    used_at: float
    until: float
    """Ends then, however it is used."""

    def ends_at(self, idle_s: float) -> float:
        """When it ends unless it is used."""
        return min(self.until, self.used_at + idle_s)


async def begin(
    tx: AsyncConnection, holder: str, *, how: str, address: str, agent: str, now: float, settings: Access
) -> tuple[Session, str]:
    """A new session, and the value of its cookie. Takes the ended ones of the holder away."""
    secret = new_secret()
    made = Session(
        id=digest(secret),
        holder=holder,
        how=how,
        address=address[:60],
        agent=agent.replace("\x00", "")[:200],
        began_at=now,
        used_at=now,
        until=now + settings.longest_s,
    )
    await prune(tx, now=now, idle_s=settings.idle_s)
    await tx.execute(insert(tx, t.session).values(msgspec.structs.asdict(made)))
    return made, secret


async def find(tx: AsyncConnection, secret: str, *, now: float, settings: Access) -> Session | None:
    """The session of a cookie. None: it never was, or has ended."""
    row = (await tx.execute(select(t.session).where(t.session.c.id == digest(secret)))).mappings().first()
    found = _session(row) if row else None
    return found if found and found.ends_at(settings.idle_s) > now else None


async def use(tx: AsyncConnection, id: str, *, now: float) -> None:
    """Counts the idle time anew. A session that was ended meanwhile stays ended."""
    await tx.execute(update(t.session).where(t.session.c.id == id, t.session.c.used_at < now).values(used_at=now))


async def listed(tx: AsyncConnection, *, now: float, idle_s: float, holder: str = "") -> Sequence[Session]:
    """Those that have not ended, newest first; of one holder, or of all."""
    alive = select(t.session).where(t.session.c.until > now, t.session.c.used_at > now - idle_s)
    if holder:
        alive = alive.where(t.session.c.holder == holder)
    return [_session(row) for row in (await tx.execute(alive.order_by(t.session.c.began_at.desc()))).mappings()]


async def end(tx: AsyncConnection, id: str, *, holder: str = "") -> bool:
    """Whether there was such a session (of that holder)."""
    query = delete(t.session).where(t.session.c.id == id)
    return bool((await tx.execute(query.where(t.session.c.holder == holder) if holder else query)).rowcount)


async def end_all(tx: AsyncConnection, holder: str) -> int:
    """Ends all sessions of a holder, and the links that nobody opened yet; how many sessions there were."""
    await tx.execute(delete(t.link).where(t.link.c.holder == holder))
    return int((await tx.execute(delete(t.session).where(t.session.c.holder == holder))).rowcount)


async def prune(tx: AsyncConnection, *, now: float, idle_s: float) -> None:
    """Takes ended sessions and links away."""
    await tx.execute(delete(t.session).where(or_(t.session.c.until <= now, t.session.c.used_at <= now - idle_s)))
    await tx.execute(delete(t.link).where(t.link.c.until <= now))


async def make_link(tx: AsyncConnection, holder: str, *, now: float) -> str:
    """The secret of a link that signs its holder in once, within `LINK_S`."""
    secret = new_secret()
    await tx.execute(insert(tx, t.link).values(id=digest(secret), holder=holder, until=now + LINK_S))
    return secret


async def open_link(tx: AsyncConnection, secret: str, *, now: float) -> str | None:
    """The holder of a link, which is used up by this. None: it never was, is over, or was opened already."""
    used = delete(t.link).where(t.link.c.id == digest(secret)).returning(t.link.c.holder, t.link.c.until)
    row = (await tx.execute(used)).first()
    return row.holder if row and row.until > now else None


def _session(row: Mapping[Any, Any]) -> Session:
    return Session(**{str(name): value for name, value in row.items()})
