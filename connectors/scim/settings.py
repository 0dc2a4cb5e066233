"""What can be set for a SCIM connection: once, for parser, linter and docs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import ConfigError
from connectors.directory import TYPES, USER
from connectors.options import Options, parse


class ScimOptions(Options):
    """`options:` of a connection."""

    since: bool = Field(True, description="The server filters by meta.lastModified; false: everything is compared.")
    sort: bool = Field(True, description="The server sorts; false: it is not asked to.")
    etags: bool = Field(True, description="The server refuses a stale If-Match, where it shows an ETag.")
    patch: Literal["paths", "values", "put"] = Field(
        "paths", description="How changes are sent: operations with paths, one without, or the whole resource by PUT."
    )
    leave: Literal["path", "value", "put"] = Field(
        "path",
        description="How somebody is taken out of a group: the member in the path, in the value (some servers know no "
        "other way; one that goes by the RFC would empty the group), or the whole group by PUT.",
    )
    privileged: tuple[str, ...] = Field(
        (), description="Names of roles and groups that count as an administrator's, besides those that say so."
    )
    page_size: int = Field(100, ge=2, le=1000, description="Resources asked for at once.")
    overlap_s: int = Field(120, ge=1, description="How far each poll reaches back.")


class ObjectOptions(Options):
    """`with:` of a flow member."""

    filter: str = Field("", description='Further condition on what is polled, such as userType eq "Employee".')
    defaults: dict[str, Any] = Field({}, description="Attributes set on create unless the mapping sets them.")


def parsed(settings: ConnectionSettings) -> tuple[ScimOptions, dict[str, ObjectOptions]]:
    """Options of the connection, and of its objects: users if nothing is said. Raises ConfigError."""
    where = f"connection {settings.name}"
    if unknown := set(settings.objects) - set(TYPES):
        text = f"SCIM has no {', '.join(sorted(unknown))}; try {', '.join(TYPES)}"
        raise ConfigError([f"{where}: error[objects]: {text}"])
    wanted = settings.objects or {USER: {}}
    objects = {name: parse(ObjectOptions, each, f"{where}, {name}") for name, each in wanted.items()}
    return parse(ScimOptions, settings.options, where), objects
