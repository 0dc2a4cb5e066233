"""What a fresh instance holds: people, groups, roles, a catalogue, and what it says of its own tables."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from connectors.sandbox.people import PEOPLE
from connectors.sandbox.servicenow.access_tables import CLIENT
from connectors.sandbox.servicenow.columns import Table
from connectors.sandbox.servicenow.people_tables import CONTAINS, GROUP, GROUP_ROLE, HAS_ROLE, MEMBER, ROLE, USER
from connectors.sandbox.servicenow.rules import Row
from connectors.sandbox.servicenow.schema import TABLES
from connectors.sandbox.servicenow.task_tables import CATALOG_ITEM

GROUPS = {
    "5e41ce00c0ffee00b0a7000000000011": "Service Desk",
    "0e740000c0ffee00b0a7000000000012": "Network",
    "da7aba5ec0ffee00b0a7000000000013": "Database",
}
CLIENT_ID = "0a470000c0ffee00b0a7000000000021"
_SPACE = uuid.UUID("7e57ab1e-0000-4000-8000-0000000000ff")
_ROLES = ("admin", "user_admin", "itil", "sn_incident_write", "approver_user", "catalog_admin")
_CONTAINS = {"itil": ("sn_incident_write",)}
_GROUP_ROLES = {"Service Desk": "itil"}
_MEMBERS = {"cara": "Service Desk"}
_CATALOG = ("New colleague", "Standard laptop")
_NAMED = {
    "cmn_department": ("IT", "Sales"),
    "cmn_location": ("Berlin", "Sydney"),
    "core_company": ("Example Inc.",),
}


def people() -> Iterator[tuple[Table, Row]]:
    """Accounts and groups."""
    for person in PEOPLE:
        first, _, last = person.full_name.partition(" ")
        account = {"user_name": person.name, "name": person.full_name, "email": person.email}
        yield USER, account | {"first_name": first, "last_name": last, "sys_id": person.sys_id}
    for sys_id, name in GROUPS.items():
        yield GROUP, {"sys_id": sys_id, "name": name}


def rights() -> Iterator[tuple[Table, Row]]:
    """Roles, who has them and why; departments and the like; the catalogue."""
    users = {person.name: person.sys_id for person in PEOPLE}
    groups = {name: sys_id for sys_id, name in GROUPS.items()}
    for name in _ROLES:
        yield ROLE, {"sys_id": _id(name), "name": name}
    for role, parts in _CONTAINS.items():
        for part in parts:
            yield CONTAINS, {"sys_id": _id(role, part), "role": _id(role), "contains": _id(part)}
    for group, role in _GROUP_ROLES.items():
        yield GROUP_ROLE, {"sys_id": _id(group, role), "group": groups[group], "role": _id(role)}
    for user, group in _MEMBERS.items():
        yield MEMBER, {"sys_id": _id(user, group), "user": users[user], "group": groups[group]}
        yield from _granted(users[user], _GROUP_ROLES[group], groups[group])
    yield HAS_ROLE, {"sys_id": _id("admin", "has"), "user": users["admin"], "role": _id("admin")}
    for table, names in {**_NAMED, CATALOG_ITEM.name: _CATALOG}.items():
        for name in names:
            yield TABLES[table], {"sys_id": _id(table, name), "name": name}


def clients() -> Iterator[tuple[Table, Row]]:
    """What may sign in for somebody by OAuth."""
    yield CLIENT, {"sys_id": CLIENT_ID, "name": "Lockstep", "client_id": "lockstep-client"}


def tables() -> Iterator[tuple[Table, Row]]:
    """`sys_db_object`: each table that can be asked for by name, and what it extends."""
    about = TABLES["sys_db_object"]
    above = {"sys_metadata": "", "task": "", **{name: each.extends for name, each in TABLES.items() if each.watched}}
    for name, parent in above.items():
        row = {"sys_id": _id("table", name), "name": name, "label": name.title()}
        yield about, row | {"super_class": _id("table", parent) if parent else ""}


def _granted(user: str, role: str, group: str) -> Iterator[tuple[Table, Row]]:
    by_group = {"user": user, "granted_by": group, "inherited": "true"}
    yield HAS_ROLE, {"sys_id": _id(user, role), "role": _id(role), **by_group}
    for part in _CONTAINS.get(role, ()):
        above = {"included_in_role": _id(user, role), "included_in_role_instance": _id(role, part)}
        yield HAS_ROLE, {"sys_id": _id(user, part), "role": _id(part), **by_group, **above}


def _id(*parts: str) -> str:
    return uuid.uuid5(_SPACE, " ".join(parts)).hex
