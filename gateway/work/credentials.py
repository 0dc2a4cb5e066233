"""How the credential of each connection stands, for people. Reads only; nothing here could show one."""

from __future__ import annotations

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


async def standings(tx: AsyncConnection) -> dict[str, CredentialView]:
    """By connection, as the workers wrote it down last."""
    names = CredentialView.__struct_fields__
    found = await tx.execute(select(credential.c.connection, *(credential.c[name] for name in names)))
    return {name: CredentialView(**dict(zip(names, told, strict=True))) for name, *told in found}
