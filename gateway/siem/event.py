"""What a SIEM receiver is told, before it has a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event of one sink's feed. The same in every form and on every resend."""

    sink: str
    number: int
    """Of this feed, from 1, without a gap; heartbeats and summaries of segments have numbers, too."""
    previous: str
    """Digest of the event before (64 hex digits; of the first: 64 zeros)."""
    id: str
    """Of the audit entry; of a heartbeat or summary its own. A receiver that knows it has the event already."""
    position: int
    """Of the entry in the audit chain; 0 for heartbeats and summaries."""
    link: str
    """Of the entry in the audit chain, 64 hex digits; empty for heartbeats and summaries."""
    at: float
    """Epoch seconds of the decision."""
    kind: str
    """As in the audit trail (`case_discarded`, `token_made`), or `siem_heartbeat`, `siem_segment`."""
    severity: int
    """OCSF: 1 informational, 2 low, 3 medium, 4 high, 5 critical."""
    actor: str
    text: str
    """What happened, in one sentence."""
    outcome: str = ""
    """As in the audit trail: empty (said and done), `open`, or how it ended."""
    record: str = ""
    connection: str = ""
    cause: str = ""
    """Case, plan, run, notice or attempt that led to it."""
    detail: Mapping[str, Any] = {}
    """Without secrets; personal values only where the sink asks for them."""
    correlation: str = ""
    trace: str = ""
