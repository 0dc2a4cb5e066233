"""Mapping versions as they are stored: kept when a gateway starts with them, listed, shown, compared."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal, Right
from gateway.audit.chain import append
from gateway.audit.effects import closing, opened
from gateway.config import Config
from gateway.core.kinds import APPLIED, SUPERSEDED
from gateway.versions import store
from gateway.versions.errors import UnknownVersion
from gateway.versions.reading import loaded, parse_ref, version_of
from gateway.versions.store import Event, Kind, Version
from gateway.work.trail import note
from gateway.work.workplace import Workplace

Facts = dict[str, Any]


async def remember(place: Workplace, *, by: str) -> list[Version]:
    """Keeps every version that the configuration names, and notes where one came into use: one transaction, each with
    its audit row. Those that are known and in use already leave no trace. Gives what came into use.
    """
    began, now = [], place.now()
    async with place.database.begin("mapping.remember") as tx:
        used = _last_used(await store.events(tx, kinds=[Kind.USED]))
        for where, version in _configured(place.config, by, now):
            await store.keep(tx, version)
            before = used.get(where)
            if before is not None and before.digest == version.digest:
                continue
            began.append(version)
            detail = {"config": str(place.config.file), "was": before.digest if before else ""}
            await store.happened(tx, version, Kind.USED, at=now, by=by, place=where, detail=detail)
            told = {"mapping": version.label, "digest": version.digest, "place": where, **detail}
            connection = where.partition("/")[2]
            cause = version.label[:100]
            closes = await _published(tx, cause, now)
            outcome = {"outcome": APPLIED, "closes": closes} if closes else {}
            said = {"actor": by, "connection": connection, "cause": cause, **outcome}
            await note(tx, at=now, kind="mapping_used", detail=told, **said)
    return began


async def _published(tx: AsyncConnection, cause: str, now: float) -> str:
    """The entry of who published it last, which its use closes; those before it never came to anything."""
    found = [each for each in await opened(tx, [cause]) if each.kind == "mapping_published"]
    append(tx, [closing(each, "mapping_used", SUPERSEDED, now, {}) for each in found[1:]])
    return found[0].id if found else ""


def _configured(config: Config, by: str, now: float) -> list[tuple[str, Version]]:
    """What is in use, by place."""
    found = []
    for flow in config.flows.values():
        for name, member in flow.members.items():
            mapping = member.mapping
            version = Version(
                digest=mapping.digest,
                name=mapping.name,
                version=mapping.version,
                system=mapping.system,
                object=mapping.object,
                type=mapping.type,
                text=member.text,
                type_text=member.type_text,
                stored_at=now,
                stored_by=by[:100],
                origin=str(member.mapping_file),
            )
            found.append((f"{flow.name}/{name}", version))
    return found


def _last_used(events: Sequence[Event]) -> dict[str, Event]:
    return {each.place: each for each in events}


async def listed(place: Workplace, who: Principal, name: str = "") -> list[Facts]:
    """Every stored version in scope, by name, the highest number first. Right SEE.

    [{ref, name, version, digest, system, object, type, stored_at, stored_by, origin, first_used_at, first_used_by,
    config, places: [where it is used now], used: [where it was ever used], published_at, published_by}]
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        versions = await store.versions(tx, name)
        events = await store.events(tx, name=name)
    return [_facts(each, events) for each in versions if _covers(place, who, each, events)]


