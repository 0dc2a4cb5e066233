"""A write of a row, and what the instance writes because of it: an item closes with its tasks, a request with its
items; a membership brings the group's roles, a role those it contains.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.sandbox.people import Person
from connectors.sandbox.servicenow import answers
from connectors.sandbox.servicenow.access_tables import SESSION
from connectors.sandbox.servicenow.catalog_rules import ENDED, rolled_up
from connectors.sandbox.servicenow.columns import Table
from connectors.sandbox.servicenow.events import Events
from connectors.sandbox.servicenow.people_tables import CONTAINS, GROUP_ROLE, HAS_ROLE, MEMBER, ROLE, USER
from connectors.sandbox.servicenow.query import compile_query
from connectors.sandbox.servicenow.records import Records
from connectors.sandbox.servicenow.rules import Row
from connectors.sandbox.servicenow.task_tables import CATALOG_TASK, ITEM, REQUEST

_DERIVED = ("inherited", "granted_by", "included_in_role", "included_in_role_instance", "inh_count", "inh_map")
"""What only the instance says of a role."""
_ABOVE = {CATALOG_TASK.name: ("request_item", ITEM), ITEM.name: ("request", REQUEST)}


class Writing:
    """Everything inside a `change()` of the store."""

    def __init__(self, records: Records, events: Events) -> None:
        self._records, self._events = records, events

    def insert(self, table: Table, fields: Row, person: Person, computed: Mapping[str, str] | None = None) -> Row:
        """A new row. Raises Refusal where a rule or the database forbids it."""
        if computed is None:
            computed = self._above(table, fields)
            if table is HAS_ROLE:
                self._may_give(fields, person)
                fields = {name: value for name, value in fields.items() if name not in _DERIVED}
        row = self._records.insert(table, fields, person, computed)
        journal = self._records.add_journal(table, row, fields, person)
        if table.watched:
            self._events.written(table, "insert", None, row, journal, person)
        self._bring(table, row, person)
        return row

    def update(self, table: Table, before: Row, fields: Row, person: Person) -> Row:
        """The row afterwards; the very same one where nothing changes. Raises Refusal where a rule forbids it."""
        if table is HAS_ROLE:
            fields = {name: value for name, value in fields.items() if name not in _DERIVED}
        row = self._records.update(table, before, fields, person)
        journal = self._records.add_journal(table, row, fields, person)
        if row is not before and table.watched:
            self._events.written(table, "update", before, row, journal, person)
        if row["sys_mod_count"] != before["sys_mod_count"]:
            self._roll_up(table, row, person)
            if table is USER and row["locked_out"] == "true" != before["locked_out"]:
                self._end_sessions(row, person)
            if table is MEMBER:
                self._take(table, before, person)
                self._bring(table, row, person)
        return row

    def delete(self, table: Table, row: Row, person: Person) -> None:
        """Takes a row away, with those that are there because of it."""
        if table.watched:
            self._events.written(table, "delete", row, row, (), person)
        self._records.delete(table, row, person)
        self._take(table, row, person)

    def refuse_derived(self, table: Table, row: Row) -> None:
        """Raises Refusal for a role that comes from a group or another role: "you must remove the user from the group
        record" [SND t_AssignARoleToAUser].
        """
        if table is HAS_ROLE and row["inherited"] == "true":
            raise answers.business_rule(table.name, "Inherited roles stay", "5f3a9c1e87a24c0eb1de7a3a0d1f00ad")

    def _end_sessions(self, row: Row, person: Person) -> None:
        """Locking somebody out does that [P:servicenow.com/docs c_ManageUserSessions]."""
        for each in self._those(SESSION, "name", row["user_name"]):
            if not each["invalidated"]:
                self.update(SESSION, each, {"invalidated": row["sys_updated_on"]}, person)

    def _above(self, table: Table, fields: Row) -> dict[str, str]:
        """A catalogue task hangs on its item, and knows the item's request."""
        if table is not CATALOG_TASK or not fields.get("request_item"):
            return {}
        item = self._records.get(ITEM, fields["request_item"])
        return {"parent": fields["request_item"], "request": item["request"] if item else ""}

    def _may_give(self, fields: Row, person: Person) -> None:
        """Only who has the admin role gives it [SND t_AssignARoleToAUser]."""
        role = self._records.get(ROLE, fields.get("role", ""))
        if role is not None and role["name"] == "admin" and not person.admin:
            raise answers.acl("ACL Exception Insert Failed due to security constraints")

    def _roll_up(self, table: Table, row: Row, person: Person) -> None:
        """Only where an execution plan drives the item [SND state-closure-request]; its `delivery_plan` says so."""
        if table.name not in _ABOVE or row["state"] not in ENDED:
            return
        column, above = _ABOVE[table.name]
        parent = self._records.get(above, row[column]) if row[column] else None
        if parent is None or parent["state"] in ENDED or (above is ITEM and not parent["delivery_plan"]):
            return
        if above is REQUEST and not row["delivery_plan"]:
            return
        state = rolled_up([each["state"] for each in self._those(table, column, row[column])])
        if state:
            self.update(above, parent, {"state": state}, person)

    def _bring(self, table: Table, row: Row, person: Person) -> None:
        """The rows that the instance makes because of this one."""
        if table is MEMBER:
            for each in self._those(GROUP_ROLE, "group", row["group"]):
                self._give(row["user"], each["role"], person, granted_by=row["group"])
        if table is HAS_ROLE:
            for each in self._those(CONTAINS, "role", row["role"]):
                above = {"included_in_role": row["sys_id"], "included_in_role_instance": each["sys_id"]}
                self._give(row["user"], each["contains"], person, granted_by=row["granted_by"], **above)

    def _give(self, user: str, role: str, person: Person, **computed: str) -> None:
        self.insert(HAS_ROLE, {"user": user, "role": role}, person, {"inherited": "true", **computed})

    def _take(self, table: Table, row: Row, person: Person) -> None:
        """What goes with a row."""
        if table is MEMBER:
            gone = self._those(HAS_ROLE, "user", row["user"])
            gone = [each for each in gone if each["granted_by"] == row["group"] and not each["included_in_role"]]
        elif table is HAS_ROLE:
            gone = self._those(HAS_ROLE, "included_in_role", row["sys_id"])
        else:
            return
        for each in gone:
            self.delete(HAS_ROLE, each, person)

    def _those(self, table: Table, column: str, value: str) -> list[Row]:
        return self._records.select(table, compile_query(table, f"{column}={value}"), limit=-1, offset=0)
