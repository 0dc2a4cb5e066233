"""The audit trail as pages show it: filtered, newest first, and what changed lately. Reads only.

Ids of rows end with the moment they were made, so a page goes on below the last one at the cost of one page. A narrow
filter stops after `LOOKED_AT` rows and says where it stopped: the trail may have hundreds of millions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Select, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal, Right
from gateway.audit.effects import still_open
from gateway.audit.tables import audit
from gateway.core.digits import number_in
from gateway.core.ids import new_id
from gateway.core.kinds import NONE, OPEN, WORDS
from gateway.core.origin import SYSTEM
from gateway.storage.database import loads
from gateway.work.workplace import Workplace

LOOKED_AT = 20_000
FOLDED = 2_000
"""Changes that are read to tell of a few, because the same thing may have been done to many."""
TOGETHER_S = 600.0
"""The same act again within this time belongs to the one before."""
DAY_S = 86_400.0
OURS = "lockstep"
NO_CHANGE = (
    *("audit_read", "personal_seen", "signed_in", "signed_out", "sign_in_link"),
    *("replay_selected", "replay_planned", "swept"),
    *("view_saved", "view_renamed", "view_deleted"),
    *("audit_exported", "secret_opened", "right_refused", "replay_unapproved"),
    *("case_self_approval", "replay_self_approval", "mapping_self_approval"),
)
"""Kinds that tell of a look or a visit: in the trail, but nothing is otherwise by them."""
PREFIX = "au"
"""Of the ids of all rows: what the gateway did and what people did are one range of the primary key."""
_LAST = "zzzzzzzzzz"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row."""

    id: str
    at: float
    kind: str
    actor: str
    record: str
    connection: str
    cause: str
    """Case, plan, run, notice or attempt that led to it."""
    detail: Any
    text: str
    """What was done, in words."""
    seq: int = 0
    """Its place in the chain, from 1."""
    risk: int = 0
    """How much it matters to security: 0, or OCSF's 2 low, 3 medium, 4 high, 5 critical."""
    outcome: str = ""
    """Empty: said and done. `open`: its effect comes later. Else how what it closes ended."""
    closes: str = ""
    """Id of the entry whose effect this one tells."""
    closed_by: str = ""
    """Of an open one: id of the entry that tells how it ended; empty: nobody knows yet."""
    ended: str = ""
    """Of an open one: how it ended."""

    @property
    def stands(self) -> str:
        """The outcome as people read it: of one that was open how it ended."""
        return self.ended or self.outcome


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Every field narrows; empty ones do not."""

    who: str = ""
    what: str = ""
    about: str = ""
    """A record, a connection, or what caused it (FO-17, a plan, a run)."""
    since: float | None = None
    until: float | None = None
    people: bool = False
    """Only what people did."""
    outcome: str = ""
    """`open`: nobody knows yet how it ended; or an outcome."""
    risk: str = ""
    """At least so much: low, medium, high or critical."""
    source: str = ""
    """console, cli, api or system."""
    reason: str = ""
    """Part of the reason that was given."""


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, newest first."""

    entries: tuple[Entry, ...]
    next: str
    """Goes on below this moment; empty at the end."""
    cut: bool
    """Nothing more was found in the rows looked at; there are older ones."""


async def read(place: Workplace, who: Principal, wanted: AuditFilter, *, below: str = "", limit: int = 50) -> AuditPage:
    """A page of the trail. Right AUDIT; narrowed to the reader's connections."""
    who.require(Right.AUDIT)
    upper = below or (_stamp(wanted.until) if wanted.until is not None else _LAST)
    looked = _newest("", upper, wanted)
    query = _narrowed(select(looked), looked.c, wanted, who).order_by(looked.c.id.desc()).limit(limit + 1)
    async with place.database.read() as tx:
        rows = (await tx.execute(query)).mappings().all()
        whole = select(func.count(), func.min(looked.c.id)).select_from(looked)
        looked_at, oldest = (0, "") if len(rows) > limit else (await tx.execute(whole)).one()
        shown = tuple(await ended(tx, [_entry(each) for each in rows[:limit]]))
    cut = looked_at >= LOOKED_AT
    last = shown[-1].id if len(rows) > limit else oldest if cut else ""
    return AuditPage(entries=shown, next=last.removeprefix(PREFIX), cut=cut)


