"""`lockstep version`."""

from __future__ import annotations

from gateway.cli.flags import Json
from gateway.cli.output import data, document


def version(as_json: Json = False) -> None:
    """Say which version this is, and on what it runs."""
    import platform
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        ours = installed("lockstep-gateway")
    except PackageNotFoundError:
        ours = "not installed (run from its folder)"
    facts = {"lockstep": ours, "python": platform.python_version(), "system": platform.platform()}
    if as_json:
        document(facts)
    else:
        for name, value in facts.items():
            data(f"{name} {value}")
