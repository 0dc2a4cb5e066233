"""RFC 5424 messages around a form, and octet counting (RFC 6587, RFC 5425). Pure functions; sending is the sink's."""

from __future__ import annotations

from gateway.siem.event import Event
from gateway.siem.forms.sender import Rendered, Sender
from gateway.siem.forms.times import iso

ENTERPRISE = 32473
"""IANA's number for examples [RFC 5612]; a private number of one's own may be given."""
APP = "lockstep"
FACILITIES = {"auth": 4, "authpriv": 10, "audit": 13, **{f"local{n}": 16 + n for n in range(8)}}
_SEVERITIES = {1: 6, 2: 5, 3: 4, 4: 3, 5: 2}
"""OCSF's severity -> syslog's: informational, notice, warning, error, critical."""


def message(
    event: Event, made: Rendered, sender: Sender, *, facility: str = "audit", enterprise: int = ENTERPRISE
) -> bytes:
    """`<PRI>1 TIME HOST lockstep - KIND [lockstep@32473 sink= number= previous= digest=] BODY`; one line, no line end.

    Without a byte order mark, which readers of CEF and JSON trip over: RFC 5424 calls that MSG-ANY.
    """
    priority = FACILITIES[facility] * 8 + _SEVERITIES.get(event.severity, 5)
    head = (
        f"<{priority}>1 {iso(event.at)} {_name(sender.host, 255)} {APP} - {_name(event.kind, 32)} "
        f"{_chain(event, made.digest, enterprise)} "
    )
    return head.encode("utf-8", "replace") + made.body


def overhead(event: Event, sender: Sender, *, enterprise: int = ENTERPRISE) -> int:
    """Octets that a message takes beside its body."""
    return len(message(event, Rendered(body=b"", digest="0" * 64), sender, enterprise=enterprise))


def framed(message: bytes) -> bytes:
    """With its length in octets before it, as TLS demands and TCP should have."""
    return b"%d %s" % (len(message), message)


def _chain(event: Event, digest: str, enterprise: int) -> str:
    told = {"sink": event.sink, "number": str(event.number), "previous": event.previous, "digest": digest}
    return f"[{APP}@{enterprise} " + " ".join(f'{name}="{_quoted(value)}"' for name, value in told.items()) + "]"


def _quoted(value: str) -> str:
    printable = "".join(each if each.isprintable() else "?" for each in value)
    return printable.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _name(text: str, longest: int) -> str:
    """Printable ASCII without blanks; `-` for nothing."""
    return "".join(each if "!" <= each <= "~" else "_" for each in text)[:longest] or "-"
