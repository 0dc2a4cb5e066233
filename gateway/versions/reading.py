"""From a stored version to a mapping that works, and from what people write to a stored version."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.versions import store
from gateway.versions.errors import BadMapping, UnknownVersion
from gateway.versions.store import Kind, Version
from mappings.compiler import CompiledMapping
from mappings.loader import Loaded, read_stored

_WRITTEN = re.compile(r"(?P<name>[a-z][a-z0-9._-]*)@(?P<number>\d{1,9})(?:[:. ](?P<digest>[0-9a-f]{4,64}))?")


class Ref(msgspec.Struct, frozen=True, kw_only=True):
    """A version as people name it: `incidents@13`, or `incidents@13:9f86d081` where a number has several texts."""

    name: str
    number: int
    digest: str = ""
    """The beginning of it; empty: the text that was used last under this number."""


def parse_ref(text: str) -> Ref | None:
    """None: this names no version."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return None
    return Ref(name=found["name"], number=int(found["number"]), digest=found["digest"] or "")


async def version_of(tx: AsyncConnection, text: str) -> Version:
    """The stored version that is named; of several texts under one number the one that was used last.

    Raises UnknownVersion, which names those that there are.
    """
    ref = parse_ref(text)
    all_of = await store.versions(tx, ref.name if ref else text.rpartition("@")[0] or text)
    if ref is None:
        raise UnknownVersion(text, _known(all_of))
    fits = [each for each in all_of if each.version == ref.number and each.digest.startswith(ref.digest)]
    if not fits:
        raise UnknownVersion(text, _known(all_of))
    used = {each.digest: each.at for each in await store.events(tx, name=ref.name, kinds=[Kind.USED])}
    return max(fits, key=lambda each: (used.get(each.digest, 0.0), each.stored_at))


def _known(versions: list[Version]) -> list[str]:
    return [f"{each.name}@{each.version}:{each.digest[:8]}" for each in versions]


@lru_cache(maxsize=64)
def loaded(version: Version) -> Loaded:
    """The version read and compiled; texts are known by their digest, so each is read once."""
    return read_stored(version.text, version.type_text, label=f"{version.name}@{version.version}")


def compiled(version: Version) -> CompiledMapping:
    """The mapping of a stored version. Raises BadMapping: this release of the gateway does not take its text."""
    found = loaded(version)
    if found.mapping is None:
        raise BadMapping([str(problem) for problem in found.problems])
    return found.mapping
