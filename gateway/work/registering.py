"""Registering from files: a plan of what was handed in, and putting in place what was looked at. The one way in which a
gateway's configuration is written, whoever asks: the command line, the API or the console.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from connectors.contract.errors import ConfigError, InputError
from connectors.contract.written.places import read_source
from connectors.contract.written.problems import Problem
from gateway.access.rights import NotAllowed, Principal, Right
from gateway.config import Config, load
from gateway.config.staging import FilesRefused, Wanted, brings_code, placed, put, staged, wanted
from gateway.config.written import SECTIONS, Change, Facts, differences, digest, document, files_of
from gateway.credentials import store
from gateway.work.applying import ConfigVersion, Step, applied, begin_live, config_versions, noted
from gateway.work.applying import plan as judged
from gateway.work.guarded import Others, only_for_admins
from gateway.work.trail import note
from gateway.work.workplace import Workplace

KINDS = {kind: section for section, kind in SECTIONS.items()}
_read: dict[str, tuple[tuple[tuple[str, int], ...], Standing]] = {}
"""What this process began with -> when its files were written, and what stands in them."""


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants in place."""

    files: Mapping[str, str] = {}
    """Name beside the configuration -> text."""
    remove: tuple[str, ...] = ()
    """connection/NAME or flow/NAME."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be put in place, and what that does."""

    steps: tuple[Step, ...]
    admin: tuple[str, ...]
    """Why the right `manage` is needed to put it in place; empty: `configure` is enough."""
    live: tuple[str, ...] = ()
    """The new flows that write as soon as a gateway works by them, without anybody having looked."""
    digest: str
    """What was looked at: the state it starts from, what was handed in, and what it does. Named when it is put in
    place.
    """

    @property
    def refused(self) -> tuple[str, ...]:
        """Why it cannot be put in place: all that is not safe."""
        return tuple(f"{each.change.kind} {each.change.name}: {each.refused}" for each in self.steps if each.refused)


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A state that stands."""

    version: int
    """Of the history; the last one again if nothing was changed."""
    changes: tuple[Change, ...]
    taken_up: bool
    """This worker works by it already. False: from its next start on, or when it is told to take it up."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration in place, and whether this worker works by it."""

    digest: str
    version: int
    """The newest of the history; 0: there is none yet."""
    taken_up: bool
    restart: tuple[str, ...]
    """Settings that only a start of the process takes up, and that differ from those it was started with."""
    connections: tuple[str, ...]
    flows: tuple[str, ...]


class ConfigurationInvalid(InputError):
    """What was handed in makes no configuration; nothing was changed."""

    status = 422

    def __init__(self, found: Sequence[Problem], files: Mapping[str, str]) -> None:
        count = len(found)
        super().__init__(
            f"{count} problem{'s' if count > 1 else ''}; nothing was changed", code="configuration.invalid"
        )
        self.found = list(found)
        self.errors = [told(each, files) for each in found]


class ConfigurationRefused(InputError):
    """It is not safe; nothing was changed."""

    status = 409

    def __init__(self, why: Sequence[str]) -> None:
        super().__init__(f"not safe, nothing was changed: {why[0]}", code="configuration.refused")
        self.errors = [{"pointer": "", "detail": each} for each in why]


