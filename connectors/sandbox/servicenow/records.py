"""Rows of the instance: read, insert, update, delete, with everything the platform writes beside them (system fields,
audit, journal).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from connectors.sandbox.people import Person
from connectors.sandbox.servicenow import answers, catalog_rules, rules, seeding
from connectors.sandbox.servicenow.columns import SYSTEM_COLUMNS, Table
from connectors.sandbox.servicenow.described import describe
from connectors.sandbox.servicenow.query import Selection
from connectors.sandbox.servicenow.rules import Row
from connectors.sandbox.servicenow.schema import TABLES, additions, ddl, views
from connectors.sandbox.site import Site

_FIRST_NUMBER = 10001


def stamp(at: float) -> str:
    """A time as the Table API shows it: UTC, whole seconds, no zone (facts.md 1.2)."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%d %H:%M:%S")


def moment(text: str) -> float:
    """The reverse of `stamp`."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()


class Records:
    """The instance's database. Writes happen inside a `change()` of the store."""

    def __init__(self, site: Site) -> None:
        self._site, self._store = site, site.store
        self._store.script(ddl())
        for table in TABLES.values():
            if table.over:
                continue
            there = frozenset(row[1] for row in self._store.rows(f"PRAGMA table_info({table.name})"))
            self._store.script(additions(table, there))
        self._store.script(views())
        with self._store.change():
            self._seed()

    def describe(self) -> None:
        """Brings up to date what the instance says of its columns."""
        describe(self._store, self._site.options.fields, stamp(self._site.now()))

    def removed(self, table: Table) -> frozenset[str]:
        """Columns that the administrator removed."""
        fields = self._site.options.fields if table.name == "incident" else {}
        return frozenset(name for name, change in fields.items() if change.removed)

    def get(self, table: Table, sys_id: str) -> Row | None:
        """One row, or None."""
        found = self._store.row(f"SELECT {_columns(table)} FROM {table.name} WHERE sys_id = ?", sys_id)
        return dict(zip(table.columns, found, strict=True)) if found else None

    def select(self, table: Table, selection: Selection, *, limit: int, offset: int) -> list[Row]:
        """The rows of a query."""
        found = self._store.rows(
            f"SELECT {_columns(table)} FROM {table.name} WHERE {selection.where}"
            f" ORDER BY {selection.order} LIMIT ? OFFSET ?",
            *(*selection.values, limit, offset),
        )
        return [dict(zip(table.columns, values, strict=True)) for values in found]

    def count(self, table: Table, selection: Selection) -> int:
        """How many rows a query has."""
        return int(self._store.value(f"SELECT count(*) FROM {table.name} WHERE {selection.where}", *selection.values))

    def reference_by_display(self, table: Table, column: str, shown: str) -> str:
        """The sys_id of the row a reference column would show like this; empty where there is none."""
        target = TABLES[table.references[column]]
        found = self._store.value(f'SELECT sys_id FROM {target.name} WHERE "{target.display}" = ?', shown)
        return str(found or "")

    def journal_text(self, sys_id: str, element: str) -> str:
        """What display_value shows of a journal column: entries, newest first."""
        label = "Additional comments" if element == "comments" else "Work notes"
        entries = self._store.rows(
            "SELECT sys_created_on, sys_created_by, value FROM sys_journal_field"
            " WHERE element_id = ? AND element = ? ORDER BY rowid DESC",
            *(sys_id, element),
        )
        return "".join(f"{at} - {author} ({label})\n{text}\n\n" for at, author, text in entries)

    def journal(self, sys_id: str) -> list[Row]:
        """Journal entries of a record, oldest first."""
        table = TABLES["sys_journal_field"]
        found = self._store.rows(
            f"SELECT {_columns(table)} FROM sys_journal_field WHERE element_id = ? ORDER BY rowid", sys_id
        )
        return [dict(zip(table.columns, values, strict=True)) for values in found]

    def insert(
        self, table: Table, fields: Mapping[str, str], person: Person, computed: Mapping[str, str] | None = None
    ) -> Row:
        """A new row; `computed` is what the instance says of it by itself. Raises Refusal where a rule forbids it."""
        now = stamp(self._site.now())
        row = dict.fromkeys(table.columns, "") | dict(table.defaults) | _writable(table, fields) | dict(computed or {})
        if table.prefix:
            row["number"] = f"{table.prefix}{self._store.next_number(table.name, _FIRST_NUMBER):07d}"
        row = _inserted(table, row, person=person, now=now)
        row |= {
            "sys_id": uuid.uuid4().hex,
            "sys_created_on": now,
            "sys_created_by": person.name,
            "sys_updated_on": now,
            "sys_updated_by": person.name,
            "sys_mod_count": "0",
        }
        self._free(table, row)
        self._put(table, row)
        return row

    def update(self, table: Table, before: Row, fields: Mapping[str, str], person: Person) -> Row:
        """The row after an update; the very same one where nothing changes. Raises Refusal where a rule forbids it."""
        now = stamp(self._site.now())
        wanted = _writable(table, fields)
        row = _updated(table, before, wanted | _journal_inputs(table, fields), person=person, now=now)
        changed = [name for name in table.columns if row[name] != before[name]]
        if not changed and not _journal_inputs(table, fields):
            return before
        self._free(table, row)
        count = int(before["sys_mod_count"] or "0") + 1
        row |= {"sys_updated_on": now, "sys_updated_by": person.name, "sys_mod_count": str(count)}
        self._put(table, row)
        for name in changed:
            self._audit(table, row, name, before[name], row[name], person)
        return row

    def add_journal(self, table: Table, row: Row, fields: Mapping[str, str], person: Person) -> list[Row]:
        """Stores what was written into journal columns; gives the new entries."""
        entries = []
        for element, text in _journal_inputs(table, fields).items():
            entry = {
                "sys_id": uuid.uuid4().hex,
                "name": table.name,
                "element_id": row["sys_id"],
                "element": element,
                "value": text,
                "sys_created_on": row["sys_updated_on"],
                "sys_created_by": person.name,
                "sys_tags": "",
            }
            self._put(TABLES["sys_journal_field"], entry)
            self._audit(table, row, element, "", text, person)
            entries.append(entry)
        return entries

    def delete(self, table: Table, row: Row, person: Person) -> None:
        """Removes a row and leaves its trace in sys_audit_delete (facts.md 1.3)."""
        self._store.run(f"DELETE FROM {table.name} WHERE sys_id = ?", row["sys_id"])
        now = stamp(self._site.now())
        trace = dict.fromkeys(TABLES["sys_audit_delete"].columns, "") | {
            "sys_id": uuid.uuid4().hex,
            "tablename": table.name,
            "documentkey": row["sys_id"],
            "display_value": row.get(table.display, ""),
            "user": person.name,
            "sys_created_on": now,
            "sys_created_by": person.name,
            "sys_updated_on": now,
            "sys_updated_by": person.name,
            "sys_mod_count": "0",
        }
        self._put(TABLES["sys_audit_delete"], trace)

    def reset(self) -> None:
        """Forgets what people work on and what hangs on it; people, groups, roles and choices stay."""
        numbered = [table.name for table in TABLES.values() if table.prefix]
        for name in (*numbered, "sysapproval_approver", "sys_journal_field", "sys_audit", "sys_audit_delete"):
            self._store.run(f"DELETE FROM {name}")

    def _audit(self, table: Table, row: Row, name: str, old: str, new: str, person: Person) -> None:
        """record_checkpoint is sys_mod_count after the change: with it a reader can order and attribute edits."""
        entry = {
            "sys_id": uuid.uuid4().hex,
            "tablename": table.name,
            "documentkey": row["sys_id"],
            "fieldname": name,
            "oldvalue": old,
            "newvalue": new,
            "user": person.name,
            "reason": "",
            "record_checkpoint": row["sys_mod_count"],
            "internal_checkpoint": "",
            "sys_created_on": row["sys_updated_on"],
            "sys_created_by": person.name,
        }
        self._put(TABLES["sys_audit"], entry)

    def _put(self, table: Table, row: Mapping[str, str]) -> None:
        values = [row.get(name, "") for name in table.columns]
        updates = ", ".join(f'"{name}" = excluded."{name}"' for name in table.columns if name != "sys_id")
        self._store.run(
            f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({', '.join('?' * len(values))})"
            f" ON CONFLICT (sys_id) DO UPDATE SET {updates}",
            *values,
        )

    def _free(self, table: Table, row: Row) -> None:
        for name in table.unique:
            sql = f'SELECT count(*) FROM {table.name} WHERE "{name}" = ? AND sys_id != ?'
            if row[name] and self._store.value(sql, row[name], row["sys_id"]):
                raise answers.unique_key(table.name, name)

    def _seed(self) -> None:
        """What a fresh instance holds, and what one of an earlier release of this stand-in lacks."""
        now = stamp(self._site.now())
        system = {"sys_created_on": now, "sys_updated_on": now, "sys_created_by": "admin", "sys_updated_by": "admin"}
        system["sys_mod_count"] = "0"
        fresh = self._store.value("SELECT count(*) FROM sys_user") == 0
        with_rights = self._store.value("SELECT count(*) FROM sys_user_role") == 0
        with_clients = self._store.value("SELECT count(*) FROM oauth_entity") == 0
        rows = [*(seeding.people() if fresh else ()), *(seeding.rights() if with_rights else ())]
        rows += seeding.clients() if with_clients else ()
        if with_rights:
            self._store.run("DELETE FROM sys_db_object")
            rows += seeding.tables()
        for table, row in rows:
            self._put(table, dict(table.defaults) | row | system)