async def shown(place: Workplace, who: Principal, ref: str) -> Facts:
    """A version with its texts and all that happened to it. Right SEE. As an entry of `listed`, with {text, type_text,
    events: [{kind, at, by, place, detail}]}. Raises UnknownVersion.
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        version = await find(tx, place, who, ref)
        events = await store.events(tx, name=version.name)
    of_it = [each for each in events if each.digest == version.digest]
    return {
        **_facts(version, events),
        "text": version.text,
        "type_text": version.type_text,
        "events": [
            {"kind": str(each.kind), "at": each.at, "by": each.by_name, "place": each.place, "detail": each.detail}
            for each in of_it
        ],
    }


async def find(tx: AsyncConnection, place: Workplace, who: Principal, ref: str) -> Version:
    """The version that is named, if it is in scope. Raises UnknownVersion: only what may be seen is named there."""
    try:
        version = await version_of(tx, ref)
        events = await store.events(tx, name=version.name)
        if _covers(place, who, version, events):
            return version
    except UnknownVersion:
        pass
    named = parse_ref(ref)
    name = named.name if named else ref.rpartition("@")[0] or ref
    events = await store.events(tx, name=name)
    versions = [each for each in await store.versions(tx, name) if _covers(place, who, each, events)]
    raise UnknownVersion(ref, [ref_of(each) for each in versions])


def ref_of(version: Version) -> str:
    """How people name exactly this version."""
    return f"{version.name}@{version.version}:{version.digest[:8]}"


async def compared(place: Workplace, who: Principal, before: str, after: str) -> Facts:
    """What differs between two versions. Right SEE. {before, after, same, fields: [{field, change: added | removed |
    changed, before, after}], text: unified diff}. Raises UnknownVersion.
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        one, other = await find(tx, place, who, before), await find(tx, place, who, after)
    return difference(one, other)


def difference(one: Version, other: Version) -> Facts:
    """As `compared`, of two versions at hand."""
    lines = difflib.unified_diff(
        one.text.splitlines(), other.text.splitlines(), ref_of(one), ref_of(other), lineterm="", n=3
    )
    return {
        "before": ref_of(one),
        "after": ref_of(other),
        "same": one.digest == other.digest,
        "fields": _field_differences(_rules(one), _rules(other)),
        "text": "\n".join(lines),
        "type_changed": one.type_text != other.type_text,
    }


def _rules(version: Version) -> Facts:
    """What each field says, as it was written: what is left out is left out."""
    model = loaded(version).model
    if model is None:
        return {}
    fields = {
        name: rule.model_dump(mode="json", by_alias=True, exclude_unset=True) for name, rule in model.fields.items()
    }
    others = model.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"fields", "version", "doc"})
    return {**fields, **{f"({key})": value for key, value in others.items()}}


def _field_differences(one: Facts, other: Facts) -> list[Facts]:
    found = []
    for name in [*one, *(each for each in other if each not in one)]:
        was, now = one.get(name), other.get(name)
        if was != now:
            change = "added" if name not in one else "removed" if name not in other else "changed"
            found.append({"field": name, "change": change, "before": was, "after": now})
    return found


def _facts(version: Version, events: Sequence[Event]) -> Facts:
    uses = [each for each in events if each.digest == version.digest and each.kind is Kind.USED]
    published = [each for each in events if each.digest == version.digest and each.kind is Kind.PUBLISHED]
    last = _last_used([each for each in events if each.kind is Kind.USED])
    return {
        "ref": ref_of(version),
        "name": version.name,
        "version": version.version,
        "digest": version.digest,
        "system": version.system,
        "object": version.object,
        "type": version.type,
        "stored_at": version.stored_at,
        "stored_by": version.stored_by,
        "origin": version.origin,
        "first_used_at": uses[0].at if uses else None,
        "first_used_by": uses[0].by_name if uses else "",
        "config": uses[0].detail.get("config", "") if uses else "",
        "places": sorted(where for where, event in last.items() if event.digest == version.digest),
        "used": sorted({each.place for each in uses}),
        "published_at": published[-1].at if published else None,
        "published_by": published[-1].by_name if published else "",
    }


def _covers(place: Workplace, who: Principal, version: Version, events: Sequence[Event]) -> bool:
    """Whether a version is in scope: its record type, and one of the connections where its name was ever used."""
    if not who.covers(type=version.type):
        return False
    at = {each.place.partition("/")[2] for each in events if each.kind is Kind.USED and each.name == version.name}
    for flow in place.topology.flows.values():
        at |= {name for name, member in flow.members.items() if member.mapping.name == version.name}
    return any(who.covers(connection=connection) for connection in at) or who.connections is None
