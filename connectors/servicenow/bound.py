"""An object of a connection: its table, what is particular to that, and what the settings say; rows become snapshots
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.contract.values import Snapshot
from connectors.servicenow import rows
from connectors.servicenow.rows import Row, text
from connectors.servicenow.settings import ObjectOptions, Reference, ServiceNowOptions
from connectors.servicenow.tables import TableKind, kind_of


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """One object type of one connection."""

    object: str
    table: str
    kind: TableKind
    given: ObjectOptions
    marker: str
    """Column of our key; "" for none."""
    columns: tuple[str, ...]
    """What is read, without dot-walks."""
    references: Mapping[str, Reference]
    us: str
    correlation_display: str
    base: str
    """Address of the instance."""

    @property
    def asked(self) -> str:
        """`sysparm_fields` of a read."""
        return rows.asked_fields(self.columns, self.references)

    @property
    def named(self) -> str:
        """`sysparm_fields` of a look-up: the id, and what people call the row."""
        return ",".join(dict.fromkeys(("sys_id", *self.kind.names)))

    def mark(self, correlation: str) -> dict[str, str]:
        """What a create carries so that it is found again."""
        if not self.marker:
            return {}
        shared = {"correlation_display": self.correlation_display} if self.marker == rows.SHARED else {}
        return {self.marker: correlation, **shared}

    def snapshot(self, row: Row, *, partial: bool = False) -> Snapshot:
        """A row of this table."""
        return rows.to_snapshot(
            row,
            object=self.object,
            references=self.references,
            correlation_display=self.correlation_display,
            us=self.us,
            url=f"{self.base}/{self.table}.do?sys_id={text(row.get('sys_id'))}",
            partial=partial,
            marker=self.marker,
            names=self.kind.names,
        )

    def told(self, said: Mapping[str, Any]) -> Snapshot:
        """A webhook's record; partial unless it says all that a read would say."""
        row = {**said["record"], "sys_id": said["sys_id"]}
        return self.snapshot(row, partial=not rows.is_whole(row, self.columns, self.references))


def bound(name: str, given: ObjectOptions, options: ServiceNowOptions, *, us: str, base: str) -> Bound:
    """Puts together what is known of an object."""
    table = given.table or name
    kind = kind_of(table)
    marker = given.marker or kind.marker
    return Bound(
        object=name,
        table=table,
        kind=kind,
        given=given,
        marker=marker,
        columns=tuple(dict.fromkeys((*kind.columns, *((marker,) if marker else ()), *options.fields))),
        references={**kind.references, **options.references},
        us=us,
        correlation_display=options.correlation_display,
        base=base,
    )
