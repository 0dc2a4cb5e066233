"""Puts the chain into an event that is written: its digest over all the rest, as receivers will recompute it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.siem.event import Event
from gateway.siem.forms.sender import Rendered
from gateway.siem.verifier.chain import canonical, digest_of


def sealed(body: Mapping[str, Any], holder: dict[str, Any], event: Event, cut: Sequence[str]) -> Rendered:
    """One line of JSON in ASCII, with `chain` in `holder`, which is the body or an object within it."""
    digest = digest_of(event.sink, event.number, event.previous, canonical(body))
    holder["chain"] = {
        "sink": event.sink,
        "number": event.number,
        "previous": event.previous,
        "digest": digest,
    }
    return Rendered(body=json.dumps(body, separators=(",", ":")).encode(), digest=digest, cut=tuple(cut))


def sealed_text(content: str, chain: str, event: Event, cut: Sequence[str]) -> Rendered:
    """A line of CEF or LEEF: the content, and from there on the `chain`, whose last value the digest is."""
    digest = digest_of(event.sink, event.number, event.previous, content.encode())
    return Rendered(body=f"{content}{chain}{digest}".encode(), digest=digest, cut=tuple(cut))


def told(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not known."""
    return {name: value for name, value in fields.items() if value not in ("", None, [], {}, ())}
