"""What people ask of channels: how they do, a test, events told once more; for who may, and with an audit row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed, Principal, Role
from gateway.audit.tables import audit
from gateway.notify.schedule import DELAYS_S
from gateway.sync.batch import Topology
from gateway.work import notifications
from gateway.work.workplace import Workplace
from tests.support.telling import Desk
from tests.unit.gateway.config.support import loaded


def principal(*roles: Role) -> Principal:
    return Principal(id="user:ann", name="Ann Smith", roles=frozenset(roles))


ADMIN = principal(Role.ADMIN)


@pytest.fixture
def place(desk: Desk, tmp_path: Path) -> Workplace:
    config = replace(loaded(tmp_path), notifications=desk.config)
    return Workplace(database=desk.database, config=config, topology=Topology.of([]), now=desk.clock.now)


async def _audited(desk: Desk) -> list[tuple[str, str]]:
    async with desk.database.read() as tx:
        return [(kind, actor) for kind, actor in await tx.execute(select(audit.c.kind, audit.c.actor))]


async def test_channels_are_shown_as_they_do_and_without_address_or_key(desk: Desk, place: Workplace) -> None:
    desk.ops.next(500)
    await desk.open("a")
    await desk.turn()
    ops, duty, log = await notifications.list_channels(place, ADMIN)
    assert (ops.channel, ops.kind, ops.fallback, ops.state, ops.waiting) == ("ops", "webhook", "duty", "working", 1)
    assert ops.reason == "500"
    assert "opened" in ops.events
    assert (duty.state, duty.events) == ("unused", [])
    assert (log.kind, log.fallback) == ("log", "")
    assert desk.ops.url not in str(ops)
    assert "whsec_" not in str(ops)


async def test_a_test_enables_a_channel_that_its_receiver_disabled(desk: Desk, place: Workplace) -> None:
    desk.ops.next(410)
    await desk.open("a")
    await desk.turn()
    assert (await notifications.list_channels(place, ADMIN))[0].state == "disabled"
    id = await notifications.try_channel(place, ADMIN, "ops")
    await desk.turn()
    assert desk.ops.kinds == ["case.opened", "channel.test"]
    (told,) = await notifications.list_deliveries(place, ADMIN, event_id=id)
    assert (told.state, told.answer, told.attempts, told.next_at) == ("delivered", "204", 1, None)
    assert (await notifications.list_channels(place, ADMIN))[0].state == "working"
    await desk.turn()
    assert desk.duty.kinds[-1] == "channel.recovered"
    assert await _audited(desk) == [("notification.test", "Ann Smith")]


async def test_a_test_that_is_refused_again_disables_it_again(desk: Desk, place: Workplace) -> None:
    desk.ops.next(410, 410)
    await desk.open("a")
    await desk.turn()
    await notifications.try_channel(place, ADMIN, "ops")
    await desk.turn()
    assert (await notifications.list_channels(place, ADMIN))[0].state == "disabled"


async def test_an_event_is_told_once_more_under_its_old_id(desk: Desk, place: Workplace) -> None:
    await desk.open("a")
    await desk.turn()
    (id,) = desk.ops.ids
    found = await notifications.replay_deliveries(place, ADMIN, "ops", events=[id, "msg_of_nobody"])
    assert found.events == [id]
    await desk.turn()
    assert desk.ops.ids == [id, id]
    assert desk.ops.bodies[0] == desk.ops.bodies[1]
    assert await _audited(desk) == [("notification.replay", "Ann Smith")]


async def test_of_a_range_only_what_was_not_delivered_is_told_once_more(desk: Desk, place: Workplace) -> None:
    await desk.open("a")
    await desk.turn()
    began = desk.clock.now()
    desk.ops.next(*[500] * 10)
    await desk.open("b", fingerprint="other")
    await desk.turn()
    for wait in DELAYS_S:
        desk.clock.advance(wait)
        await desk.send()
    first, second = desk.ops.ids[0], desk.ops.ids[-1]
    desk.ops.forget()
    planned = await notifications.replay_deliveries(place, ADMIN, "ops", since=0.0, plan=True)
    assert planned.events == [second]
    await desk.send()
    assert desk.ops.ids == []
    assert await _audited(desk) == []
    everything: dict[str, Any] = {"since": 0.0, "delivered": True, "plan": True}
    assert (await notifications.replay_deliveries(place, ADMIN, "ops", **everything)).events == [first, second]
    before = await notifications.replay_deliveries(place, ADMIN, "ops", until=began + 1, delivered=True, plan=True)
    assert before.events == [first]
    await notifications.replay_deliveries(place, ADMIN, "ops", since=began)
    await desk.send()
    assert desk.ops.ids == [second]


async def test_what_is_not_there_is_told(desk: Desk, place: Workplace) -> None:
    with pytest.raises(notifications.NoSuchChannel, match="there are ops, duty, log"):
        await notifications.try_channel(place, ADMIN, "nobody")
    with pytest.raises(notifications.NoSuchChannel):
        await notifications.list_deliveries(place, ADMIN, channel="nobody")
    with pytest.raises(InputError, match="a range of time"):
        await notifications.replay_deliveries(place, ADMIN, "ops")


@pytest.mark.parametrize("role", list(Role))
async def test_only_who_configures_or_manages_may(place: Workplace, role: Role) -> None:
    who = principal(role)
    asked: list[Callable[[], Awaitable[object]]] = [
        lambda: notifications.list_channels(place, who),
        lambda: notifications.list_deliveries(place, who),
        lambda: notifications.try_channel(place, who, "ops"),
        lambda: notifications.replay_deliveries(place, who, "ops", since=0.0),
    ]
    for ask in asked:
        if role in (Role.ADMIN, Role.INTEGRATOR):
            await ask()
        else:
            with pytest.raises(NotAllowed):
                await ask()
