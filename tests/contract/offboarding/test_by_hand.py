"""What no program can end: people do it, say so, and are not asked again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from connectors.contract.access import GrantKind
from gateway.access.rights import NotAllowed, Principal
from gateway.audit.tables import audit
from gateway.offboarding.values import StepState, SystemState
from gateway.work import leaver_acts as acts
from gateway.work import (
    leaver_files,
    leaver_telling,
    leavers,
)
from gateway.work.leaver_views import LeaverStep
from gateway.work.workplace import Workplace
from tests.contract.offboarding.people import READER, WATCH, ann, refused
from tests.support.leaving import DAY, House


async def test_by_hand_is_done_with_evidence_and_read_back_where_that_is_possible(
    home: House, place: Workplace
) -> None:
    home.systems["wiki"].reasons[GrantKind.GROUP] = "only its owner can"
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    await home.run(60)
    steps = {each.kind: each for each in (await leavers.get_leaver(place, WATCH, "1")).steps}
    group, badge = steps["group"], steps["hand"]
    assert group.state == badge.state == "by hand" and badge.owner == "Facilities"
    assert await refused(acts.done_by_hand(place, WATCH, "1", group.id, note_text=" ")) == "leaver.unfit"
    html = acts.done_by_hand(place, WATCH, "1", badge.id, note_text="", file_name="x.html", content=b"<html>")
    assert await refused(html) == "leaver.unfit"
    await acts.done_by_hand(place, WATCH, "1", badge.id, note_text="", file_name="a b.txt", content=b"got it")
    # What is said and is not so comes back.
    await acts.done_by_hand(place, WATCH, "1", group.id, note_text="removed")
    await home.run(60)
    assert (await home.steps())["wiki/group:staff"].state == "hand"
    home.systems["wiki"].grants["a1"] = []
    await acts.done_by_hand(place, WATCH, "1", group.id, note_text="removed now")
    await home.run(60)
    detail = await leavers.get_leaver(place, WATCH, "1")
    assert detail.leaver.state == "done"
    (handed_in,) = [each.file for each in detail.steps if each.connection == "badge"]
    shown = await leaver_files.read_file(place, WATCH, "LV-1", handed_in)
    assert (shown.name, shown.media_type, shown.content) == ("a b.txt", "text/plain", b"got it")
    shop_only = Principal(id="user:sue", name="sue", roles=WATCH.roles, connections=frozenset({"shop"}))
    for who, number, file in ((WATCH, "2", handed_in), (WATCH, "1", "lf0"), (shop_only, "1", handed_in)):
        assert await refused(leaver_files.read_file(place, who, number, file)) == "leaver.not_found"
    with pytest.raises(NotAllowed):
        await leaver_files.read_file(place, READER, "1", handed_in)
    async with place.database.read() as tx:
        looks = select(audit.c.actor, audit.c.cause).where(audit.c.kind == "leaver_file_read")
        assert [tuple(row) for row in await tx.execute(looks)] == [("eve", "LV-1")]
    proofs = [each for each in detail.evidence if each.kind == "by_hand"]
    whole = await leavers.leaver_evidence(place, WATCH, "1", proofs[0].id)
    assert len(proofs) == 3 and whole["content"]["by"] == "eve" and whole["digest"] == proofs[0].digest
    again = acts.done_by_hand(place, WATCH, "1", badge.id, note_text="again")
    assert await refused(again) == "leaver.refused"


async def test_a_system_that_left_the_configuration_is_a_persons_once_it_is_due(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home, last_day="2023-11-20"))
    await home.run(60)  # looked at ahead: an account with a group there, and none in the shop
    worker = home.worker()
    worker.systems = {}
    begins = (await home.leaver()).ends_at - home.clock.now()

    async def there() -> dict[str, StepState]:
        return {name: each.state for name, each in (await home.steps()).items() if each.connection == "wiki"}

    await home.run(begins + 600, worker=worker)
    assert set((await there()).values()) == {StepState.WAITING}
    await home.run(DAY, worker=worker)
    assert await there() == {"wiki/group:staff": StepState.HAND, "wiki/account:ann": StepState.HAND}
    for each in (await home.steps()).values():
        if each.connection == "wiki":
            await acts.done_by_hand(place, WATCH, "1", each.id, note_text="ended in the old system itself")
            await home.run(60, worker=worker)
    assert set((await there()).values()) == {StepState.DONE}
    assert {name: each.state for name, each in (await home.places()).items()}["wiki"] is SystemState.OVER


async def test_a_recheck_asks_nobody_again_for_what_was_done_by_hand(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    await home.run(60)
    (badge,) = [each for each in (await leavers.get_leaver(place, WATCH, "1")).steps if each.connection == "badge"]
    await acts.done_by_hand(place, WATCH, "1", badge.id, note_text="handed in")
    await home.run(60)
    assert (await leavers.get_leaver(place, WATCH, "1")).leaver.state == "done"
    await acts.recheck_leaver(place, WATCH, "1")
    await home.run(60)
    again = await leavers.get_leaver(place, WATCH, "1")
    assert again.leaver.state == "done"
    assert {each.connection: each.state for each in again.leaver.systems}["badge"] == "done by hand"
    nothing = acts.recheck_leaver(place, WATCH, "1", connection="badge")
    assert await refused(nothing) == "leaver.refused"


async def test_a_system_that_people_saw_to_is_asked_again_and_keeps_what_they_said(
    home: House, place: Workplace
) -> None:
    """Its connector cannot end access: all of it is one step by hand, also when it is looked at once more."""
    wish = ann(home)
    worker = home.worker()
    worker.systems = {**worker.systems, "shop": replace(worker.systems["shop"], connector=object())}
    worker.wanted = frozenset({"shop"})
    home.first = worker
    await leaver_telling.tell_leaver(place, WATCH, wish)
    await home.run(60)

    async def shop() -> list[LeaverStep]:
        return [each for each in (await leavers.get_leaver(place, WATCH, "1")).steps if each.connection == "shop"]

    (task,) = await shop()
    await acts.done_by_hand(place, WATCH, "1", task.id, note_text="all of it is off")
    await acts.recheck_leaver(place, WATCH, "1", connection="shop")
    await home.run(60)
    assert [(each.id, each.state) for each in await shop()] == [(task.id, "done by hand")]
    assert (await home.places())["shop"].state is SystemState.OVER
