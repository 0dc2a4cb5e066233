"""From a fragment of `raw` to the body of a Table API write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.comments import dress
from connectors.contract.values import ItemDraft
from connectors.servicenow.people import Directory
from connectors.servicenow.rows import text
from connectors.servicenow.settings import Reference

JOURNALS: Mapping[str, str] = {"comment": "comments", "work_note": "work_notes"}
"""Kind of item -> journal column. Journals are inputs: they read as "" and live in sys_journal_field (facts.md 1.5)."""
KINDS: Mapping[str, str] = {column: kind for kind, column in JOURNALS.items()}


async def body(values: Mapping[str, Any], references: Mapping[str, Reference], directory: Directory) -> dict[str, str]:
    """The columns to send. A nested reference is resolved first; raises Refused before anything is written."""
    sent: dict[str, str] = {}
    for column, value in values.items():
        reference = references.get(column)
        sent[column] = text(value) if reference is None else await _pointer(column, value, reference, directory)
    return sent


async def _pointer(column: str, value: Any, reference: Reference, directory: Directory) -> str:
    """`{"email": ..}` is looked up, `{"value": sys_id}` taken as it is, empty clears the column (facts.md 1.2
    [SND]).
    """
    if not isinstance(value, Mapping) or reference.by not in value:
        return text(value)
    wanted = text(value[reference.by])
    return await directory.sys_id(column, reference, wanted) if wanted else ""


def journal(item: ItemDraft) -> dict[str, str]:
    """The body that appends a comment or a work note."""
    return {JOURNALS.get(item.kind, "work_notes"): dress(item)}
