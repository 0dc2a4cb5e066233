"""`lockstep whoami`: as whom this account acts, here or at a gateway elsewhere."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document


def whoami(
    config: Config = DEFAULT_CONFIG,
    url: Annotated[
        str, typer.Option("--url", envvar="LOCKSTEP_URL", help="Ask a gateway elsewhere, after `lockstep login`.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Say as whom you act, and what you may do. Without --url: on the database of the configuration."""
    found = _there(url) if url else _here(config)
    if as_json:
        document(found)
        return
    data(f"{found['name']} ({found['id']}) at {found['at']}")
    data(f"  roles   {', '.join(found['roles'])}")
    data(f"  rights  {', '.join(found['rights'])}")
    for name in ("connections", "types"):
        if found[name] is not None:
            data(f"  only {name}: {', '.join(found[name]) or 'none'}")


def _here(config: Any) -> dict[str, Any]:
    from gateway.access.rights import local
    from gateway.cli.store import configuration

    loaded, who = configuration(config), local(getpass.getuser())
    return {
        "id": who.id,
        "name": who.name,
        "roles": sorted(who.roles),
        "rights": sorted(who.rights),
        "connections": None,
        "types": None,
        "at": str(loaded.file),
    }


def _there(url: str) -> dict[str, Any]:
    from gateway.cli.login import who_at
    from gateway.cli.logins import site_of, token_for

    return {**who_at(site_of(url), token_for(url)), "at": site_of(url)}
