"""Tables that extend `task`: incident, the service catalogue's request, requested item and task, and change."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.sandbox.servicenow.columns import JOURNALS, SYSTEM_COLUMNS, Table

TASK_COLUMNS = (
    *("active", "activity_due", "additional_assignee_list", "approval", "approval_history", "approval_set"),
    *("assigned_to", "assignment_group", "business_duration", "business_service", "calendar_duration"),
    *("close_notes", "closed_at", "closed_by", "cmdb_ci", "comments", "comments_and_work_notes", "company"),
    *("contact_type", "correlation_display", "correlation_id", "delivery_plan", "delivery_task", "description"),
    *("due_date", "escalation", "expected_start", "follow_up", "group_list", "impact", "knowledge", "location"),
    *("made_sla", "number", "opened_at", "opened_by", "order", "parent", "priority", "reassignment_count"),
    *("rejection_goto", "short_description", "sla_due", "state", "sys_class_name", "sys_domain"),
    *("sys_domain_path", "time_worked", "u_labels", "upon_approval", "upon_reject", "urgency", "user_input"),
    *("watch_list", "wf_activity", "work_end", "work_notes", "work_notes_list", "work_start"),
)
"""Declared by `task`. `u_labels` is a text column that the administrator added."""
_INCIDENT = (
    *("business_stc", "calendar_stc", "caller_id", "category", "caused_by", "child_incidents", "close_code"),
    *("hold_reason", "incident_state", "notify", "parent_incident", "problem_id", "reopen_count"),
    *("resolved_at", "resolved_by", "rfc", "severity", "subcategory"),
)
_LEVELS: Mapping[str, Mapping[str, str]] = {
    "impact": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "urgency": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "priority": {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning"},
}
_CHOICES: Mapping[str, Mapping[str, str]] = {
    "state": {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"},
    "hold_reason": {"1": "Awaiting Caller", "3": "Awaiting Problem", "4": "Awaiting Vendor", "5": "Awaiting Change"},
    **_LEVELS,
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
TASK_CHOICES: Mapping[str, Mapping[str, str]] = {
    "state": {
        "-5": "Pending",
        "1": "Open",
        "2": "Work in Progress",
        "3": "Closed Complete",
        "4": "Closed Incomplete",
        "7": "Closed Skipped",
    },
    **_LEVELS,
}
"""Of `task` itself, which requests, requested items and catalogue tasks inherit [SND project-task-states]."""
_REQUEST_STATES = {
    "draft": "Draft",
    "submitted": "Submitted",
    "requested": "Pending Approval",
    "in_process": "Approved",
    "closed_complete": "Closed Complete",
    "closed_incomplete": "Closed Incomplete",
    "closed_cancelled": "Closed Cancelled",
    "closed_rejected": "Closed Rejected",
    "closed_skipped": "Closed Skipped",
}
"""Values of `request_state` [M]."""
_ITEM_STAGES = {
    "waiting_for_approval": "Waiting for Approval",
    "fulfillment": "Fulfillment",
    "delivery": "Delivery",
    "complete": "Completed",
    "closed_incomplete": "Closed Incomplete",
    "closed_skipped": "Closed Skipped",
    "Request Cancelled": "Request Cancelled",
}
"""Values of a requested item's `stage` [M]."""
_TYPES = {"normal": "Normal", "standard": "Standard", "emergency": "Emergency"}
_CHANGE_STATES = {
    "-5": "New",
    "-4": "Assess",
    "-3": "Authorize",
    "-2": "Scheduled",
    "-1": "Implement",
    "0": "Review",
    "3": "Closed",
    "4": "Canceled",
}
"""facts.md 1.6 [SND c_ChangeStateModel]."""
_CHANGE_CODES = {
    "successful": "Successful",
    "successful_issues": "Successful with issues",
    "unsuccessful": "Unsuccessful",
}

_REFERENCES = {
    "assigned_to": "sys_user",
    "assignment_group": "sys_user_group",
    "closed_by": "sys_user",
    "opened_by": "sys_user",
    "sys_domain": "sys_user_group",
}
_DEFAULTS = {
    "active": "true",
    "approval": "not requested",
    "escalation": "0",
    "impact": "3",
    "knowledge": "false",
    "made_sla": "true",
    "reassignment_count": "0",
    "state": "1",
    "sys_domain": "global",
    "sys_domain_path": "/",
    "upon_approval": "proceed",
    "upon_reject": "cancel",
    "urgency": "3",
}
_NUMBERS = frozenset({"impact", "urgency", "priority", "state", "reassignment_count", "sys_mod_count"})
_TIMES = frozenset({"opened_at", "closed_at", "due_date", "sys_created_on", "sys_updated_on"})
_LENGTHS = {
    "short_description": 160,
    "description": 4000,
    "close_notes": 4000,
    "correlation_id": 100,
    "correlation_display": 100,
    "u_labels": 4000,
}
_INDEXES = ("sys_updated_on", "correlation_id", "number")
_PEOPLE = {"assigned_to": ("email", "name"), "assignment_group": ("name",)}

