"""By what a person is known in systems, written so that spelling alone makes no difference."""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Any

import msgspec

MOST = 300
"""Characters of an identity; what is longer names nobody."""


class Known(StrEnum):
    """What kind of identity it is."""

    EMAIL = "email"
    USER_NAME = "user_name"
    EMPLOYEE_NUMBER = "employee_number"
    ACCOUNT = "account"  # the system's own immutable id, in one connection
    LOGIN = "login"  # what the person signs in with, in one connection


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """One identity of a person. Make it with `identity`, which spells it as it is compared."""

    kind: Known
    value: str
    connection: str = ""
    """Of an account or a login; the others mean the same everywhere."""


def identity(kind: Known, value: Any, connection: str = "") -> Identity | None:
    """The identity; None for what names nobody (empty, too long, no text)."""
    spelled = (address if kind is Known.EMAIL else plain if kind is Known.ACCOUNT else folded)(value)
    if not spelled or len(spelled) > MOST:
        return None
    local = kind in (Known.ACCOUNT, Known.LOGIN)
    return Identity(kind=kind, value=spelled, connection=connection if local else "")


def plain(value: Any) -> str:
    """As it is: ids of some systems differ by letter case alone (Salesforce). A number is as good as its digits."""
    return "" if value is None or isinstance(value, (list, dict, bool)) else str(value).strip()


def folded(value: Any) -> str:
    """Letter case, full width and composition aside (NFKC, then case folding, and composed anew)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain(value)).casefold())


def address(value: Any) -> str:
    """An e-mail address, its domain in the form that the DNS knows. What is none is no identity of this kind."""
    local, at, domain = folded(value).removeprefix("mailto:").rpartition("@")
    if not (local and at and domain):
        return ""
    return f"{local}@{_ascii(domain.rstrip('.'))}"


def _ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
