"""Points of time as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.cli.exits import Code, Ending


def moment_of(text: str | None, flag: str, now: float) -> float | None:
    """Epoch seconds of `2h` (so long ago), or of a date and time (UTC unless it says otherwise). Ends with code 2."""
    from connectors.contract.written.units import seconds

    if text is None:
        return None
    try:
        return now - seconds(text)
    except ValueError:
        pass
    return time_of(text, flag, "a span like 2h or 3d, or a time like 2026-11-02T08:00Z")


def time_of(text: str, flag: str, wanted: str = "a time like 2026-11-02T08:00Z") -> float:
    """Epoch seconds of a date and time, UTC unless it says otherwise. Ends with code 2."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Ending(Code.WRONG_USE, f"{flag} should be {wanted}; not {text}") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
