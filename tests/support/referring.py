"""Ships whose papers name things that are kept in step elsewhere, loads in between, and what is said of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from connectors.contract.clock import Clock
from gateway.config.model import FlowModel, RefersModel
from gateway.config.refers import compiled
from gateway.delivery.waker import Waker
from gateway.storage.database import Database
from gateway.storage.schema import PARTS
from gateway.sync.batch import Topology
from gateway.sync.decider import Decider
from gateway.sync.flow import Flow, Member, Merge, OnDelete, Policy
from mappings.loader import load_type
from mappings.refers import Refers
from tests.support.gateway import THINGS, Bench, bench, mapping_of
from tests.support.world import FakeClock, System

BEGINNING = FakeClock().now()
TYPES = {name: load_type(name, THINGS) for name in ("ship", "thing")}
THING = {"x": "a thing", "y": "", "status": "new", "tags": [], "active": True}
PAPERS: dict[str, Any] = {
    "from": "names",
    "to": {"things": "b"},
    "order": "sailed",
    "tell": {
        "here": {"when": "record.state == 'arrived'", "set": {"status": "${port}"}, "forward": True},
        "back": {"when": "record.state == 'under_way' && record.why == 'back'", "set": {"status": "${port}"}},
        "lost": {"when": "record.state == 'sunk'", "comment": "Sunk before ${port}: ${names}"},
    },
    "answer": {
        "found": {"mark": "known", "why": "carries ${found}"},
        "missing": {"mark": "unknown", "why": "name a thing, e.g. b0"},
    },
}
LOST = {"when": "record.state == 'sunk'", "comment": "Sunk before ${port}: ${carries}"}
ORDERS = {
    **PAPERS,
    "from": "via",
    "through": {"loads": "c"},
    "tell": {
        **PAPERS["tell"],
        "lost": {"when": "record.state == 'sunk'", "comment": "Sunk before ${port}: ${carries}"},
    },
    "answer": {"found": {"carries": "${found}"}},
}


def refers_of(given: dict[str, Any], name: str = "ships") -> Refers:
    """As configured in the flow of that name."""
    flows = {each: SimpleNamespace(type="ship") for each in ("ships", "loads")} | {
        "things": SimpleNamespace(type="thing")
    }
    return compiled(RefersModel.model_validate(given), name, cast("dict[str, FlowModel]", flows), TYPES)


@dataclass
class Seas:
    """`a` has ships, `b` things, `c` loads."""

    g: Bench
    a: System
    b: System
    c: System
    waker: Waker

    def ship(self, text: str, state: str, port: str, sailed: int, **more: Any) -> str:
        """`sailed`: seconds after the beginning."""
        at = datetime.fromtimestamp(BEGINNING + sailed, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.a.create(text=text, state=state, port=port, sailed=at, **more)

    def status(self, thing: str) -> str:
        return str(self.b.things[thing].raw["status"])

    def said(self, thing: str) -> list[str]:
        """Comments on it, in order."""
        return [item.body for item in self.b.things[thing].items]

    async def settle(self) -> None:
        """All is quiet, also for the clock."""
        await self.g.settle()
        while await self.waker.once():
            await self.g.settle()


@asynccontextmanager
async def seas(url: str, *entries: dict[str, Any], **options: Any) -> AsyncIterator[Seas]:
    """`entries`: what the flow of ships has under `refers`."""
    clock = FakeClock()
    systems = [System(name, clock, **options.get(name, {})) for name in ("a", "b", "c")]
    flows = [
        _flow("ships", systems[0], "ship", refers=tuple(refers_of(each) for each in entries or (PAPERS,))),
        _flow("things", systems[1], "plain", ranks={"status": tuple(TYPES["thing"].fields["status"].values)}),
        _flow("loads", systems[2], "ship", refers=(refers_of({**PAPERS, "tell": {}}, "loads"),)),
    ]
    if "policy" in options:
        flows[1].policies["status"] = options["policy"]  # type: ignore[index]
    database = Database(url)
    async with database.begin() as tx:
        for part in PARTS:
            await tx.run_sync(part.create_all)
    async with bench(url, systems, clock, database=database, decider=partial(_decider, flows)) as gateway:
        waker = Waker(gateway.database, gateway.decider, clock, [flow.name for flow in flows])
        yield Seas(gateway, systems[0], systems[1], systems[2], waker)


def _flow(name: str, system: System, mapping: str, **more: Any) -> Flow:
    member = Member(system.name, "thing", mapping_of(mapping), system.specs["thing"], system.settles_s, skew_s=0.0)
    return Flow(
        name=name,
        type=member.mapping.type,
        members={system.name: member},
        policies={},
        default=Policy(Merge.LATEST, (system.name,)),
        on_delete=OnDelete.CLOSE,
        sets=frozenset({"tags", "names", "carries"}),
        **more,
    )


def _decider(flows: list[Flow], database: Database, topology: Topology, clock: Clock) -> Decider:
    return Decider(database, Topology.of(flows), clock)
