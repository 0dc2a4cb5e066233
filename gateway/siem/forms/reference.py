"""The reference page of kinds: which is what to receivers, from the table."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core.known_kinds import KINDS
from gateway.siem.forms.classes import OTHER
from gateway.siem.forms.kinds import DEFAULT, TABLE, Row, row_of

_HEAD = """# Kinds of entries, as SIEM receivers know them

Written from the code. What an event holds: [forms](siem-forms.md). First the kinds that there are, then families
of kinds: the first that fits counts. An activity of 99 has the kind as its name: its class has none that fits.
*failure*: it was tried and not done.

| kind | OCSF | ECS category | ECS type | |
|---|---|---|---|---|
"""


def page() -> str:
    """As Markdown."""
    return _HEAD + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    for name in sorted(KINDS):
        yield _line(name, row_of(name))
    for row in (*TABLE, DEFAULT):
        if row.kind not in KINDS:
            yield _line(row.kind, row)


def _line(name: str, row: Row) -> str:
    doing = f"{row.activity} {row.sort.activity(row.activity)}" if row.activity != OTHER else f"{OTHER} Other"
    ocsf = f"{row.sort.uid} {row.sort.name}: {doing}"
    failed = " failure |" if row.failed else " |"
    return f"| `{name}` | {ocsf} | {', '.join(row.categories)} | {', '.join(row.types)} |{failed}"
