"""What somebody can have on an instance: where it stands, and a pure function from its row to a Grant.

A session ends where its user is locked out [P:servicenow.com/docs c_ManageUserSessions: "Locking users out also
terminates their sessions"]. A role comes from the person, a group or another role, and `inherited` tells which
[SND t_AssignARoleToAUser].
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import msgspec

from connectors.contract.access import Account, Grant, GrantKind
from connectors.privilege import listed
from connectors.servicenow.rows import Row, format_time, text
from connectors.servicenow.table import equals, moment

PRIVILEGED = frozenset(
    {
        *("admin", "security_admin", "user_admin", "maint", "role_delegator", "impersonator"),
        *("oauth_admin", "credential_admin", "web_service_admin", "script_debugger", "delegated_developer"),
    }
)
"""Roles that reach beyond their own records [M]; settings name further ones."""
USER_FIELDS = "sys_id,user_name,name,email,employee_number,active,locked_out"
_BY_LOCKING_OUT = "the account"
"""What a session comes by way of."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one kind stands."""

    kind: GrantKind
    table: str
    column: str
    """The person stands here."""
    fields: str
    condition: Callable[[float], str]
    """The rest of the query, as of now (the instance's clock)."""
    grant: Callable[[Row, Collection[str]], Grant]
    """(a row, names of what is privileged) -> what it gives."""
    hands_over: str = ""
    """Not deleted: this column gets somebody else."""
    by_name: bool = False
    """The column holds the user name, not the id."""

    def query(self, account: Row, now: float) -> str:
        """Whose it is, and that it counts."""
        return "^".join(part for part in (equals(self.column, self.owner(account)), self.condition(now)) if part)

    def owner(self, account: Row) -> str:
        """What the column says of this person."""
        return text(account["user_name" if self.by_name else "sys_id"])


def account_of(row: Row, *, privileged: bool = False, matched: tuple[str, ...] = ()) -> Account:
    """A row of sys_user. Who is locked out cannot sign in either, and is on all the same until switched off."""
    return Account(
        id=text(row["sys_id"]),
        name=text(row.get("user_name")) or text(row.get("name")) or text(row["sys_id"]),
        email=text(row.get("email")),
        active=text(row.get("active")) != "false",
        privileged=privileged,
        matched=matched,
    )


def sign_in(account: Account) -> list[Grant]:
    """The account itself, as long as it is on."""
    return [Grant(kind=GrantKind.ACCOUNT, id=account.id, name=account.name)] if account.active else []


def with_groups(grants: Iterable[Grant]) -> list[Grant]:
    """A group that gives a privileged role is one itself."""
    every = list(grants)
    giving = {str(each.detail.get("group")) for each in every if each.kind is GrantKind.ROLE and each.privileged}
    return [
        msgspec.structs.replace(each, privileged=True)
        if each.kind is GrantKind.GROUP and each.detail.get("group") in giving
        else each
        for each in every
    ]


def _always(_: float) -> str:
    return ""


def _session(row: Row, _: Collection[str]) -> Grant:
    name = f"session of {text(row.get('sys_created_on'))} UTC"
    return Grant(kind=GrantKind.SESSION, id=text(row["sys_id"]), name=name, through=_BY_LOCKING_OUT)


def _token(row: Row, _: Collection[str]) -> Grant:
    client, kind, until = text(row.get("peer.name")), text(row.get("type")), text(row.get("expires"))
    name = f"{kind.replace('_', ' ') or 'token'} for {client or 'an application'}"
    return Grant(kind=GrantKind.TOKEN, id=text(row["sys_id"]), name=name, detail={"until": until})


def _role(row: Row, names: Collection[str]) -> Grant:
    name, group = text(row.get("role.name")), text(row.get("granted_by.name"))
    through = ""
    if text(row.get("inherited")) == "true":
        above = text(row.get("included_in_role.role.name"))
        through = f"the role {above}" if above else f"the group {group}" if group else "another role"
    return Grant(
        kind=GrantKind.ROLE,
        id=text(row["sys_id"]),
        name=name or text(row.get("role")),
        privileged=listed(name, names) or text(row.get("role.elevated_privilege")) == "true",
        through=through,
        detail={"role": text(row.get("role")), "group": text(row.get("granted_by"))},
    )


def _group(row: Row, names: Collection[str]) -> Grant:
    name, group = text(row.get("group.name")), text(row.get("group"))
    return Grant(
        kind=GrantKind.GROUP,
        id=text(row["sys_id"]),
        name=name or group,
        privileged=listed(name, names),
        detail={"group": group},
    )


def _job(row: Row, _: Collection[str]) -> Grant:
    table = text(row.get("sys_class_name")) or "sysauto"
    return Grant(kind=GrantKind.JOB, id=text(row["sys_id"]), name=text(row.get("name")), detail={"table": table})


def _approval(row: Row, _: Collection[str]) -> Grant:
    what = text(row.get("sysapproval.number")) or text(row.get("document_id")) or text(row["sys_id"])
    table = {"table": "sysapproval_approver"}
    return Grant(kind=GrantKind.APPROVAL, id=text(row["sys_id"]), name=f"approval of {what}", detail=table)


def _work(row: Row, _: Collection[str]) -> Grant:
    detail = {"table": text(row.get("sys_class_name")) or "task", "about": text(row.get("short_description"))}
    return Grant(kind=GrantKind.WORK, id=text(row["sys_id"]), name=text(row.get("number")), detail=detail)


PLACES: tuple[Place, ...] = (
    Place(
        kind=GrantKind.SESSION,
        table="sys_user_session",
        column="name",
        fields="sys_id,name,invalidated,sys_created_on",
        condition=lambda now: "invalidatedISEMPTY",
        grant=_session,
        by_name=True,
    ),
    Place(
        kind=GrantKind.TOKEN,
        table="oauth_credential",  # [P:servicenow.com/docs t_ManageTokens]; the column `user` [M]
        column="user",
        fields="sys_id,user,type,expires,peer.name",
        condition=lambda now: f"expires>{moment(format_time(now))}",
        grant=_token,
    ),
    Place(
        kind=GrantKind.ROLE,
        table="sys_user_has_role",
        column="user",
        fields="sys_id,user,role,role.name,role.elevated_privilege,inherited,granted_by,granted_by.name,"
        "included_in_role.role.name",
        condition=_always,
        grant=_role,
    ),
    Place(
        kind=GrantKind.GROUP,
        table="sys_user_grmember",
        column="user",
        fields="sys_id,user,group,group.name",
        condition=_always,
        grant=_group,
    ),
    Place(
        kind=GrantKind.JOB,
        table="sysauto",
        column="run_as",
        fields="sys_id,name,run_as,active,sys_class_name",
        condition=lambda now: "active=true",
        grant=_job,
        hands_over="run_as",
    ),
    Place(
        kind=GrantKind.APPROVAL,
        table="sysapproval_approver",  # facts.md 1.6 [M]
        column="approver",
        fields="sys_id,approver,state,sysapproval,sysapproval.number,document_id",
        condition=lambda now: "state=requested",
        grant=_approval,
        hands_over="approver",
    ),
    Place(
        kind=GrantKind.WORK,
        table="task",
        column="assigned_to",
        fields="sys_id,number,short_description,assigned_to,active,sys_class_name",
        condition=lambda now: "active=true",
        grant=_work,
        hands_over="assigned_to",
    ),
)
"""In the order in which a departure takes it away, the account left out."""
