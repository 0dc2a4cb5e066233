"""Who speaks, as every form and the syslog header name it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

VENDOR = "Lockstep"
PRODUCT = "Lockstep"


class Form(StrEnum):
    """What a receiver reads."""

    JSON = "json"
    OCSF = "ocsf"
    ECS = "ecs"
    CEF = "cef"
    LEEF = "leef"


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """This gateway."""

    host: str
    """Its name in the network, as operators know it."""
    version: str
    """Of the program."""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """One event, ready to be sent. Kept by the spool as it is, so that a resend is the same to the octet."""

    body: bytes
    """One line without a line end and without control characters."""
    digest: str
    """64 hex digits; the `previous` of the next event of the feed."""
    cut: tuple[str, ...] = ()
    """What did not fit: names of detail, or `text` and other fields. The body says so, too."""
