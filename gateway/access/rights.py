"""Roles, rights and the person or program that acts. Pure: who asks is proved elsewhere, what they may is said here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from connectors.contract.errors import LockstepError


class Role(StrEnum):
    """What a person is here for. One may have several; rights add up."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    INTEGRATOR = "integrator"
    PEOPLE_WATCH = "people-watch"
    AUDITOR = "auditor"
    PROVISIONER = "provisioner"
    ADMIN = "admin"


class Right(StrEnum):
    """What an action or a page asks for."""

    SEE = "see"  # cases, records, connections, plans and runs; personal fields masked
    SEE_PERSONAL = "see-personal"  # personal fields in clear; every such look is audited
    WORK = "work"  # take, comment, park, look, retry, plan and run replays; ask for what is dangerous
    CORRECT = "correct"  # enter a value that no system holds; by four eyes where set
    APPROVE = "approve"  # the second pair of eyes
    CONFIGURE = "configure"  # connections, mappings, budgets; pause and resume
    PEOPLE = "people"  # leavers
    AUDIT = "audit"  # read the trail
    MANAGE = "manage"  # users, roles, tokens
    PUSH = "push"  # users and groups of a connection, by SCIM; for identity providers


_RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.SEE}),
    Role.OPERATOR: frozenset({Right.SEE, Right.SEE_PERSONAL, Right.WORK, Right.CORRECT}),
    Role.APPROVER: frozenset({Right.SEE, Right.SEE_PERSONAL, Right.APPROVE}),
    Role.INTEGRATOR: frozenset({Right.SEE, Right.CONFIGURE}),
    Role.PEOPLE_WATCH: frozenset({Right.PEOPLE}),
    Role.AUDITOR: frozenset({Right.SEE, Right.AUDIT}),
    Role.PROVISIONER: frozenset({Right.PUSH}),
    Role.ADMIN: frozenset(Right),
}


class NotAllowed(LockstepError):
    """The person is known and lacks a right for this; `right` names it."""

    def __init__(self, right: Right, what: str = "") -> None:
        self.right = right
        roles = ", ".join(role for role, rights in _RIGHTS.items() if right in rights)
        super().__init__(f"this needs the right '{right}'{f' for {what}' if what else ''} (roles: {roles})")


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: a person, a token or the local command line."""

    id: str
    """Stable and never given twice: `user:<name>`, `token:<id>`, `local:<account>`."""
    name: str
    """As histories and audit entries show it."""
    roles: frozenset[Role]
    connections: frozenset[str] | None = None
    """The connections it may see and act on; None: all."""
    types: frozenset[str] | None = None
    """The record types it may see and act on; None: all."""
    person: str = ""
    """Id of the person behind it, where there is one: a token acts for its owner, and four eyes count people."""

    @property
    def rights(self) -> frozenset[Right]:
        """All rights of all roles."""
        return frozenset(right for role in self.roles for right in _RIGHTS[role])

    def may(self, right: Right, *, connection: str = "", type: str = "") -> bool:
        """Whether it has the right, there. An empty connection or type asks for no place in particular."""
        return right in self.rights and self.covers(connection=connection, type=type)

    def covers(self, *, connection: str = "", type: str = "") -> bool:
        """Whether the place is inside its scope. What is outside does not exist for it: 404, never 403."""
        within = self.connections is None or not connection or connection in self.connections
        return within and (self.types is None or not type or type in self.types)

    def require(self, right: Right, *, connection: str = "", type: str = "") -> None:
        """Raises NotAllowed unless `may`."""
        if not self.may(right, connection=connection, type=type):
            raise NotAllowed(right, connection or type)


def rights_of(roles: Iterable[Role]) -> frozenset[Right]:
    """The rights that some roles give together."""
    return frozenset(right for role in roles for right in _RIGHTS[role])


def local(account: str) -> Principal:
    """Whoever can read the configuration and open the database acts as admin, under the account's name."""
    return Principal(id=f"local:{account}", name=account, roles=frozenset({Role.ADMIN}), person=f"local:{account}")
