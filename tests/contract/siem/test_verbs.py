"""What people may ask of the feeds, and who."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select

from connectors.contract.clock import SystemClock
from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed, Principal, Role
from gateway.api import siem_metrics
from gateway.audit.tables import audit
from gateway.config.siem import File, Siem, Sink
from gateway.siem import store
from gateway.storage.database import Database
from gateway.work import siem
from gateway.work.workplace import Workplace
from tests.support.feeding import arrived, feeding, place_of, sink_of, write

PAUL = Principal(id="user:paul", name="paul", roles=frozenset({Role.INTEGRATOR}))
AUDREY = Principal(id="user:audrey", name="audrey", roles=frozenset({Role.AUDITOR}))
OLGA = Principal(id="user:olga", name="olga", roles=frozenset({Role.OPERATOR}))


@pytest.fixture
def sink(tmp_path: Path) -> Sink:
    return sink_of("disk", File(tmp_path / "feed.log", 1 << 30, 0))


@pytest.fixture
async def desk(lite: Database, sink: Sink) -> Workplace:
    config = cast(Any, SimpleNamespace(siem=Siem("h", {"disk": sink})))
    return Workplace(database=lite, config=config, topology=cast(Any, None), now=SystemClock().now)


async def test_how_a_feed_stands(desk: Workplace, sink: Sink) -> None:
    (before,) = await siem.list_sinks(desk, AUDREY)
    assert (before.state, before.number, before.kept_from) == ("unfed", 0, 0)
    await write(desk.database, 10)
    async with feeding(place_of(desk.database, sink)):
        await arrived(desk.database, "disk", 10)
        (view,) = await siem.list_sinks(desk, AUDREY)
        assert (view.state, view.worker, view.waiting, view.lag_s, view.kept_from) == ("working", "w1", 0, 0.0, 1)
        await write(desk.database, 5, kind="applied")  # nothing that the receiver is told of waits for anything
        (view,) = await siem.list_sinks(desk, AUDREY)
        assert (view.waiting, view.behind) == (0, 0)
    await write(desk.database, 3)
    async with desk.database.begin("test") as tx:
        await store.change(tx, "disk", sent=4, gone=0, state=store.State.FAILING)
    (view,) = await siem.list_sinks(desk, PAUL)
    assert view.waiting == view.number - 4
    assert view.octets > 0
    assert view.lag_s > 0
    assert view.behind == 3
    figures = {f"{each.name}": each.samples[0].value for each in siem_metrics.present([view])}
    assert figures["lockstep_siem_up"] == 0
    assert figures["lockstep_siem_waiting_events"] == view.waiting


async def test_a_test_is_a_sign_of_life_that_arrives(desk: Workplace, sink: Sink) -> None:
    async with feeding(place_of(desk.database, sink)):
        await arrived(desk.database, "disk", 1)
        number = await siem.try_sink(desk, PAUL, "disk")
        await arrived(desk.database, "disk", number)
    async with desk.database.read() as tx:
        query = select(audit.c.actor, audit.c.cause).where(audit.c.kind == "siem_tested")
        assert (await tx.execute(query)).all() == [("paul", "disk")]


async def test_sent_again_is_what_is_kept(desk: Workplace, sink: Sink) -> None:
    await write(desk.database, 10)
    async with feeding(place_of(desk.database, sink)):
        found = await arrived(desk.database, "disk", 10)
    planned = await siem.resend(desk, PAUL, "disk", 3, plan=True)
    assert (planned.first, planned.last) == (3, found.number)
    async with desk.database.read() as tx:
        assert await store.wished(tx, "disk") == 0
    await siem.resend(desk, PAUL, "disk", 3)
    async with desk.database.read() as tx:
        assert await store.wished(tx, "disk") == 3
    for number in (0, found.number + 1):
        with pytest.raises(InputError, match=f"kept: 1 to {found.number}"):
            await siem.resend(desk, PAUL, "disk", number)


async def test_auditors_look_and_others_do_not_even_that(desk: Workplace) -> None:
    with pytest.raises(NotAllowed):
        await siem.list_sinks(desk, OLGA)
    for verb in (siem.try_sink(desk, AUDREY, "disk"), siem.resend(desk, AUDREY, "disk", 1)):
        with pytest.raises(NotAllowed):
            await verb
    with pytest.raises(siem.NoSuchSink, match="there are disk"):
        await siem.try_sink(desk, PAUL, "dusk")
