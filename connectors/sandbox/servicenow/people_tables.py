"""People and what they may do: users, groups, memberships, roles and where they come from."""

from __future__ import annotations

from connectors.sandbox.servicenow.columns import SYSTEM_COLUMNS, Table

KEY = "u_lockstep_key"
"""A text column that the administrator added, for the key of whoever creates rows: these tables have no
`correlation_id`.
"""

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
_TIMES = frozenset({"sys_created_on", "sys_updated_on"})
_NUMBERS = frozenset({"sys_mod_count", "inh_count"})
_PERSON = ("email", "name", "user_name")

USER = Table(
    name="sys_user",
    label="User",
    columns=(*_USER_COLUMNS, KEY, *SYSTEM_COLUMNS),
    references={
        "manager": "sys_user",
        "department": "cmn_department",
        "location": "cmn_location",
        "company": "core_company",
        "sys_domain": "sys_user_group",
    },
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
    caseless=frozenset({"email", "user_name", "employee_number"}),
    numbers=_NUMBERS,
    times=_TIMES | {"last_login_time"},
    max_length={"user_name": 40, "title": 60, "email": 100},
    indexes=("email", "user_name", "sys_updated_on"),
    unique=("user_name",),
    shows={"manager": _PERSON, "department": ("name",), "location": ("name",), "company": ("name",)},
    watched=True,
)
GROUP = Table(
    name="sys_user_group",
    label="Group",
    columns=(
        *("active", "cost_center", "default_assignee", "description", "email", "exclude_manager"),
        *("include_members", "manager", "name", "parent", "roles", "source", "type"),
        KEY,
        *SYSTEM_COLUMNS,
    ),
    references={"manager": "sys_user", "default_assignee": "sys_user", "parent": "sys_user_group"},
    defaults={"active": "true", "exclude_manager": "false", "include_members": "false"},
    numbers=_NUMBERS,
    times=_TIMES,
    max_length={"name": 80},
    indexes=("sys_updated_on",),
    shows={"manager": _PERSON, "parent": ("name",)},
    watched=True,
)
MEMBER = Table(
    name="sys_user_grmember",
    label="Group Member",
    columns=("user", "group", "scrum_master", KEY, *SYSTEM_COLUMNS),
    display="group",
    references={"user": "sys_user", "group": "sys_user_group"},
    numbers=_NUMBERS,
    times=_TIMES,
    indexes=("user", "group", "sys_updated_on"),
    shows={"user": _PERSON, "group": ("name",)},
    watched=True,
)
HAS_ROLE = Table(
    name="sys_user_has_role",
    label="User Role",
    columns=(
        *("user", "role", "granted_by", "inherited", "included_in_role", "included_in_role_instance"),
        *("inh_count", "inh_map", "state", KEY),
        *SYSTEM_COLUMNS,
    ),
    display="role",
    references={
        "user": "sys_user",
        "role": "sys_user_role",
        "granted_by": "sys_user_group",
        "included_in_role": "sys_user_has_role",
        "included_in_role_instance": "sys_user_role_contains",
    },
    defaults={"inherited": "false", "state": "active"},
    numbers=_NUMBERS,
    times=_TIMES,
    indexes=("user", "sys_updated_on"),
    shows={"user": _PERSON, "role": ("name",), "granted_by": ("name",)},
    watched=True,
)
ROLE = Table(
    name="sys_user_role",
    label="Role",
    columns=("name", "description", "elevated_privilege", "grantable", *SYSTEM_COLUMNS),
    defaults={"elevated_privilege": "false", "grantable": "true"},
    read_only=True,
)
CONTAINS = Table(
    name="sys_user_role_contains",
    label="Contained Role",
    columns=("role", "contains", *SYSTEM_COLUMNS),
    display="contains",
    references={"role": "sys_user_role", "contains": "sys_user_role"},
    read_only=True,
)
GROUP_ROLE = Table(
    name="sys_group_has_role",
    label="Group Role",
    columns=("group", "role", "inherits", *SYSTEM_COLUMNS),
    display="role",
    references={"group": "sys_user_group", "role": "sys_user_role"},
    defaults={"inherits": "true"},
    read_only=True,
)


def _named(name: str, label: str) -> Table:
    return Table(name=name, label=label, columns=("name", *SYSTEM_COLUMNS), read_only=True)


PEOPLE_TABLES = (
    *(USER, GROUP, MEMBER, HAS_ROLE, ROLE, CONTAINS, GROUP_ROLE),
    _named("cmn_department", "Department"),
    _named("cmn_location", "Location"),
    _named("core_company", "Company"),
)
