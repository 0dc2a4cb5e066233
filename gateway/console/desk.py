"""What the pages work with: made once per process by whoever knows how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connectors.contract.connector import Connector
from gateway.work.draft_trying import Trying
from gateway.work.workplace import Workplace


def _nothing() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Desk:
    """The workplace of all verbs, and what only a running gateway has."""

    place: Workplace
    connectors: Mapping[str, Connector] = field(default_factory=dict)
    """For looks at the systems; empty where nothing can be asked."""
    pressure: Callable[[], str] = _nothing
    """Why this worker refuses changes now; empty when it takes them."""
    last_known: dict[str, float] = field(default_factory=dict)
    """Panel -> when it was read last, by the clock all workers share. Of this process."""
    trying: Trying | None = None
    """For connections that nothing works by yet; None: nothing can be tried here."""
    release: str = ""
    provider: str = ""
    """Name of whoever else vouches for people; empty: nobody."""