async def after(place: Workplace, who: Principal, wanted: AuditFilter, seq: int, *, limit: int) -> list[Entry]:
    """What came after an entry, in the order of the chain: who goes on from the last one misses none. Right AUDIT."""
    who.require(Right.AUDIT)
    newer = select(audit).where(audit.c.seq > seq).order_by(audit.c.seq).limit(LOOKED_AT).subquery()
    query = _narrowed(select(newer), newer.c, wanted, who).order_by(newer.c.seq).limit(limit)
    async with place.database.read() as tx:
        return [_entry(each) for each in (await tx.execute(query)).mappings()]


async def one(place: Workplace, who: Principal, which: str) -> list[Entry]:
    """An entry by its id or place in the chain, then what it closes or what closes it. Empty: there is none in scope.
    Right AUDIT.
    """
    who.require(Right.AUDIT)
    seq = number_in(which.removeprefix("#"))
    named = audit.c.id == which if seq is None else audit.c.seq == seq
    async with place.database.read() as tx:
        found = (
            (await tx.execute(_narrowed(select(audit).where(named), audit.c, AuditFilter(), who))).mappings().first()
        )
        if found is None:
            return []
        others = or_(audit.c.id == (found["closes"] or ""), audit.c.closes == found["id"])
        related = _narrowed(select(audit).where(others), audit.c, AuditFilter(), who).order_by(audit.c.seq)
        rows = [found, *(await tx.execute(related)).mappings()]
        return await ended(tx, [_entry(each) for each in rows])


async def ended(tx: AsyncConnection, entries: Sequence[Entry]) -> list[Entry]:
    """The entries, the open ones with how they ended."""
    ids = [each.id for each in entries if each.outcome == OPEN]
    if not ids:
        return list(entries)
    query = select(audit.c.closes, audit.c.id, audit.c.outcome).where(audit.c.closes.in_(ids)).order_by(audit.c.seq)
    known = {closes: (id, outcome) for closes, id, outcome in await tx.execute(query)}
    return [
        msgspec.structs.replace(each, closed_by=known[each.id][0], ended=known[each.id][1])
        if each.id in known
        else each
        for each in entries
    ]


def _stamp(at: float) -> str:
    """What the ids made at this time begin with, after their prefix."""
    return new_id("", at=at)[:10]


def _newest(lowest: str, upper: str, wanted: AuditFilter | None = None) -> Any:
    """The newest rows between two moments. What has an index of its own narrows before rows are counted: the few that
    are open, or matter to security, are found among any number of others.
    """
    inside: list[Any] = [audit.c.id >= PREFIX + lowest, audit.c.id < PREFIX + upper]
    if wanted is not None and wanted.outcome == OPEN:
        inside += still_open()
    if wanted is not None and wanted.risk:
        inside += [literal_column("audit.risk > 0"), audit.c.risk >= _severity(wanted.risk)]
    return select(audit).where(*inside).order_by(audit.c.id.desc()).limit(LOOKED_AT).subquery()


def _narrowed(query: Select[Any], row: Any, wanted: AuditFilter, who: Principal) -> Select[Any]:
    if wanted.who:
        query = query.where(row.actor.icontains(wanted.who, autoescape=True))
    if wanted.what:
        query = query.where(row.kind.icontains(wanted.what, autoescape=True))
    if wanted.about:
        exact = (row.record == wanted.about, row.connection == wanted.about, row.cause == wanted.about)
        query = query.where(or_(*exact))
    if wanted.people:
        query = query.where(row.actor != OURS)
    if wanted.since is not None:
        query = query.where(row.at >= wanted.since)
    if who.connections is not None:
        query = query.where(or_(row.connection.is_(None), row.connection.in_(sorted(who.connections))))
    return _by_standing(query, row, wanted)


