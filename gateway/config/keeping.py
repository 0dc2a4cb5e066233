"""`retention`: how long things are kept, in general and for classes of data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pydantic import Field

from connectors.contract.written.edge import Strict
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from connectors.contract.written.units import Duration
from gateway.config import values


class RetentionClass(Strict):
    """Ages of what is closed, of the record types of this class. What is not said is as for all others."""

    cases: Duration | None = Field(default=None, description="Closed cases, before they go into the archive.")
    lineage: Duration | None = Field(default=None, description="What fields were, of records that have left.")
    archive: Duration | None = Field(default=None, description="The archive, from when it was closed on.")


class Retention(Strict):
    """How long things are kept. Receipts are never kept shorter than the journal, or a replay could act twice."""

    journal: Duration = Field(default=30 * 86400.0, description="Changes as they arrived.")
    receipts: Duration | None = Field(default=None, description="Idempotency keys. Default: as `journal`.")
    cases: Duration = Field(default=365 * 86400.0, description="Closed cases.")
    audit: Duration = Field(default=400 * 86400.0, description="The audit trail.")
    windows: Duration = Field(
        default=7 * 86400.0, description="So long a late notice may still show what a write of ours went over."
    )
    archive: Duration = Field(
        default=7 * 365 * 86400.0, description="Closed cases and lineage in the archive, from when they were closed on."
    )
    classes: dict[str, RetentionClass] = Field(default={}, description="Classes of data: personal, financial, ...")
    types: dict[str, str] = Field(default={}, description="Record type -> class. Types that are not here have none.")


def retention_of(given: Retention, flows: Mapping[str, str]) -> values.Retention:
    """`flows`: the record type of each flow."""
    return values.Retention(
        journal_s=given.journal,
        receipts_s=given.receipts or given.journal,
        cases_s=given.cases,
        audit_s=given.audit,
        windows_s=given.windows,
        archive_s=given.archive,
        apart=tuple(_apart(given, flows)),
    )


def _apart(given: Retention, flows: Mapping[str, str]) -> Iterator[values.KeptApart]:
    """Classes whose types are in use, with the flows of these types."""
    for name, ages in given.classes.items():
        own = frozenset(flow for flow, kind in flows.items() if given.types.get(kind) == name)
        if own:
            cases_s, lineage_s = ages.cases or given.cases, ages.lineage or given.audit
            yield values.KeptApart(name, own, cases_s, lineage_s, ages.archive or given.archive)


def check_retention(source: Source, given: Retention, types: Collection[str]) -> Iterator[Problem]:
    """A type that no flow has, or a class that is not declared, would leave data with ages that nobody meant."""
    for kind, name in given.types.items():
        at = ("retention", "types", kind)
        if kind not in types:
            text = f"no flow keeps records of type '{kind}'"
            yield source.problem(at, "unknown-type", text, nearest(kind, types))
        if name not in given.classes:
            text = f"retention.classes has no class '{name}'"
            yield source.problem(at, "unknown-class", text, nearest(name, given.classes))
