"""One step of a connection check: runs a proof and turns whatever happens into a finding."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from connectors.contract.clock import Clock
from connectors.contract.errors import CredentialsError, LockstepError
from connectors.contract.values import Finding


async def prove(proves: str, proof: Callable[[], Awaitable[str]], clock: Clock) -> Finding:
    """Passed with the proof's detail, or failed with the error's text. A failed proof never raises."""
    began = clock.monotonic()
    refused = False
    try:
        detail, ok = await proof(), True
    except LockstepError as error:
        detail, ok, refused = str(error), False, isinstance(error, CredentialsError)
    elapsed_ms = (clock.monotonic() - began) * 1000
    return Finding(proves=proves, ok=ok, detail=detail, elapsed_ms=elapsed_ms, refused=refused)