def _by_standing(query: Select[Any], row: Any, wanted: AuditFilter) -> Select[Any]:
    """By how it ended, how much it matters, and what its detail says."""
    if wanted.outcome:
        query = query.where(row.outcome == wanted.outcome)
    if wanted.risk:
        query = query.where(row.risk >= _severity(wanted.risk))
    if wanted.source == SYSTEM:
        query = query.where(~row.detail.contains('"source":"'))
    elif wanted.source:
        query = query.where(row.detail.contains(f'"source":"{wanted.source}"', autoescape=True))
    if wanted.reason:
        query = query.where(row.detail.contains('"reason":"'), row.detail.icontains(wanted.reason, autoescape=True))
    return query


async def lately(place: Workplace, who: Principal, *, limit: int = 8) -> list[Entry]:
    """What people changed in the last day, newest first. Right SEE: who and what, not the details."""
    return await changes(place, who, since=place.now() - DAY_S, until=place.now(), limit=limit)


async def changes(place: Workplace, who: Principal, *, since: float, until: float, limit: int = 8) -> list[Entry]:
    """What people changed between two times, newest first: who and what, not the details. One thing done to many is one
    entry. Right SEE.
    """
    who.require(Right.SEE)
    looked = _newest(_stamp(since), _stamp(until + 1))
    query = _narrowed(select(looked), looked.c, AuditFilter(people=True), who)
    query = query.where(looked.c.kind.not_in(NO_CHANGE)).order_by(looked.c.id.desc())
    async with place.database.read() as tx:
        found = [_entry(each) for each in (await tx.execute(query.limit(FOLDED))).mappings()]
    return [_folded(alike) for alike in islice(_alike(found).values(), limit)]


def _alike(entries: Iterable[Entry]) -> dict[tuple[str, str, str, int], list[Entry]]:
    """One person, one kind of act, within `TOGETHER_S` of each other; in the order of the newest of each."""
    found: dict[tuple[str, str, str, int], list[Entry]] = {}
    latest: dict[tuple[str, str, str], int] = {}
    for each in entries:
        what = (each.actor, each.kind, _act(each))
        turn = latest.get(what, 0)
        if (before := found.get((*what, turn))) and before[-1].at - each.at > TOGETHER_S:
            turn += 1
        latest[what] = turn
        found.setdefault((*what, turn), []).append(each)
    return found


def _act(entry: Entry) -> str:
    return str(entry.detail.get("action") or "") if isinstance(entry.detail, dict) else ""


def _folded(alike: Sequence[Entry]) -> Entry:
    newest = alike[0]
    things = {_about(each) for each in alike}
    if len(things) == 1:
        return msgspec.structs.replace(newest, detail={})
    what = newest.text.removeprefix(f"{newest.actor}: ").removesuffix(_about(newest)).rstrip()
    kinds = "cases" if all(each.startswith("FO-") for each in things) else "times"
    text = f"{newest.actor}: {what}, {len(things)} {kinds}"
    return msgspec.structs.replace(newest, detail={}, text=text, cause="", record="")


def _about(entry: Entry) -> str:
    told = entry.detail if isinstance(entry.detail, dict) else {}
    return str(told.get("number") or entry.cause or entry.connection or entry.record)


def _severity(word: str) -> int:
    return WORDS.get(word, NONE)


def _entry(row: Mapping[Any, Any]) -> Entry:
    names = ("id", "kind", "actor", "record", "connection", "cause", "outcome", "closes")
    values = {name: row[name] or "" for name in names}
    detail = loads(row["detail"])
    told = {"detail": detail, "text": _text(values, detail)}
    return Entry(at=row["at"], seq=row["seq"], risk=row["risk"], **values, **told)


def _text(row: Mapping[str, str], detail: Any) -> str:
    told = detail if isinstance(detail, dict) else {}
    what = str(told.get("action") or row["kind"]).replace("_", " ").replace(".", " ")
    about = str(told.get("number") or row["cause"] or row["connection"] or row["record"])
    return f"{row['actor']}: {what} {about}".rstrip()
