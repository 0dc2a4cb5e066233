"""`lockstep whoami`: as whom this account acts, here or at a gateway elsewhere."""

from __future__ import annotations

from typing import Any

from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document


def whoami(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Say as whom you act, and what you may do."""
    found = _there() if _is_elsewhere() else _here(config)
    if as_json:
        document(found)
        return
    data(f"{found['name']} ({found['id']}) at {found['at']}")
    data(f"  roles   {', '.join(found['roles'])}")
    data(f"  rights  {', '.join(found['rights'])}")
    for name in ("connections", "types"):
        if found[name] is not None:
            data(f"  only {name}: {', '.join(found[name]) or 'none'}")


def _is_elsewhere() -> bool:
    from gateway.cli.wishes import wishes

    return bool(wishes().url)


def _here(config: Any) -> dict[str, Any]:
    """Of the configuration alone: it works before there is a database."""
    import getpass

    from gateway.access.rights import local
    from gateway.cli.local import who_is
    from gateway.cli.store import configuration

    loaded = configuration(config)
    return {**who_is(local(getpass.getuser())), "gateway": loaded.name, "at": str(loaded.file)}


def _there() -> dict[str, Any]:
    from gateway.cli.gateways import asked

    return asked(DEFAULT_CONFIG, lambda gateway: gateway.me())
