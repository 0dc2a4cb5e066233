"""Connectors with their measured grades; credentials of connections: how they stand, and another in their place."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Answer, Ask, Route
from gateway.api.failures import NotThere
from gateway.work import connectors, secrets
from gateway.work.connectors import ConnectorView
from gateway.work.secrets import SecretView

AGAIN_S = "1"
_Secret = Annotated[str, Meta(min_length=1, max_length=20_000)]


class RotationWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another credential: everything it is made of."""

    values: Annotated[dict[str, _Secret], Meta(min_length=1, max_length=10)]
    """By the names that the configuration gives them."""
    overlap_s: Annotated[float, Meta(ge=0, le=2_592_000)] | None = None
    """So long the present one is still tried; null: as the connection says."""
    ends_at: Annotated[datetime, Meta(tz=True)] | None = None
    """When somebody must have replaced it again."""


async def every(ask: Ask) -> list[ConnectorView]:
    return await connectors.list_connectors(ask.desk.place, ask.who)


async def kept(ask: Ask) -> list[SecretView]:
    place, who, name = ask.desk.place, ask.who, ask.path["name"]
    found = await secrets.list_secrets(place, who, name)
    if name not in place.config.connections or not who.covers(connection=name):
        raise NotThere
    return found


async def rotate(ask: Ask) -> Answer:
    said: RotationWish = ask.body
    name = ask.path["name"]
    ends_at = said.ends_at.timestamp() if said.ends_at else None
    found = await secrets.rotate(ask.desk.place, ask.who, name, said.values, overlap_s=said.overlap_s, ends_at=ends_at)
    if found is None:
        raise NotThere
    return Answer(value=found, headers={"Location": f"/v1/connections/{name}/secrets", "Retry-After": AGAIN_S})


ROUTES = (
    Route(
        method="GET",
        path="/v1/connectors",
        name="listConnectors",
        tag="connections",
        summary="Every connector with what was measured of it, when, and against what",
        right=Right.SEE,
        do=every,
        answer=list[ConnectorView],
    ),
    Route(
        method="GET",
        path="/v1/connections/{name}/secrets",
        name="listSecrets",
        tag="connections",
        summary="What its credential is made of and how it stands; never what it says",
        right=Right.CONFIGURE,
        do=kept,
        answer=list[SecretView],
    ),
    Route(
        method="POST",
        path="/v1/connections/{name}:rotate",
        name="rotateCredential",
        tag="connections",
        summary="Another credential: proved with a check before anything uses it; follow `Location`",
        right=Right.CONFIGURE,
        do=rotate,
        body=RotationWish,
        answer=list[SecretView],
        status=202,
        problems=("secret-not-kept", "secret-names", "secret-empty"),
    ),
)
