"""A look at personal values in clear is in the trail; who may not have it gets masks, and no row."""

from __future__ import annotations

from gateway.access.rights import Role
from gateway.work.personal import SAME_LOOK_S, seen
from gateway.work.workplace import Workplace
from tests.support.access import Time, audited, principal

RECORD = {"fields": [{"field": "caller", "value": "Ada"}, {"field": "summary", "value": "printer"}]}


async def test_a_look_in_clear_is_audited_once(place: Workplace, time: Time) -> None:
    bob = principal("bob", Role.OPERATOR)
    for ahead in (0, 1, SAME_LOOK_S - 1):
        time.at += ahead
        assert await seen(place, bob, RECORD, record="rec_1") == RECORD
        time.at -= ahead
    assert await audited(place.database) == [("personal_seen", "bob")]
    await seen(place, principal("eve", Role.APPROVER), RECORD, record="rec_1")
    await seen(place, bob, RECORD, record="rec_2")
    time.at += SAME_LOOK_S
    await seen(place, bob, RECORD, record="rec_1")
    assert len(await audited(place.database)) == 4


async def test_no_look_no_row(place: Workplace) -> None:
    bob = principal("bob", Role.OPERATOR)
    masked = await seen(place, principal("vic", Role.VIEWER), RECORD, record="rec_1")
    assert masked["fields"][0]["value"] == "***"
    assert (await seen(place, bob, RECORD, record="rec_1", show=False))["fields"][0]["value"] == "***"
    plain = {"fields": [{"field": "summary", "value": "printer"}]}
    assert await seen(place, bob, plain, record="rec_1") == plain
    assert await audited(place.database) == []
