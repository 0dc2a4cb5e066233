"""Which release of the program runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """As the package that is installed says it."""
    try:
        return version("lockstep-gateway")
    except PackageNotFoundError:
        return "unknown"
