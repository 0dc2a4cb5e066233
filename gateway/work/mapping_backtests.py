"""Backtests: what a mapping would make of the changes that came in, compared with what the one in use makes of them.

Reads the journal in pages, so that memory stays flat however long it is; holds no transaction from page to page.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, and_, func, or_, select, tuple_

from connectors.contract.values import Change
from gateway.access.rights import Principal, Right
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.versions.errors import NotUsed
from gateway.versions.reading import compiled
from gateway.versions.store import Version
from gateway.work.mapping_trials import used_at
from gateway.work.mapping_versions import ref_of
from gateway.work.personal import personal_fields, seen
from gateway.work.workplace import Workplace
from mappings.backtest import Difference, Tally, Verdict, compare, worst
from mappings.compiler import CompiledMapping

Facts = dict[str, Any]
PAGE = 400
SAMPLES = 20
"""So many changes are named for each field and verdict; `differing` finds all."""

_change = msgspec.json.Decoder(Change).decode


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Which changes: those accepted in this time (epoch seconds, both ends inclusive), and of which connection."""

    since: float
    until: float
    connection: str = ""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A change under both mappings."""

    id: str
    at: float
    connection: str
    key: str
    differences: list[Difference]

    @property
    def verdict(self) -> Verdict:
        """Of the whole change."""
        return worst(self.differences)


class Report(msgspec.Struct, kw_only=True):
    """What a backtest counts while it goes on."""

    before: dict[str, str]
    """flow/connection -> the version in use."""
    total: int
    done: int = 0
    """Changes looked at, also those `without` a document: deletions, and what only named its object."""
    without: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)
    samples: dict[tuple[str, str], list[Facts]] = msgspec.field(default_factory=dict)

    def add(self, looked: Looked) -> None:
        """One more."""
        self.tally.add(looked.differences)
        for each in looked.differences:
            kept = self.samples.setdefault((each.field, str(each.verdict)), [])
            if len(kept) < SAMPLES:
                kept.append({"change": looked.id, "key": looked.key, "connection": looked.connection, "at": looked.at})

    def facts(self) -> Facts:
        """{before, total, done, without, same, changed, failing, fixed, fields: [{field, changed, failing, fixed,
        samples: {verdict: [{change, key, connection, at}]}}]}: the four and `without` add up to `done`.
        """
        verdicts: Counter[Verdict] = self.tally.verdicts
        fields = sorted(self.tally.fields.items(), key=lambda each: (-each[1][Verdict.FAILING], -each[1].total()))
        return {
            "before": self.before,
            "total": self.total,
            "done": self.done,
            "without": self.without,
            **{str(verdict): verdicts[verdict] for verdict in Verdict},
            "fields": [
                {
                    "field": name,
                    **{str(verdict): counts[verdict] for verdict in Verdict if verdict is not Verdict.SAME},
                    "samples": {
                        str(verdict): self.samples[(name, str(verdict))]
                        for verdict in Verdict
                        if (name, str(verdict)) in self.samples
                    },
                }
                for name, counts in fields
            ],
        }


class Job:
    """One backtest: a version over a range, at the places that whoever asks may see. Raises NotUsed."""

    def __init__(self, place: Workplace, who: Principal, version: Version, range: Range) -> None:
        self.database: Database = place.database
        self.version, self.range, self.after = version, range, compiled(version)
        self.before: dict[tuple[str, str], CompiledMapping] = {}
        self.places: dict[str, str] = {}
        for flow, member in used_at(place, version.name):
            inside = who.covers(connection=member.connection, type=flow.type.type)
            if inside and range.connection in ("", member.connection):
                self.before[(member.connection, member.object)] = member.mapping
                self.places[f"{flow.name}/{member.connection}"] = member.mapping.label
        if not self.before:
            raise NotUsed(version.name, [])

    def _query(self, *columns: Any) -> Select[Any]:
        row = t.notice.c
        where = or_(*(and_(row.connection == each[0], row.object == each[1]) for each in self.before))
        return select(*columns).where(row.received_at >= self.range.since, row.received_at <= self.range.until, where)

    async def count(self) -> int:
        """How many changes are in the range now."""
        async with self.database.read() as tx:
            return int(await tx.scalar(self._query(func.count())) or 0)

    async def pages(self, after: tuple[float, str] | None = None) -> AsyncIterator[list[Looked | None]]:
        """The changes, oldest first, from behind `after` on; None for one without a document."""
        row = t.notice.c
        while True:
            query = self._query(row.id, row.received_at, row.payload).order_by(row.received_at, row.id).limit(PAGE)
            if after is not None:  # the first condition alone lets the index begin here and not at the range's start
                query = query.where(row.received_at >= after[0], tuple_(row.received_at, row.id) > after)
            async with self.database.read() as tx:
                rows = (await tx.execute(query)).all()
            if not rows:
                return
            yield [self._looked(each.id, each.received_at, each.payload) for each in rows]
            after = (rows[-1].received_at, rows[-1].id)
            await asyncio.sleep(0)

    def _looked(self, id: str, at: float, payload: str) -> Looked | None:
        change = _change(payload)
        shown = change.snapshot
        if not shown.raw:
            return None
        before = self.before[(change.connection, shown.object)]
        found = compare(before, self.after, shown.raw)
        return Looked(id=id, at=at, connection=change.connection, key=shown.key or shown.id, differences=found)


async def backtest(
    place: Workplace,
    who: Principal,
    version: Version,
    range: Range,
    *,
    told: Callable[[Report], Awaitable[None]] | None = None,
    differing: Callable[[Looked], Any] = lambda looked: None,
) -> Facts:
    """The whole backtest, in this process. Right CONFIGURE. `told` hears of the report after each page, `differing` of
    each change that is not the same (with its values, in clear). `Report.facts` with {ref, digest, since, until}.
    Raises NotUsed.
    """
    who.require(Right.CONFIGURE)
    job = Job(place, who, version, range)
    report = Report(before=job.places, total=await job.count())
    async for page in job.pages():
        for looked in page:
            report.done += 1
            if looked is None:
                report.without += 1
                continue
            report.add(looked)
            if looked.differences:
                differing(looked)
        report.total = max(report.total, report.done)
        if told is not None:
            await told(report)
    report.total = report.done
    return head(version, range) | report.facts()


def head(version: Version, range: Range) -> Facts:
    """What a backtest is of."""
    return {
        "ref": ref_of(version),
        "digest": version.digest,
        "since": range.since,
        "until": range.until,
        "connection": range.connection,
    }


async def differing(
    place: Workplace,
    who: Principal,
    version: Version,
    range: Range,
    *,
    field: str = "",
    verdict: str = "",
    after: str = "",
    limit: int = 50,
) -> Facts:
    """Changes that are not the same, a page of them, oldest first: all can be reached. Right SEE, personal values
    masked. {changes: [{change, at, connection, key, verdict, fields: [{field, verdict, before, after, error_before,
    error_after}]}], next}
    """
    who.require(Right.SEE)
    job, found = Job(place, who, version, range), list[Facts]()
    at, _, id = after.partition(":")
    limit = max(1, min(limit, 200))
    async for page in job.pages((float(at), id) if id else None):
        for looked in page:
            if looked is not None and _wanted(looked.differences, field, verdict):
                found.append(facts_of(looked))
        if len(found) > limit:
            break
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    if not who.may(Right.SEE_PERSONAL):
        shown = [_silent(each, personal_fields(place)) for each in shown]
    facts = {"changes": shown, "next": f"{last['at']!r}:{last['change']}" if last else None}
    return dict(await seen(place, who, facts, record=f"backtest {version.name}"))


def _silent(change: Facts, personal: Collection[str]) -> Facts:
    """Why a value is refused names it: of personal fields nothing is said."""
    errors = ("error_before", "error_after")
    fields = [
        {**each, **{key: "refused" for key in errors if each[key]}} if each["field"] in personal else each
        for each in change["fields"]
    ]
    return {**change, "fields": fields}


def _wanted(differences: Sequence[Difference], field: str, verdict: str) -> bool:
    return any(field in ("", each.field) and verdict in ("", each.verdict) for each in differences)


def facts_of(looked: Looked) -> Facts:
    """A change as JSON."""
    return {
        "change": looked.id,
        "at": looked.at,
        "connection": looked.connection,
        "key": looked.key,
        "verdict": str(looked.verdict),
        "fields": [
            {
                "field": each.field,
                "verdict": str(each.verdict),
                "before": each.before,
                "after": each.after,
                "error_before": each.error_before,
                "error_after": each.error_after,
            }
            for each in looked.differences
        ],
    }
