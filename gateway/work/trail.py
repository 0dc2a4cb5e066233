"""Writes what people did to the audit trail, in the transaction that did it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import append
from gateway.core import origin
from gateway.core.ids import new_id
from gateway.core.trace import current
from gateway.storage.database import dumps


async def note(
    tx: AsyncConnection,
    *,
    at: float,
    kind: str,
    actor: str,
    detail: Mapping[str, Any],
    record: str | None = None,
    connection: str | None = None,
    cause: str | None = None,
    outcome: str = "",
    closes: str | None = None,
) -> str:
    """One entry; never a secret. `gateway.access.entrance.Trail` is this. What a request did names its `trace`, as its
    log does, the `source` it came from and, where the actor is whoever asked, their id (`by`) and for whom they act.
    `outcome`: `open` until an entry that `closes` this one's id tells how it ended. Gives its id.
    """
    detail = {**_asked(actor), **detail}
    if trace := current():
        detail = {**detail, "trace": trace}
    row = {
        "id": new_id("au", at=at),
        "at": at,
        "kind": kind,
        "record": record,
        "connection": connection,
        "actor": actor[:100],
        "cause": cause,
        "detail": dumps(detail),
        "outcome": outcome,
        "closes": closes,
    }
    append(tx, [row])
    return str(row["id"])


def _asked(actor: str) -> dict[str, str]:
    asked = origin.current()
    told = {"source": asked.source} if asked.source != origin.SYSTEM else {}
    if asked.by and asked.name == actor:
        told |= {"by": asked.by, "on_behalf": asked.behalf}
    return {name: each for name, each in told.items() if each}
