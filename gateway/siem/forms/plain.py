"""The event as it is, as JSON: for webhooks, files, and whoever has no form of their own."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.siem.event import Event
from gateway.siem.forms.sealing import sealed, told
from gateway.siem.forms.sender import PRODUCT, Rendered, Sender
from gateway.siem.forms.times import iso, milliseconds

_AS_THEY_ARE = (
    "kind",
    "severity",
    "actor",
    "text",
    "outcome",
    "record",
    "connection",
    "cause",
    "detail",
    "correlation",
    "trace",
    "position",
    "link",
)


def written(event: Event, sender: Sender, cut: Sequence[str]) -> Rendered:
    """Names as in the audit trail; what is empty is left out."""
    body = told(
        {
            "product": PRODUCT,
            "id": event.id,
            "at": iso(event.at),
            "at_ms": milliseconds(event.at),
            **{name: getattr(event, name) for name in _AS_THEY_ARE},
            "host": sender.host,
            "version": sender.version,
            "cut": list(cut),
        }
    )
    return sealed(body, body, event, cut)
