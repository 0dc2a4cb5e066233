"""A person whom a system does not know, or who is inactive there: the mapping's fallback is written instead (ADR 0192).

It stands in for one version of the field in one system. A newer version is tried as it is; what a person enters there
afterwards is an edit like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.contract.errors import MappingError
from gateway.sync import referee
from gateway.sync.attempts import Attempt, SentField
from gateway.sync.state import FieldVersion
from gateway.sync.unit import Unit
from mappings.fallback import Fallback


def outward(unit: Unit, connection: str, name: str, version: FieldVersion) -> tuple[Any, bool]:
    """The external value of a version, and whether it is the fallback's. Raises MappingError where there is none:
    PersonLeft, where it would be somebody's who has left.
    """
    return referee.outward(unit, connection, name, version, _outward)


def _outward(unit: Unit, connection: str, name: str, version: FieldVersion) -> tuple[Any, bool]:
    shadow = unit.held(connection).shadow.get(name)
    if shadow is None or shadow.instead != version.fver:
        try:
            return unit.member(connection).mapping.to_ext(name, version.value), False
        except MappingError as error:
            if not _take(unit, connection, name, version.fver, str(error)):
                raise
    found = _fallback(unit, connection, name)
    if found is None:  # the mapping of today has none any more
        return unit.member(connection).mapping.to_ext(name, version.value), False
    return found.ext, True


def refused(unit: Unit, connection: str, name: str, sent: SentField, said: str) -> bool:
    """Whether a refusal of this field is settled by its fallback. Not when the fallback itself was refused."""
    shadow, canon = unit.shadow(connection, name), unit.state.fields.get(name)
    if sent.fver is None or shadow.instead == sent.fver or canon is None or sent.ext is None:
        return False
    return _take(unit, connection, name, sent.fver, said)


def chosen(unit: Unit, connection: str, versions: Iterable[tuple[str, int | None]]) -> dict[str, Fallback]:
    """The fallbacks in force among fields that are being sent, each at a version."""
    found: dict[str, Fallback] = {}
    for name, fver in versions:
        shadow = unit.held(connection).shadow.get(name)
        fallback = _fallback(unit, connection, name) if shadow is not None and shadow.instead == fver else None
        if fallback is not None and fver is not None:
            found[name] = fallback
    return found


def fragment(unit: Unit, attempt: Attempt, record: dict[str, Any]) -> dict[str, Any]:
    """What is written for the fields of an attempt, with whoever stands in."""
    sent = attempt.fields
    standing_in = chosen(unit, attempt.connection, [(name, each.fver) for name, each in sent.items()])
    mapping = unit.member(attempt.connection).mapping
    shown = referee.companions(unit, attempt.connection, record)
    return mapping.write({name: each.ext for name, each in sent.items()}, shown, standing_in)


def _take(unit: Unit, connection: str, name: str, fver: int, said: str) -> bool:
    if _fallback(unit, connection, name) is None:
        return False
    unit.shadow(connection, name).instead = fver
    unit.audit("fell_back", connection, field=name, said=said)
    return True


def _fallback(unit: Unit, connection: str, name: str) -> Fallback | None:
    record = unit.state.values()
    rule = unit.member(connection).mapping.fields.get(name)
    return next((each for each in rule.fallbacks if each.fits(record)), None) if rule is not None else None
