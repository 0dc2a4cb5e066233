"""Tables and columns of the instance. Every value is a string, as the Table API shows it (facts.md 1.2 [SND])."""

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
    numbers: frozenset[str] = frozenset()
    """Compared as numbers by < and >."""
    times: frozenset[str] = frozenset()
    max_length: Mapping[str, int] = {}
    """Longer text is cut without a word, as the database layer does."""
    read_only: bool = False
    indexes: tuple[str, ...] = ()


JOURNALS = ("comments", "work_notes")
"""Inputs: what is written goes to sys_journal_field, and they read back empty (facts.md 1.5)."""

CHOICES: Mapping[str, Mapping[str, str]] = {
    "state": {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"},
    "hold_reason": {"1": "Awaiting Caller", "3": "Awaiting Problem", "4": "Awaiting Vendor", "5": "Awaiting Change"},
    "impact": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "urgency": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "priority": {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning"},
    "close_code": {
        name: name
        for name in (
            "Solution provided",
            "Workaround provided",
            "Resolved by caller",
            "Resolved by change",
            "Resolved by request",
            "Resolved by problem",
            "No resolution provided",
            "Duplicate",
            "Known error",
            "User error",
        )
    },
}
"""Values of incident's choice columns and their labels (facts.md 1.5)."""

_INCIDENT_COLUMNS = (
    *("active", "activity_due", "additional_assignee_list", "approval", "approval_history", "approval_set"),
    *("assigned_to", "assignment_group", "business_duration", "business_service", "business_stc"),
    *("calendar_duration", "calendar_stc", "caller_id", "category", "caused_by", "child_incidents", "close_code"),
    *("close_notes", "closed_at", "closed_by", "cmdb_ci", "comments", "comments_and_work_notes", "company"),
    *("contact_type", "correlation_display", "correlation_id", "delivery_plan", "delivery_task", "description"),
    *("due_date", "escalation", "expected_start", "follow_up", "group_list", "hold_reason", "impact"),
    *("incident_state", "knowledge", "location", "made_sla", "notify", "number", "opened_at", "opened_by", "order"),
    *("parent", "parent_incident", "priority", "problem_id", "reassignment_count", "rejection_goto", "reopen_count"),
    *("resolved_at", "resolved_by", "rfc", "severity", "short_description", "sla_due", "state", "subcategory"),
    *("sys_class_name", "sys_domain", "sys_domain_path", "time_worked", "u_labels", "upon_approval", "upon_reject"),
    *("urgency", "user_input", "watch_list", "wf_activity", "work_end", "work_notes", "work_notes_list", "work_start"),
)

_USER_COLUMNS = (
    *("active", "avatar", "building", "calendar_integration", "city", "company", "cost_center", "country"),
    *("date_format", "default_perspective", "department", "email", "employee_number", "enable_multifactor_authn"),
    *("failed_attempts", "federated_id", "first_name", "gender", "home_phone", "internal_integration_user"),
    *("introduction", "last_login", "last_login_time", "last_name", "ldap_server", "location", "locked_out", "manager"),
    *("middle_name", "mobile_phone", "name", "notification", "password_needs_reset", "phone", "photo"),
    *("preferred_language", "roles", "schedule", "source", "state", "street", "sys_class_name", "sys_domain"),
    *("sys_domain_path", "time_format", "time_zone", "title", "user_name", "user_password", "vip"),
    *("web_service_access_only", "zip"),
)

INCIDENT = Table(
    name="incident",
    label="Incident",
    columns=(*_INCIDENT_COLUMNS, *SYSTEM_COLUMNS),
    display="number",
    references={
        "assigned_to": "sys_user",
        "assignment_group": "sys_user_group",
        "caller_id": "sys_user",
        "closed_by": "sys_user",
        "opened_by": "sys_user",
        "parent_incident": "incident",
        "resolved_by": "sys_user",
        "sys_domain": "sys_user_group",
    },
    defaults={
        "active": "true",
        "approval": "not requested",
        "category": "inquiry",
        "child_incidents": "0",
        "escalation": "0",
        "impact": "3",
        "knowledge": "false",
        "made_sla": "true",
        "notify": "1",
        "reassignment_count": "0",
        "reopen_count": "0",
        "severity": "3",
        "state": "1",
        "sys_class_name": "incident",
        "sys_domain": "global",
        "sys_domain_path": "/",
        "upon_approval": "proceed",
        "upon_reject": "cancel",
        "urgency": "3",
    },
    numbers=frozenset(
        {"impact", "urgency", "priority", "state", "reassignment_count", "reopen_count", "severity", "sys_mod_count"}
    ),
    times=frozenset({"opened_at", "resolved_at", "closed_at", "due_date", "sys_created_on", "sys_updated_on"}),
    max_length={
        "short_description": 160,
        "description": 4000,
        "close_notes": 4000,
        "correlation_id": 100,
        "correlation_display": 100,
        "u_labels": 4000,
    },
    indexes=("sys_updated_on", "correlation_id", "number"),
)

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        INCIDENT,
        Table(
            name="sys_user",
            label="User",
            columns=(*_USER_COLUMNS, *SYSTEM_COLUMNS),
            references={"manager": "sys_user", "sys_domain": "sys_user_group"},
            defaults={
                "active": "true",
                "calendar_integration": "1",
                "enable_multifactor_authn": "false",
                "failed_attempts": "0",
                "internal_integration_user": "false",
                "locked_out": "false",
                "notification": "2",
                "password_needs_reset": "false",
                "sys_class_name": "sys_user",
                "sys_domain": "global",
                "sys_domain_path": "/",
                "vip": "false",
                "web_service_access_only": "false",
            },
            times=frozenset({"last_login_time", "sys_created_on", "sys_updated_on"}),
            indexes=("email", "user_name"),
        ),
        Table(
            name="sys_user_group",
            label="Group",
            columns=(
                *("active", "cost_center", "default_assignee", "description", "email", "exclude_manager"),
                *("include_members", "manager", "name", "parent", "roles", "source", "type"),
                *SYSTEM_COLUMNS,
            ),
            references={"manager": "sys_user", "default_assignee": "sys_user", "parent": "sys_user_group"},
            defaults={"active": "true", "exclude_manager": "false", "include_members": "false"},
            times=frozenset({"sys_created_on", "sys_updated_on"}),
        ),
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
        columns = ", ".join(f"\"{name}\" TEXT NOT NULL DEFAULT ''" for name in table.columns if name != "sys_id")
        statements.append(f"CREATE TABLE IF NOT EXISTS {table.name} (sys_id TEXT PRIMARY KEY, {columns});")
        statements += [
            f'CREATE INDEX IF NOT EXISTS {table.name}_{name} ON {table.name} ("{name}");' for name in table.indexes
        ]
    return "\n".join(statements)
