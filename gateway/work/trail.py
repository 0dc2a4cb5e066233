"""Writes what people did to the audit trail, in the transaction that did it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.tables import audit
from gateway.core.ids import new_id
from gateway.core.trace import current
from gateway.storage.database import dumps, insert_all


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
) -> None:
    """One row; never a secret. `gateway.access.entrance.Trail` is this. What a request did names its `trace`, as its
    log does.
    """
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
    }
    await insert_all(tx, audit, [row])
