"""Who may sign in at the stand-ins: one small directory for both systems. No passwords but these exist."""

from __future__ import annotations

import base64
import binascii

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """An account. `actor` is what the edit log calls its edits."""

    name: str
    full_name: str
    actor: str = "human"
    time_zone: str = "UTC"
    """Jira: the user's own zone. ServiceNow accounts here are all on GMT."""
    sys_id: str
    account_id: str
    admin: bool = False

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"

    @property
    def password(self) -> str:
        return f"{self.name}-secret"


PEOPLE = (
    Person(
        name="lockstep",
        full_name="Lockstep Integration",
        actor="gateway",
        time_zone="Europe/Berlin",
        sys_id="10c95e9087a24c0eb1de7a3a0d1f0001",
        account_id="712020:10c95e90-87a2-4c0e-b1de-7a3a0d1f0001",
    ),
    Person(
        name="ann",
        full_name="Ann Archer",
        time_zone="America/New_York",
        sys_id="a11a0000c0ffee00b0a7000000000002",
        account_id="712020:a11a0000-c0ff-ee00-b0a7-000000000002",
    ),
    Person(
        name="bob",
        full_name="Bob Baker",
        time_zone="Asia/Kolkata",
        sys_id="b0b00000c0ffee00b0a7000000000003",
        account_id="712020:b0b00000-c0ff-ee00-b0a7-000000000003",
    ),
    Person(
        name="cara",
        full_name="Cara Cole",
        sys_id="ca4a0000c0ffee00b0a7000000000004",
        account_id="712020:ca4a0000-c0ff-ee00-b0a7-000000000004",
    ),
    Person(
        name="dev",
        full_name="Dev Das",
        time_zone="Australia/Sydney",
        sys_id="de500000c0ffee00b0a7000000000005",
        account_id="712020:de500000-c0ff-ee00-b0a7-000000000005",
    ),
    Person(
        name="admin",
        full_name="System Administrator",
        admin=True,
        sys_id="ad310000c0ffee00b0a7000000000006",
        account_id="712020:ad310000-c0ff-ee00-b0a7-000000000006",
    ),
    Person(
        name="ivy",
        full_name="Ivy Irving",
        sys_id="1ff00000c0ffee00b0a7000000000007",
        account_id="712020:1ff00000-c0ff-ee00-b0a7-000000000007",
    ),
)


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """User and password of an `Authorization: Basic` value; None where it is not one."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def by_name(name: str) -> Person | None:
    """By sign-in name (ServiceNow)."""
    return next((person for person in PEOPLE if person.name == name), None)


def by_email(email: str) -> Person | None:
    """By e-mail (Jira Cloud)."""
    return next((person for person in PEOPLE if person.email == email.lower()), None)


def by_account(account_id: str) -> Person | None:
    """By Atlassian account id."""
    return next((person for person in PEOPLE if person.account_id == account_id), None)


def by_token(authorization: str) -> Person | None:
    """Whose bearer token this is; a person's token equals the password."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    return next((person for person in PEOPLE if person.password == token), None)
