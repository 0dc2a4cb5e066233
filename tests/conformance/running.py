"""Runs the kit on a connector class and the help desk."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.conformance.place import Place
from connectors.conformance.report import Report
from connectors.conformance.run import measure
from connectors.conformance.subject import Subject
from connectors.contract.clock import SystemClock
from connectors.contract.fixture import Fixture
from tests.conformance.desk import Desk
from tests.conformance.sound import Sound
from tests.conformance.staff import ACCESS, Sounder, Staff


async def measured(connector: type[Sound], fixtures: Sequence[Fixture], only: Sequence[str] = ()) -> Report:
    """A whole run, or that of some rules, on a fresh desk."""
    access = ACCESS if issubclass(connector, Sounder) else None
    subject = Subject(name="desk", factory=connector, fixtures=tuple(fixtures), access=access)
    async with Desk(Staff().routes()).serving() as url:
        return await measure(subject, Place(stand_in=url), clock=SystemClock(), only=only)
