"""Points of time as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.cli.exits import Code, Ending


def moment_of(text: str | None, flag: str, now: float) -> float | None:
    """Epoch seconds of `2h` (so long ago), or of a date and time (UTC unless it says otherwise). Ends with code 2."""
    from connectors.contract.written.units import seconds

    if text is None:
        return None
    wanted = "a span like 2h or 3d, or a time like 2026-11-02T08:00Z"
    try:
        ago_s = seconds(text)
    except ValueError:
        return time_of(text, flag, wanted)
    try:
        datetime.fromtimestamp(now - ago_s, UTC)
    except (ValueError, OverflowError, OSError):
        raise Ending(Code.WRONG_USE, f"{flag} should be {wanted}; {text} is too long ago") from None
    return now - ago_s


def time_of(text: str, flag: str, wanted: str = "a time like 2026-11-02T08:00Z") -> float:
    """Epoch seconds of a date and time, UTC unless it says otherwise. Ends with code 2."""
    try:
        at = datetime.fromisoformat(text)
        return (at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Ending(Code.WRONG_USE, f"{flag} should be {wanted}; not {text}") from None
