"""Accounts and groups of the site. Who may sign in is fixed (`people`); who has access is kept here."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from connectors.sandbox.people import PEOPLE, Person
from connectors.sandbox.site import Site

ADMINS = "site-admins"
"""Whoever belongs to it may change people and groups."""
EVERYBODY = "jira-users"
_DDL = """
CREATE TABLE IF NOT EXISTS account (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    name TEXT NOT NULL,
    active INTEGER NOT NULL,
    hidden INTEGER NOT NULL,        -- the profile does not show the e-mail address
    zone TEXT NOT NULL,
    kind TEXT NOT NULL              -- atlassian | app
);
CREATE TABLE IF NOT EXISTS team (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE);
CREATE TABLE IF NOT EXISTS membership (team TEXT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (team, account));
CREATE TABLE IF NOT EXISTS role_actor (
    project TEXT NOT NULL,
    role TEXT NOT NULL,
    kind TEXT NOT NULL,             -- user | group
    actor TEXT NOT NULL,
    PRIMARY KEY (project, role, kind, actor)
);
"""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with access to the site."""

    id: str
    email: str
    name: str
    active: bool = True
    hidden: bool = False
    zone: str = "UTC"
    kind: str = "atlassian"


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """A group."""

    id: str
    name: str


class Roster:
    """The site's directory. Writes happen inside a `change()` of the store."""

    def __init__(self, site: Site) -> None:
        self._store = site.store
        self._store.script(_DDL)
        if not self._store.value("SELECT count(*) FROM account"):
            with self._store.change():
                self.found()

    def found(self) -> None:
        """Everybody who may sign in has access at first; three of them are administrators."""
        for table in ("account", "team", "membership", "role_actor"):
            self._store.run(f"DELETE FROM {table}")
        everybody, admins = self.add_team(EVERYBODY), self.add_team(ADMINS)
        for person in PEOPLE:
            self.save(_account(person))
            self.join(everybody, person.account_id)
            if person.admin or person.name in ("lockstep", "ann"):
                self.join(admins, person.account_id)

    def get(self, account: str) -> Account | None:
        """By account id."""
        return next(iter(self._accounts("WHERE id = ?", account)), None)

    def by_email(self, email: str) -> Account | None:
        """By e-mail address, in any case."""
        return next(iter(self._accounts("WHERE email = ?", email)), None)

    def all(self) -> list[Account]:
        """In the order in which they came."""
        return self._accounts("ORDER BY rowid")

    def save(self, account: Account) -> None:
        """Stores an account."""
        self._store.run(
            "INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET email = excluded.email,"
            " name = excluded.name, active = excluded.active, hidden = excluded.hidden",
            *msgspec.structs.astuple(account),
        )

    def remove(self, account: str) -> None:
        """Takes an account's access away, and its memberships."""
        self._store.run("DELETE FROM membership WHERE account = ?", account)
        self._store.run("DELETE FROM role_actor WHERE kind = 'user' AND actor = ?", account)
        self._store.run("DELETE FROM account WHERE id = ?", account)

    def teams(self) -> list[Team]:
        """By name."""
        return [Team(id=id, name=name) for id, name in self._store.rows("SELECT id, name FROM team ORDER BY name")]

    def team(self, id: str, name: str = "") -> Team | None:
        """By id, or by name."""
        return next((each for each in self.teams() if each.id == id or (name and each.name == name)), None)

    def add_team(self, name: str) -> Team:
        """A new group without members."""
        team = Team(id=str(uuid.uuid4()), name=name)
        self._store.run("INSERT INTO team VALUES (?, ?)", team.id, team.name)
        return team

    def remove_team(self, team: Team) -> None:
        """Takes a group away."""
        self._store.run("DELETE FROM membership WHERE team = ?", team.id)
        self._store.run("DELETE FROM role_actor WHERE kind = 'group' AND actor = ?", team.id)
        self._store.run("DELETE FROM team WHERE id = ?", team.id)

    def members(self, team: Team, *, inactive: bool) -> list[Account]:
        """By name of sign-in, which is not shown; here the address stands for it."""
        found = self._accounts(
            "WHERE id IN (SELECT account FROM membership WHERE team = ?) ORDER BY email, id", team.id
        )
        return [each for each in found if inactive or each.active]

    def teams_of(self, account: str) -> list[Team]:
        """The groups that somebody belongs to."""
        found = self._store.rows("SELECT team FROM membership WHERE account = ?", account)
        ids = {id for (id,) in found}
        return [each for each in self.teams() if each.id in ids]

    def join(self, team: Team, account: str) -> None:
        """Makes somebody a member."""
        self._store.run("INSERT INTO membership VALUES (?, ?)", team.id, account)

    def leave(self, team: Team, account: str) -> None:
        """Ends a membership."""
        self._store.run("DELETE FROM membership WHERE team = ? AND account = ?", team.id, account)

    def _accounts(self, rest: str, *values: Any) -> list[Account]:
        found = self._store.rows(f"SELECT id, email, name, active, hidden, zone, kind FROM account {rest}", *values)
        names = Account.__struct_fields__
        return [msgspec.convert(dict(zip(names, row, strict=True)), Account, strict=False) for row in found]


def _account(person: Person) -> Account:
    return Account(
        id=person.account_id,
        email=person.email,
        name=person.full_name,
        zone=person.time_zone,
        kind="app" if person.actor == "gateway" else "atlassian",
    )