INCIDENT = Table(
    name="incident",
    label="Incident",
    extends="task",
    prefix="INC",
    columns=(*sorted((*TASK_COLUMNS, *_INCIDENT)), *SYSTEM_COLUMNS),
    display="number",
    references={
        **_REFERENCES,
        "caller_id": "sys_user",
        "parent_incident": "incident",
        "resolved_by": "sys_user",
    },
    defaults={
        **_DEFAULTS,
        "category": "inquiry",
        "child_incidents": "0",
        "notify": "1",
        "reopen_count": "0",
        "severity": "3",
        "sys_class_name": "incident",
    },
    numbers=_NUMBERS | {"reopen_count", "severity"},
    times=_TIMES | {"resolved_at"},
    max_length=_LENGTHS,
    indexes=_INDEXES,
    choices=_CHOICES,
    journals=JOURNALS,
    shows={**_PEOPLE, "caller_id": ("email", "name")},
    watched=True,
)


def _table(
    name: str,
    label: str,
    prefix: str,
    own: tuple[str, ...],
    *,
    references: Mapping[str, str],
    shows: Mapping[str, tuple[str, ...]],
    defaults: Mapping[str, str],
    choices: Mapping[str, Mapping[str, str]],
) -> Table:
    return Table(
        name=name,
        label=label,
        extends="task",
        prefix=prefix,
        columns=(*sorted((*TASK_COLUMNS, *own)), *SYSTEM_COLUMNS),
        display="number",
        references={**_REFERENCES, **references},
        defaults={**_DEFAULTS, "priority": "4", "sys_class_name": name, **defaults},
        numbers=_NUMBERS,
        times=_TIMES,
        max_length=_LENGTHS,
        indexes=_INDEXES,
        choices={**TASK_CHOICES, **choices},
        journals=JOURNALS,
        shows={**_PEOPLE, **shows},
        watched=True,
    )


REQUEST = _table(
    "sc_request",
    "Request",
    "REQ",
    ("request_state", "requested_for", "stage", "price", "special_instructions"),
    references={"requested_for": "sys_user"},
    shows={"requested_for": ("email", "name")},
    defaults={"request_state": "submitted", "stage": "requested"},
    choices={"request_state": _REQUEST_STATES},
)
ITEM = _table(
    "sc_req_item",
    "Requested Item",
    "RITM",
    ("backordered", "billable", "cat_item", "price", "quantity", "request", "requested_for", "sc_catalog", "stage"),
    references={"request": "sc_request", "requested_for": "sys_user", "cat_item": "sc_cat_item"},
    shows={"request": ("number",), "requested_for": ("email", "name"), "cat_item": ("name",)},
    defaults={"stage": "fulfillment", "quantity": "1", "backordered": "false", "billable": "false"},
    choices={"stage": _ITEM_STAGES},
)
CATALOG_TASK = _table(
    "sc_task",
    "Catalog Task",
    "SCTASK",
    ("request", "request_item", "sc_catalog"),
    references={"request": "sc_request", "request_item": "sc_req_item", "parent": "sc_req_item"},
    shows={"request": ("number",), "request_item": ("number",)},
    defaults={},
    choices={},
)
CHANGE = _table(
    "change_request",
    "Change Request",
    "CHG",
    (
        *("cab_required", "chg_model", "close_code", "conflict_status", "end_date", "on_hold", "phase", "phase_state"),
        *("requested_by", "review_status", "risk", "start_date", "type"),
    ),
    references={"requested_by": "sys_user"},
    shows={"requested_by": ("email", "name")},
    defaults={"state": "-5", "type": "normal", "phase": "requested", "risk": "3", "on_hold": "false"},
    choices={"state": _CHANGE_STATES, "type": _TYPES, "close_code": _CHANGE_CODES},
)
CATALOG_ITEM = Table(
    name="sc_cat_item",
    label="Catalog Item",
    columns=("name", "short_description", "active", "category", *SYSTEM_COLUMNS),
    defaults={"active": "true"},
    read_only=True,
)
TASK_TABLES = (INCIDENT, REQUEST, ITEM, CATALOG_TASK, CHANGE)
