"""What a connection's system says of its fields, what changed of that, and which mappings feel it: for people."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config import Config
from gateway.drift.effects import Effect, effects
from gateway.drift.seen import Change
from gateway.drift.store import Version, versions

SHOWN = 20
"""Changes of one object."""


class ChangedView(msgspec.Struct, frozen=True, kw_only=True):
    """One difference from the description before."""

    at: float
    what: str
    """field_added, field_removed, field_renamed, field_retyped, field_required, option_added, option_removed or
    option_renamed.
    """
    field: str
    before: str
    after: str


class SchemaView(msgspec.Struct, frozen=True, kw_only=True):
    """The description of one object type."""

    object: str
    version: int
    """Grows with every difference."""
    fields: int
    seen_at: float
    """Of this version."""
    checked_at: float
    """When the system last said so."""
    changes: tuple[ChangedView, ...]
    """The newest first."""
    effects: tuple[Effect, ...]
    """On the mappings in use; what breaks is first, and has a case."""


async def schemas(tx: AsyncConnection, config: Config, connection: str) -> tuple[SchemaView, ...]:
    """By object; empty where the system was not asked yet, or does not tell."""
    found: dict[str, list[Version]] = {}
    for each in await versions(tx, connection):
        found.setdefault(each.object, []).append(each)
    return tuple(_view(config, connection, found[name]) for name in sorted(found))


def _view(config: Config, connection: str, found: list[Version]) -> SchemaView:
    latest = max(found, key=lambda each: each.version)
    changed = [_changed(version, each) for version in found for each in version.changes]
    mappings = [member.mapping for _, member in config.members_of(connection) if member.object == latest.object]
    felt = [effects(latest.described, f"{each.name}@{each.version}", each.uses) for each in mappings]
    return SchemaView(
        object=latest.object,
        version=latest.version,
        fields=len(latest.described.fields),
        seen_at=latest.seen_at,
        checked_at=latest.checked_at,
        changes=tuple(sorted(changed, key=lambda each: -each.at)[:SHOWN]),
        effects=tuple(each for some in felt for each in some),
    )


def _changed(version: Version, each: Change) -> ChangedView:
    return ChangedView(at=version.seen_at, what=each.what, field=each.field, before=each.before, after=each.after)


def in_words(known: SchemaView, moment: Callable[[float | None], str]) -> list[tuple[str, str]]:
    """What people read of it. `moment` writes a time."""
    checked = f"{known.fields}, version {known.version}, asked {moment(known.checked_at)}"
    told = [(f"fields of {known.object}", checked)]
    told += [(_how(each), f"{each.mapping}: {each.text} (since {moment(each.at)})") for each in known.effects]
    return told + [("changed", f"{moment(each.at)}: {_words(each)}") for each in known.changes]


def _how(each: Effect) -> str:
    return "breaks" if each.breaks else "may break"


def _words(each: ChangedView) -> str:
    what = each.what.replace("_", " ")
    if each.before and each.after:
        return f"{what}: {each.field}, {each.before} -> {each.after}"
    return f"{what}: {each.field}{f', {each.before or each.after}' if each.before or each.after else ''}"
