"""How the credential of each connection stands, for people. Reads only; nothing here could show one."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.credentials.tables import credential


class CredentialView(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection signs in with, without saying it."""

    kind: str
    state: str
    """in_use; proving (a new one, the present one is used); refused (the new one was); no_token (the system gives none
    for it); missing (a secret is not set).
    """
    reason: str
    since: float
    """In use since then, as its worker knows."""
    former_until: float | None
    """The one before is still tried until then."""
    ends_at: float | None
    """When a person must have replaced it."""
    token_ends_at: float | None
    """Of the present token, which is renewed by itself."""


def in_words(known: CredentialView, moment: Callable[[float | None], str]) -> list[tuple[str, str]]:
    """What people read of it, beside the kind: its state and why, and the times that matter. `moment` writes a time."""
    told = [("credential", known.state.replace("_", " ") + (f": {known.reason}" if known.reason else ""))]
    times = (("in use since", known.since), ("the one before is tried until", known.former_until))
    ends = (("ends", known.ends_at), ("its token ends, and is renewed by then", known.token_ends_at))
    return told + [(name, moment(at)) for name, at in (*times, *ends) if at]


async def standings(tx: AsyncConnection) -> dict[str, CredentialView]:
    """By connection, as the workers wrote it down last."""
    names = CredentialView.__struct_fields__
    found = await tx.execute(select(credential.c.connection, *(credential.c[name] for name in names)))
    return {name: CredentialView(**dict(zip(names, told, strict=True))) for name, *told in found}
