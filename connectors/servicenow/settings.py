"""What can be set for a ServiceNow connection: once, for parser, linter and docs."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator

from connectors.contract.connector import ConnectionSettings
from connectors.options import Options, parse


class Reference(Options):
    """A column that points to a row of another table."""

    table: str = "sys_user"
    by: str = "email"
    """The column of that table by which a written value is looked up."""
    shows: tuple[str, ...] = ("email", "name")
    """The columns of that table that `raw` shows beside `value`."""
    only_active: bool = True
    """Nothing is made to point to a row that is not active (a person who left); an item that is done may be."""


REFERENCES: Mapping[str, Reference] = {
    "assigned_to": Reference(),
    "caller_id": Reference(),
    "assignment_group": Reference(table="sys_user_group", by="name", shows=("name",)),
}


class ServiceNowOptions(Options):
    """`options:` of a connection."""

    user: str = Field("", description="User name of the integration user; needed with a token, else taken from `auth`.")
    fields: tuple[str, ...] = Field((), description="Columns to read besides the usual ones, such as u_region.")
    references: dict[str, Reference] = Field({}, description="Further reference columns: table, by, shows.")
    correlation_display: str = Field("lockstep", min_length=1, description="Marks correlation_id as ours.")
    page_size: int = Field(200, ge=1, le=10_000, description="Rows asked for at once.")
    overlap_s: int = Field(30, ge=1, description="How far each poll reaches back behind what it has seen.")
    history: bool = Field(True, description="Whether sys_audit can be read.")
    deletes: bool = Field(True, description="Whether sys_audit_delete can be read: the only trace of a deletion.")
    privileged: tuple[str, ...] = Field(
        (), description="Names of roles and groups that count as an administrator's, besides the usual ones."
    )
    webhook_skew_s: int = Field(300, ge=1, description="Age up to which a signed webhook is accepted.")


class ObjectOptions(Options):
    """`with:` of a flow member."""

    table: str = Field("", pattern=r"^[a-z0-9_]*$", description="The table, if it is not the object's own name.")
    filter: str = Field("", description="Encoded query that limits what is polled.")
    defaults: dict[str, str] = Field({}, description="Columns set on create unless the mapping sets them.")
    marker: str = Field(
        "",
        pattern=r"^[a-z0-9_]*$",
        description="Text column for our key, for a table without `correlation_id`: without one a create that was "
        "not answered needs a person.",
    )

    @field_validator("filter")
    @classmethod
    def _stays_one_query(cls, text: str) -> str:
        # ^NQ starts a second query beside the first: the poll's time bound would not hold for it.
        if "^NQ" in text or text.startswith("^") or text.endswith("^") or "ORDERBY" in text:
            raise ValueError("may not hold ^NQ or ORDERBY, nor begin or end with ^")
        return text


def parsed(settings: ConnectionSettings) -> tuple[ServiceNowOptions, dict[str, ObjectOptions]]:
    """Options of the connection and of its objects (only incident, if none is named). Raises ConfigError."""
    where = f"connection {settings.name}"
    options = parse(ServiceNowOptions, settings.options, where)
    named = settings.objects or {"incident": {}}
    return options, {name: parse(ObjectOptions, given, f"{where}, {name}") for name, given in named.items()}
