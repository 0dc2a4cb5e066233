"""What people hold beside roles and groups: sessions, OAuth tokens, scheduled jobs, approvals; and the tables that
others extend, through which all rows of those are seen.
"""

from __future__ import annotations

from connectors.sandbox.servicenow.columns import SYSTEM_COLUMNS, Table
from connectors.sandbox.servicenow.task_tables import INCIDENT, TASK_COLUMNS, TASK_TABLES

_TIMES = frozenset({"sys_created_on", "sys_updated_on"})
_NUMBERS = frozenset({"sys_mod_count"})

SESSION = Table(
    name="sys_user_session",
    label="User Session",
    columns=("id", "name", "invalidated", "last_accessed", *SYSTEM_COLUMNS),
    times=_TIMES | {"invalidated", "last_accessed"},
    numbers=_NUMBERS,
    indexes=("name",),
)
"""`name` is the user name; `invalidated` is empty while it lasts."""
CLIENT = Table(
    name="oauth_entity",
    label="Application Registry",
    columns=("name", "client_id", "active", *SYSTEM_COLUMNS),
    defaults={"active": "true"},
    read_only=True,
)
CREDENTIAL = Table(
    name="oauth_credential",
    label="OAuth Credential",
    columns=("user", "peer", "type", "expires", *SYSTEM_COLUMNS),
    references={"user": "sys_user", "peer": "oauth_entity"},
    times=_TIMES | {"expires"},
    numbers=_NUMBERS,
    indexes=("user",),
)
"""The token itself is never shown [P:servicenow.com/docs t_ManageTokens]."""
_JOB_COLUMNS = (
    *("active", "conditional", "name", "run_as", "run_dayofmonth", "run_dayofweek", "run_period", "run_start"),
    *("run_time", "run_type", "sys_class_name"),
)
JOB = Table(
    name="sysauto_script",
    label="Scheduled Script Execution",
    columns=(*_JOB_COLUMNS, "script", *SYSTEM_COLUMNS),
    extends="sysauto",
    references={"run_as": "sys_user"},
    defaults={"active": "true", "run_type": "daily", "sys_class_name": "sysauto_script"},
    times=_TIMES,
    numbers=_NUMBERS,
    indexes=("run_as",),
)
APPROVAL = Table(
    name="sysapproval_approver",
    label="Approval",
    columns=(
        *("approver", "comments", "document_id", "due_date", "group", "source_table", "state", "sysapproval"),
        *SYSTEM_COLUMNS,
    ),
    references={"approver": "sys_user", "sysapproval": "task", "group": "sysapproval_group"},
    defaults={"state": "requested"},
    times=_TIMES | {"due_date"},
    numbers=_NUMBERS,
    choices={
        "state": {
            "not requested": "Not Yet Requested",
            "requested": "Requested",
            "approved": "Approved",
            "rejected": "Rejected",
            "cancelled": "Cancelled",
            "not_required": "No Longer Required",
            "duplicate": "Duplicate",
        }
    },
    journals=("comments",),
    indexes=("approver",),
)
"""facts.md 1.6 [M]; labels [M]."""
TASK = Table(
    name="task",
    label="Task",
    columns=(*sorted(TASK_COLUMNS), *SYSTEM_COLUMNS),
    display="number",
    references={name: INCIDENT.references[name] for name in ("assigned_to", "assignment_group", "opened_by")},
    numbers=INCIDENT.numbers & {*TASK_COLUMNS, *SYSTEM_COLUMNS},
    times=INCIDENT.times & {*TASK_COLUMNS, *SYSTEM_COLUMNS},
    journals=INCIDENT.journals,
    read_only=True,
    over=tuple(table.name for table in TASK_TABLES),
)
AUTOMATION = Table(
    name="sysauto",
    label="Scheduled Job",
    columns=(*_JOB_COLUMNS, *SYSTEM_COLUMNS),
    references=JOB.references,
    times=_TIMES,
    numbers=_NUMBERS,
    read_only=True,
    over=(JOB.name,),
)
ACCESS_TABLES = (SESSION, CLIENT, CREDENTIAL, JOB, APPROVAL, TASK, AUTOMATION)
