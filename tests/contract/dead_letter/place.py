"""A workplace over a configuration without systems: verbs on cases, for people of several kinds."""

from __future__ import annotations

from pathlib import Path

from gateway.access.people import Person, add_person
from gateway.access.rights import Principal, Role
from gateway.app.compose import connectors_of, topology_of
from gateway.config import load
from gateway.storage.database import Database
from gateway.work.workplace import Workplace
from tests.support.cases import NOW
from tests.support.running import ENVIRONMENT, write_config
from tests.support.world import FakeClock


class Clock(FakeClock):
    """At the time of the cases."""

    def __init__(self) -> None:
        super().__init__(NOW + 10)


def workplace(database: Database, directory: Path, clock: FakeClock, *, extra: str = "") -> Workplace:
    """The verbs' place; no system answers at these addresses."""
    nobody = "http://127.0.0.1:9"
    file, _ = write_config(directory, snow=nobody, jira=nobody, extra=extra)
    config = load(file, ENVIRONMENT)
    topology = topology_of(config, connectors_of(config, clock))
    return Workplace(database=database, config=config, topology=topology, now=clock.now)


def person(name: str, *roles: Role, **scope: frozenset[str]) -> Principal:
    """Somebody who signed in."""
    return Principal(id=f"user:{name}", name=name, roles=frozenset(roles), person=f"user:{name}", **scope)


async def known(database: Database, *people: Principal) -> None:
    """Adds them to the people of the installation."""
    async with database.begin() as tx:
        for each in people:
            await add_person(tx, Person(name=each.name, roles=each.roles, created_at=NOW))
