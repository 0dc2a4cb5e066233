"""The instance's tables by name, and those of the platform itself."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.sandbox.servicenow.access_tables import ACCESS_TABLES
from connectors.sandbox.servicenow.columns import SYSTEM_COLUMNS, Table
from connectors.sandbox.servicenow.people_tables import PEOPLE_TABLES
from connectors.sandbox.servicenow.task_tables import CATALOG_ITEM, TASK_TABLES

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        *TASK_TABLES,
        CATALOG_ITEM,
        *PEOPLE_TABLES,
        *ACCESS_TABLES,
        Table(
            name="sys_journal_field",
            label="Journal Entry",
            columns=(
                "sys_id",
                "name",
                "element_id",
                "element",
                "value",
                "sys_created_on",
                "sys_created_by",
                "sys_tags",
            ),
            times=frozenset({"sys_created_on"}),
            read_only=True,
            indexes=("element_id", "sys_created_on"),
        ),
        Table(
            name="sys_audit",
            label="Audit",
            columns=(
                *("sys_id", "tablename", "documentkey", "fieldname", "oldvalue", "newvalue", "user", "reason"),
                *("record_checkpoint", "internal_checkpoint", "sys_created_on", "sys_created_by"),
            ),
            numbers=frozenset({"record_checkpoint"}),
            times=frozenset({"sys_created_on"}),
            read_only=True,
            indexes=("documentkey", "sys_created_on"),
        ),
        Table(
            name="sys_audit_delete",
            label="Deleted Record",
            columns=(
                *("tablename", "documentkey", "display_value", "payload", "user"),
                *SYSTEM_COLUMNS,
            ),
            times=frozenset({"sys_created_on", "sys_updated_on"}),
            read_only=True,
            indexes=("documentkey", "sys_created_on"),
        ),
        Table(
            name="sys_choice",
            label="Choice",
            columns=("name", "element", "value", "label", "language", "inactive", "sequence", *SYSTEM_COLUMNS),
            display="label",
            read_only=True,
        ),
        Table(
            name="sys_dictionary",
            label="Dictionary Entry",
            columns=("name", "element", "internal_type", "column_label", "mandatory", "active", *SYSTEM_COLUMNS),
            display="column_label",
            read_only=True,
        ),
        Table(
            name="sys_db_object",
            label="Table",
            columns=("name", "label", "super_class", *SYSTEM_COLUMNS),
            references={"super_class": "sys_db_object"},
            display="label",
            read_only=True,
        ),
    )
}


def ddl() -> str:
    """Creates what is missing; each column is text, as the API shows it."""
    statements = []
    for table in TABLES.values():
        if table.over:
            continue
        columns = ", ".join(f"\"{name}\" TEXT NOT NULL DEFAULT ''" for name in table.columns if name != "sys_id")
        statements.append(f"CREATE TABLE IF NOT EXISTS {table.name} (sys_id TEXT PRIMARY KEY, {columns});")
    return "\n".join(statements)


def views() -> str:
    """Creates anew what shows the rows of other tables, once these have all their columns."""
    statements = []
    for table in TABLES.values():
        columns = ", ".join(f'"{name}"' for name in table.columns)
        parts = " UNION ALL ".join(f"SELECT {columns} FROM {each}" for each in table.over)
        if parts:
            statements.append(f"DROP VIEW IF EXISTS {table.name}; CREATE VIEW {table.name} AS {parts};")
    return "\n".join(statements)


def additions(table: Table, there: frozenset[str]) -> str:
    """Adds the columns and indexes that a file of an earlier release lacks."""
    missing = [name for name in table.columns if name not in there]
    return "\n".join(
        (
            *(f"ALTER TABLE {table.name} ADD COLUMN \"{name}\" TEXT NOT NULL DEFAULT '';" for name in missing),
            *(_index(table, name) for name in table.indexes),
        )
    )


def _index(table: Table, name: str) -> str:
    if name in table.caseless:
        return f'CREATE INDEX IF NOT EXISTS {table.name}_{name}_any ON {table.name} ("{name}" COLLATE NOCASE);'
    return f'CREATE INDEX IF NOT EXISTS {table.name}_{name} ON {table.name} ("{name}");'
