"""What a table of the instance is. Every value is a string, as the Table API shows it (facts.md 1.2 [SND])."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

SYSTEM_COLUMNS = (
    "sys_id",
    "sys_created_on",
    "sys_created_by",
    "sys_updated_on",
    "sys_updated_by",
    "sys_mod_count",
    "sys_tags",
)
"""Set by the instance; what a request says about them is ignored."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table. `columns` has the system columns too."""

    name: str
    label: str
    columns: tuple[str, ...]
    display: str = "name"
    """The column a reference to this table is shown by."""
    references: Mapping[str, str] = {}
    """Column -> table."""
    defaults: Mapping[str, str] = {}
    caseless: frozenset[str] = frozenset()
    """Compared by = without regard to letter case, as the database of an instance compares every text [M]."""
    numbers: frozenset[str] = frozenset()
    """Compared as numbers by < and >."""
    times: frozenset[str] = frozenset()
    max_length: Mapping[str, int] = {}
    """Longer text is cut without a word, as the database layer does."""
    read_only: bool = False
    indexes: tuple[str, ...] = ()
    extends: str = ""
    prefix: str = ""
    """Begins the numbers of its rows."""
    choices: Mapping[str, Mapping[str, str]] = {}
    """Column -> value -> label."""
    journals: tuple[str, ...] = ()
    """Columns that are inputs: what is written goes to sys_journal_field, and they read back empty (facts.md 1.5)."""
    shows: Mapping[str, tuple[str, ...]] = {}
    """Of a table that our business rule watches: what its webhooks tell of what a reference points to."""
    watched: bool = False
    """Our business rule posts its changes."""
    over: tuple[str, ...] = ()
    """Tables that extend this one, where it has no rows of its own: it shows all of theirs, and is not written to."""
    unique: tuple[str, ...] = ()
    """Columns of which the database takes each value once (empty ones do not count)."""


JOURNALS = ("comments", "work_notes")
"""Inputs: what is written goes to sys_journal_field, and they read back empty (facts.md 1.5)."""
