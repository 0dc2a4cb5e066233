"""The tables that are known by name: what is read of each, what its references show, what people call its rows, and
what is particular to it. A table that is not here is read as a task.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connectors.servicenow.settings import REFERENCES, Reference

_SYSTEM = ("sys_id", "sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count")
_TASK = (
    *("sys_id", "number", "sys_class_name", *_SYSTEM[1:]),
    *("active", "short_description", "description", "state", "impact", "urgency", "priority"),
    *("assigned_to", "assignment_group", "opened_at", "closed_at", "correlation_id", "correlation_display"),
)
_INCIDENT = ("caller_id", "category", "subcategory", "close_code", "close_notes", "hold_reason", "resolved_at")
_WANTED = ("requested_for", "due_date", "close_notes")

_ITEM = Reference(table="sc_req_item", by="number", shows=("number",), only_active=False)
_REQUEST = Reference(table="sc_request", by="number", shows=("number",), only_active=False)
_PERSON = Reference(shows=("email", "name", "user_name"))
_GROUP = REFERENCES["assignment_group"]
_RIGHTS = "nobody by itself; the person can do more, or less, from the next sign-in on [SND]"


def _named(table: str) -> Reference:
    return Reference(table=table, by="name", shows=("name",))


class TableKind(msgspec.Struct, frozen=True, kw_only=True):
    """What is particular to a table."""

    columns: tuple[str, ...]
    """What is read, without dot-walks and without the columns that the settings add."""
    references: Mapping[str, Reference]
    names: tuple[str, ...] = ("number",)
    """What people call a row: columns, or columns of what it points to."""
    marker: str = "correlation_id"
    """Where a create leaves our key; "": the table has no column for it, unless the settings name one."""
    journal: bool = True
    """It has comments and work notes."""
    history: bool = True
    """Its rows are edited, and sys_audit tells of it. Links are not edited but made and taken away."""
    pair: tuple[str, ...] = ()
    """A link: these columns say what it joins, and the same two are joined once. Only links are deleted."""
    derived: str = ""
    """"true" in this column: the instance made the row because of another one and takes it away with that one."""
    tells: str = "whom its notification rules name by mail: as a rule caller, assignee and group"


TABLES: Mapping[str, TableKind] = {
    "incident": TableKind(columns=(*_TASK, *_INCIDENT), references=REFERENCES),
    "sc_request": TableKind(
        columns=(*_TASK, *_WANTED, "request_state", "stage", "approval"),
        references={**REFERENCES, "requested_for": Reference()},
    ),
    "sc_req_item": TableKind(
        columns=(*_TASK, *_WANTED, "request", "cat_item", "stage", "quantity", "approval"),
        references={
            **REFERENCES,
            "requested_for": Reference(),
            "request": _REQUEST,
            "cat_item": _named("sc_cat_item"),
        },
    ),
    "sc_task": TableKind(
        columns=(*_TASK, "due_date", "close_notes", "request", "request_item"),
        references={**REFERENCES, "request": _REQUEST, "request_item": _ITEM},
    ),
    "change_request": TableKind(
        columns=(
            *(*_TASK, "type", "risk", "phase", "approval", "on_hold", "close_code", "close_notes"),
            *("start_date", "end_date", "work_start", "work_end", "requested_by"),
        ),
        references={**REFERENCES, "requested_by": Reference()},
    ),
    "sys_user": TableKind(
        columns=(
            *(*_SYSTEM, "user_name", "name", "first_name", "last_name", "email", "active", "locked_out", "title"),
            *("employee_number", "phone", "manager", "department", "location", "company"),
        ),
        references={
            "manager": _PERSON,
            "department": _named("cmn_department"),
            "location": _named("cmn_location"),
            "company": _named("core_company"),
        },
        names=("user_name",),
        marker="",
        journal=False,
        tells="nobody, unless the instance has a rule for it",
    ),
    "sys_user_group": TableKind(
        columns=(*_SYSTEM, "name", "description", "email", "active", "manager", "parent", "type"),
        references={"manager": _PERSON, "parent": _GROUP},
        names=("name",),
        marker="",
        journal=False,
        tells="nobody, unless the instance has a rule for it",
    ),
    "sys_user_grmember": TableKind(
        columns=(*_SYSTEM, "user", "group"),
        references={"user": _PERSON, "group": _GROUP},
        names=("user.user_name", "group.name"),
        marker="",
        journal=False,
        history=False,
        pair=("user", "group"),
        tells=_RIGHTS,
    ),
    "sys_user_has_role": TableKind(
        columns=(*_SYSTEM, "user", "role", "granted_by", "inherited", "state"),
        references={"user": _PERSON, "role": _named("sys_user_role"), "granted_by": _GROUP},
        names=("user.user_name", "role.name"),
        marker="",
        journal=False,
        history=False,
        pair=("user", "role"),
        derived="inherited",
        tells=_RIGHTS,
    ),
}

OTHER = TableKind(columns=_TASK, references=REFERENCES)
"""Any other table is taken for one that extends `task`."""


def kind_of(table: str) -> TableKind:
    """What is particular to a table."""
    return TABLES.get(table, OTHER)