class ConfigurationStale(InputError):
    """Another plan was looked at; nothing was changed. `moved`: what is not as it was."""

    status = 412

    def __init__(self, moved: Sequence[str]) -> None:
        super().__init__(f"what you looked at has moved: {'; '.join(moved)}", code="configuration.stale")
        self.moved = list(moved)


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A new state, read as a gateway would read it. Its paths last as long as `prepared`."""

    found: Wanted
    now: Config | None
    then: Config
    before: Facts
    after: Facts
    beside: tuple[Change, ...] = ()
    """Files that nothing names, such as tests of mappings."""

    @property
    def changes(self) -> list[Change]:
        """Field by field."""
        return [*differences(self.before, self.after), *self.beside]


def told(problem: Problem, files: Mapping[str, str]) -> dict[str, Any]:
    """A problem as the API says it: where in the body, where in the file, and what to try."""
    name = problem.file if problem.file in files else ""
    pointer = f"/files/{name.replace('~', '~0').replace('/', '~1')}" if name else "/files"
    place = {"file": _name(problem.file), "line": problem.line, "column": problem.col}
    fix = f"try {problem.hint}" if problem.hint else ""
    return {"pointer": pointer, "detail": problem.text, **place, "rule": problem.rule, "fix": fix}


def _name(file: str) -> str:
    """Where the files of a release lie on a server is nothing to who asks."""
    return f"(built in) {Path(file).name}" if Path(file).is_absolute() else file


@contextmanager
def prepared(
    config: Path, handed: Handed, env: Mapping[str, str] | None = None, *, trusted: bool = True
) -> Iterator[Prepared]:
    """The new state, aside. Raises ConfigurationInvalid with all problems, each at its place. Not `trusted`: whoever
    handed it in may not have this process run code that nobody had it run before.
    """
    env = os.environ if env is None else env
    config = config.resolve()
    with tempfile.TemporaryDirectory(prefix="lockstep-apply-") as aside:
        try:
            found = wanted(config, handed.files, [section_of(each) for each in handed.remove])
            judged = trusted or not brings_code(found)
            then, problems = staged(config, found, Path(aside).resolve(), env, judged=judged)
        except FilesRefused as error:
            raise ConfigurationInvalid(error.found, handed.files) from error
        if then is None:
            raise ConfigurationInvalid(placed(problems, found, handed.files), handed.files)
        now = load(config, env, judged=False) if config.is_file() else None
        before, after = document(now) if now is not None else {}, document(then)
        beside = tuple(_beside(config.resolve().parent, found, after))
        yield Prepared(found=found, now=now, then=then, before=before, after=after, beside=beside)


def _beside(here: Path, found: Wanted, after: Facts) -> Iterator[Change]:
    for name, text in sorted(found.texts.items()):
        if name == found.root or name in after["files"]:
            continue
        there = here / name
        if not there.is_file():
            yield Change(kind="file", name=name, change="added")
        elif there.read_text(encoding="utf-8", errors="replace") != text:
            yield Change(kind="file", name=name, change="changed")


def section_of(text: str) -> tuple[str, str]:
    """(connections, NAME) of connection/NAME. Raises InputError."""
    kind, _, name = text.partition("/")
    if kind not in KINDS or not name:
        raise InputError(f"{text} cannot be removed: write connection/NAME or flow/NAME", code="invalid-body")
    return KINDS[kind], name


async def plan_files(place: Workplace, who: Principal, handed: Handed) -> Plan:
    """What would change, field by field, what that does to what runs, and what is refused. Changes nothing. Right
    CONFIGURE, for everything. Raises ConfigurationInvalid.
    """
    _whole(who)
    return await _plan(place, who, await _prepared(place, who, handed), handed)


async def apply_files(place: Workplace, who: Principal, handed: Handed, *, expected: str, reason: str = "") -> Placed:
    """Puts in place what was looked at. `expected`: the digest of that plan. Said again it changes nothing. Right
    CONFIGURE, for everything; MANAGE where the plan says so. Raises ConfigurationInvalid, ConfigurationRefused,
    ConfigurationStale.
    """
    _whole(who)
    made = await _prepared(place, who, handed)
    plan = await _plan(place, who, made, handed)
    if moved := await _moved(place, who, expected, plan):
        raise ConfigurationStale(moved)
    if plan.refused:
        raise ConfigurationRefused(plan.refused)
    if plan.admin and not who.may(Right.MANAGE):
        raise NotAllowed(Right.MANAGE, "; ".join(plan.admin))
    try:
        written = await asyncio.to_thread(put, place.config.file, made.found)
    except FilesRefused as error:
        raise ConfigurationInvalid(error.found, handed.files) from error
    if not written:
        raise ConfigurationStale(["somebody wrote to the configuration at this moment"])
    version = await applied(place, who, made.after, reason=reason)
    changes = tuple(each.change for each in plan.steps)
    return Placed(
        version=version.version, changes=changes, taken_up=digest(made.after, settings=True) == place.begun_with
    )


async def configuration(place: Workplace, who: Principal) -> Standing:
    """What is in place. Right CONFIGURE. Raises ConfigurationInvalid: somebody left the files in a bad state."""
    who.require(Right.CONFIGURE)
    found = await asyncio.to_thread(_standing, place)
    newest = await config_versions(place, who, limit=1)
    return msgspec.structs.replace(found, version=newest[0].version if newest else 0)


def _standing(place: Workplace) -> Standing:
    """Read anew only when one of its files was written: pages ask for it every few seconds."""
    watched = [place.config.file, *files_of(place.config)]
    key = tuple((str(file), file.stat().st_mtime_ns if file.is_file() else 0) for file in watched)
    known = _read.get(place.begun_with)
    if known is None or known[0] != key:
        now = _loaded(place)
        facts = document(now)
        known = (
            key,
            Standing(
                digest=digest(facts),
                version=0,
                taken_up=digest(facts, settings=True) == place.begun_with,
                restart=_restart(place.config, now),
                connections=tuple(sorted(now.connections)),
                flows=tuple(sorted(now.flows)),
            ),
        )
        _read.clear()
        _read[place.begun_with] = known
    return known[1]


def named_in_place(place: Workplace) -> set[str]:
    """Connections that the file names, whether anything works by it or not."""
    said = read_source(place.config.file).data
    return set((said.get("connections") if isinstance(said, Mapping) else None) or {})


async def take_up(place: Workplace, who: Principal) -> Standing:
    """Has this worker stop its parts in order and begin again with the files that are in place; requests wait for it
    meanwhile, lanes go on where they were. Nothing happens if it works by them already. Right CONFIGURE, for
    everything. Raises ConfigurationInvalid, ConfigurationRefused where only a start of the process would do.
    """
    _whole(who)
    found = await configuration(place, who)
    if found.taken_up:
        return found
    if place.begin_again is None or found.restart:
        why = f"{', '.join(found.restart)} changed: " if found.restart else ""
        raise ConfigurationRefused([f"{why}this worker takes it up when its process is started again: lockstep run"])
    await asyncio.to_thread(_loaded, place, judged=True)
    async with place.database.begin("config.take_up") as tx:
        detail = {"by": who.id, "version": found.version}
        await note(tx, at=place.now(), kind="configuration_taken_up", actor=who.name, detail=detail)
    place.begin_again()
    return found


def flow_in_place(place: Workplace, name: str) -> Any:
    """A flow as the files say it; None: there is none."""
    return document(_loaded(place))["flows"].get(name)


def mappings_named(config: Config) -> list[str]:
    """Mappings that flows name by a file beside the configuration."""
    here = config.file.parent
    files = {member.mapping_file for flow in config.flows.values() for member in flow.members.values()}
    return sorted(str(each.relative_to(here)) for each in files if each.is_relative_to(here))


def _loaded(place: Workplace, *, judged: bool = False) -> Config:
    try:
        return load(place.config.file, os.environ, judged=judged)
    except ConfigError as error:
        lines = [Problem(place.config.file.name, 1, 1, "in-place", each) for each in error.problems]
        raise ConfigurationInvalid(lines, {}) from error


def _restart(begun: Config, now: Config) -> tuple[str, ...]:
    """Settings that hold for the process, and differ."""
    names = ("data", "database", "stream", "host", "port", "partitions")
    return tuple(each for each in names if getattr(begun, each) != getattr(now, each))


def _whole(who: Principal) -> None:
    """A configuration is one thing: whoever sees a part of it cannot judge what a change does to the rest."""
    who.require(Right.CONFIGURE)
    if who.connections is not None or who.types is not None:
        raise NotAllowed(Right.CONFIGURE, "all connections and record types")


async def _prepared(place: Workplace, who: Principal, handed: Handed) -> Prepared:
    def read() -> Prepared:
        with prepared(place.config.file, handed, trusted=who.may(Right.MANAGE)) as found:
            return found

    return await asyncio.to_thread(read)


async def _plan(place: Workplace, who: Principal, made: Prepared, handed: Handed) -> Plan:
    changes = made.changes
    steps = [noted(each, made.then) for each in changes]
    if made.now is not None and changes:
        async with place.database.read() as tx:
            steps = await judged(tx, made.now, made.then, changes)
    others = await _others(place, who, changes)
    admin = only_for_admins(made.before, made.after, changes, made.now or place.config, others)
    live = tuple(begin_live(changes, made.then))
    return Plan(steps=tuple(steps), admin=tuple(admin), live=live, digest=_digest(made, handed, steps))


async def _others(place: Workplace, who: Principal, changes: Sequence[Change]) -> Others:
    """Secrets that the database has already under names of new connections, and that others handed in."""
    names = {each.name for each in changes if each.kind == "connection" and each.change == "added"}
    found: dict[str, dict[str, str]] = {}
    if names:
        async with place.database.read() as tx:
            for each in await store.secrets(tx):
                mine = each.set_by == who.name[:100] and each.next is None and each.former is None
                if each.connection in names and not mine:
                    found.setdefault(each.connection, {})[each.name] = each.set_by
    return found


def _digest(made: Prepared, handed: Handed, steps: Sequence[Step]) -> str:
    """In three parts, so that a stale plan can say in what. Counts are left out: they move with every change."""
    does = [(each.change.kind, each.change.name, re.sub(r"\d+", "#", f"{each.refused} {each.does}")) for each in steps]
    given = [sorted(handed.files.items()), sorted(handed.remove)]
    return "-".join(_short(each) for each in (made.before, given, does))


def _short(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


async def _moved(place: Workplace, who: Principal, expected: str, plan: Plan) -> list[str]:
    """What is not as it was when the plan was looked at."""
    if expected == plan.digest:
        return []
    was, is_ = expected.split("-"), plan.digest.split("-")
    if len(was) != len(is_):
        return ["this names no plan"]
    found = []
    if was[0] != is_[0]:
        newest = await config_versions(place, who, limit=1)
        found.append(f"the configuration in place is another one{_by(newest[0]) if newest else ''}")
    if was[1] != is_[1]:
        found.append("other files were handed in than those that were planned")
    if was[2] != is_[2]:
        found.append(f"what it does to what runs is not the same: {'; '.join(plan.refused) or 'plan it again'}")
    return found


def _by(version: ConfigVersion) -> str:
    what = ", ".join(f"{each.kind} {each.name} {each.change}" for each in version.changes)
    return f"; the newest version is {version.version}, {version.kind} by {version.actor}{f': {what}' if what else ''}"
