"""Memberships and roles: rows that join two others. The same two are joined once, and a row that the instance made
because of another one is not taken away by itself.

A user has a role because somebody gave it, because a group has it, or because another role contains it; only the first
can be taken from the user: "You can't delete roles that are assigned to the group from the user record. You must remove
the user from the group record" [SND t_AssignARoleToAUser]. `inherited` tells which is which.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract.errors import Refused
from connectors.rest import RestClient
from connectors.servicenow import table
from connectors.servicenow.bound import Bound
from connectors.servicenow.rows import Row, text


def derived(one: Bound, row: Row) -> bool:
    """Whether the instance made this row because of another one."""
    return bool(one.kind.derived) and text(row.get(one.kind.derived)) == "true"


async def joined(client: RestClient, one: Bound, body: Mapping[str, str]) -> Row | None:
    """The row that joins the same two already, by itself and not because of another one; None where there is none.
    ServiceNow would make a second one without a word [M].
    """
    wanted = {column: body.get(column, "") for column in one.kind.pair}
    if not wanted or not all(wanted.values()):
        return None
    query = "^".join(table.equals(column, value) for column, value in wanted.items())
    found = await table.every_row(
        client,
        one.table,
        f"{query}^ORDERBYsys_created_on",
        one.asked,
        lambda row: all(text(row.get(column)) == value for column, value in wanted.items()),
        limit=100,
    )
    return next((row for row in found if not derived(one, row)), None)


def refuse_derived(one: Bound, row: Row) -> None:
    """Raises Refused for a row that goes only with the one it comes from."""
    if not derived(one, row):
        return
    group = text(row.get("granted_by.name"))
    what = f"the group {group}; end the membership there" if group else "another role; take that one away"
    called = one.snapshot(row).key or text(row.get("sys_id"))
    raise Refused(
        f"{called}: the role comes from {what}. Nothing was deleted",
        fields={one.kind.derived: "a role that comes from a group or another role is not taken away by itself"},
    )
