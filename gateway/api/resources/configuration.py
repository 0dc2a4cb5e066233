"""The configuration: plans of files that are handed in, putting in place what was looked at, and who brought what."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Answer, Ask, Key, Nothing, Query, Route
from gateway.work import connector_files, registering
from gateway.work.applying import ConfigVersion, config_versions
from gateway.work.connector_files import ConnectorReport
from gateway.work.registering import Handed, Placed, Plan, Standing

DIGEST = "[0-9a-f]{16}(-[0-9a-f]{16}){2}"
AGAIN_S = "2"
_Name = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
_Text = Annotated[str, Meta(max_length=500_000)]
_Files = Annotated[dict[_Name, _Text], Meta(max_length=200)]
_Removed = Annotated[str, Meta(pattern="^(connection|flow)/.+$", max_length=200)]


class FilesWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be in place."""

    files: _Files = {}
    """Name beside the configuration -> text: a whole lockstep.yaml, parts with only connections: and flows:, connector
    files, mappings, types.
    """
    remove: Annotated[tuple[_Removed, ...], Meta(max_length=200)] = ()
    """connection/NAME or flow/NAME."""


class ApplyWish(FilesWish, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same files as were planned, and why."""

    reason: Annotated[str, Meta(max_length=500)] = ""


class ConnectorWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connector file."""

    text: _Text
    name: _Name = "connector.yaml"
    """What problems call it."""


class VersionsQuery(Query, frozen=True, kw_only=True):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=200, description="The newest.")] = 50


def _handed(said: FilesWish) -> Handed:
    return Handed(files=said.files, remove=said.remove)


async def standing(ask: Ask) -> Standing:
    return await registering.configuration(ask.desk.place, ask.who)


async def versions(ask: Ask) -> list[ConfigVersion]:
    return await config_versions(ask.desk.place, ask.who, limit=ask.query.limit)


async def plan(ask: Ask) -> Answer:
    found = await registering.plan_files(ask.desk.place, ask.who, _handed(ask.body))
    return Answer(value=found, version=found.digest)


async def apply(ask: Ask) -> Placed:
    said: ApplyWish = ask.body
    return await registering.apply_files(
        ask.desk.place, ask.who, _handed(said), expected=ask.version, reason=said.reason
    )


async def take_up(ask: Ask) -> Answer:
    found = await registering.take_up(ask.desk.place, ask.who)
    headers = {"Location": _ALL} if found.taken_up else {"Location": _ALL, "Retry-After": AGAIN_S}
    return Answer(value=found, headers=headers, status=200 if found.taken_up else 202)


async def validate(ask: Ask) -> ConnectorReport:
    said: ConnectorWish = ask.body
    return connector_files.validate_connector(ask.desk.place, ask.who, said.text, name=said.name)


_ALL = "/v1/configuration"
ROUTES = (
    Route(
        method="GET",
        path=_ALL,
        name="getConfiguration",
        tag="configuration",
        summary="What is in place, and whether this worker works by it",
        right=Right.CONFIGURE,
        do=standing,
        answer=Standing,
        problems=("configuration-invalid",),
    ),
    Route(
        method="GET",
        path=f"{_ALL}/versions",
        name="listConfigurationVersions",
        tag="configuration",
        summary="Every state of connections and flows, who brought it and why; the newest first",
        right=Right.CONFIGURE,
        do=versions,
        query=VersionsQuery,
        answer=list[ConfigVersion],
    ),
    Route(
        method="POST",
        path=f"{_ALL}:plan",
        name="planConfiguration",
        tag="configuration",
        summary="What files would change, field by field, what that does to what runs, and what is refused",
        right=Right.CONFIGURE,
        do=plan,
        body=FilesWish,
        answer=Plan,
        problems=("configuration-invalid",),
    ),
    Route(
        method="POST",
        path=f"{_ALL}:apply",
        name="applyConfiguration",
        tag="configuration",
        summary="Puts in place what was planned, whole or not at all; If-Match is the ETag of that plan",
        right=Right.CONFIGURE,
        do=apply,
        body=ApplyWish,
        answer=Placed,
        key=Key.DAY,
        match=True,
        matched=DIGEST,
        problems=("configuration-invalid", "configuration-refused", "configuration-stale"),
    ),
    Route(
        method="POST",
        path=f"{_ALL}:take-up",
        name="takeUpConfiguration",
        tag="configuration",
        summary="Has the worker that answers begin again with what is in place; it answers again within seconds",
        right=Right.CONFIGURE,
        do=take_up,
        body=Nothing,
        answer=Standing,
        others={202: "It begins again."},
        key=Key.DAY,
        problems=("configuration-invalid", "configuration-refused"),
    ),
    Route(
        method="POST",
        path="/v1/connectors:validate",
        name="validateConnector",
        tag="configuration",
        summary="What a connector file asks for and offers, or everything that is wrong with it",
        right=Right.CONFIGURE,
        do=validate,
        body=ConnectorWish,
        answer=ConnectorReport,
        problems=("connector-invalid",),
    ),
)