def _inserted(table: Table, row: Row, *, person: Person, now: str) -> Row:
    if table.name == "incident":
        return rules.insert_incident(row, person=person, now=now)
    if table.extends == "task":
        return catalog_rules.insert_task(table.name, row, person=person, now=now)
    return _with_name(table, row)


def _updated(table: Table, before: Row, wanted: Row, *, person: Person, now: str) -> Row:
    if table.name == "incident":
        return rules.update_incident(before, wanted, person=person, now=now)
    if table.extends == "task":
        asked = {name: value for name, value in wanted.items() if name not in table.journals}
        return catalog_rules.update_task(table.name, before, asked, person=person, now=now)
    return _with_name(table, dict(before) | wanted)


def _with_name(table: Table, row: Row) -> Row:
    """A person's `name` is made of the first and the last name; a written one is overwritten [M]."""
    if table.name == "sys_user":
        row["name"] = f"{row['first_name']} {row['last_name']}".strip() or row["name"]
    return row


def _columns(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.columns)


def _writable(table: Table, fields: Mapping[str, str]) -> Row:
    """What of a request's fields is stored as it is: unknown names and system fields are ignored, long text is cut."""
    return {
        name: value[: table.max_length.get(name, len(value))]
        for name, value in fields.items()
        if name in table.columns and name not in SYSTEM_COLUMNS and name not in table.journals
    }


def _journal_inputs(table: Table, fields: Mapping[str, str]) -> Row:
    return {name: fields[name] for name in table.journals if fields.get(name)}
