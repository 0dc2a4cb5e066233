"""A value that cannot go to a system: the field is held there by a case, and nothing else is."""

from __future__ import annotations

from connectors.contract.errors import MappingError
from gateway.sync import referee
from gateway.sync.state import FieldVersion
from gateway.sync.unit import Unit


def cannot_say(unit: Unit, connection: str, name: str, version: FieldVersion, error: MappingError) -> None:
    """Holds the field there, with the case that says why."""
    if isinstance(error, referee.PersonLeft):
        unit.shadow(connection, name).held = referee.hold(unit, connection, error)
        return
    unit.shadow(connection, name).held = unit.case(
        "mapping",
        "value.unknown",
        str(error),
        connection=connection,
        name=name,
        evidence={"value": version.value, "valid": list(error.valid), "source": version.source},
    )
