"""Departures that were too many at once: seen by who looks after people, let through by two of them."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from sqlalchemy import select

from gateway.audit.tables import audit
from gateway.config.leaver_guard import Guard
from gateway.offboarding.blast.admitting import Ask, Passage, admit
from gateway.work.trail import note
from tests.contract.api.conftest import NARROW, Place

FLOODS = "/v1/leaver-floods"
WATCH, ADMIN = "people-watch", "admin"


async def begin(place: Place, *numbers: int) -> list[int]:
    """Those that may begin, of a batch that is too large."""
    at, begun = place.run.gateway.place, []
    for number in numbers:
        async with at.database.begin("leaver.begin") as tx:
            asked = Ask(number=number, name=f"Person {number}", batch="hr.csv", of_batch=500, caused_by=("user:zoe",))
            verdict = await admit(tx, Guard(), asked, now=at.now(), note=note)
            begun += [number] if verdict.passage is Passage.PASSED else []
    return begun


def say(place: Place, role: str, what: str, *leavers: int, flood: str = "FL-1", reason: str = "seen") -> Any:
    with place.client(role, **{"Idempotency-Key": secrets.token_hex(8)}) as client:
        return client.post(f"{FLOODS}/{flood}:{what}", json={"leavers": list(leavers), "reason": reason})


def floods(place: Place) -> Any:
    with place.client(WATCH) as client:
        return client.get(FLOODS).json()


async def kinds(place: Place) -> list[str]:
    async with place.run.gateway.place.database.read() as tx:
        query = select(audit.c.kind).where(audit.c.kind.like("leaver_guard%")).order_by(audit.c.id)
        return [row[0] for row in await tx.execute(query)]


def test_two_people_let_part_go_and_refuse_the_rest(place: Place) -> None:
    assert place.await_(begin(place, 1, 2, 3)) == []
    assert [(each["label"], each["waits"]) for each in floods(place)] == [("FL-1", 3)]
    asked = say(place, WATCH, "allow", 1, 2)
    assert (asked.status_code, asked.json()["done"]) == (200, False)
    own = say(place, WATCH, "allow", reason="")
    assert (own.status_code, own.json()["code"]) == (409, "approval-own")
    assert place.await_(begin(place, 1, 2, 3)) == []
    assert say(place, ADMIN, "allow", reason="").json()["numbers"] == [1, 2]
    assert place.await_(begin(place, 1, 2, 3)) == [1, 2]
    say(place, ADMIN, "refuse")
    assert say(place, WATCH, "refuse").json()["left"] == 0
    assert floods(place) == []
    with place.client(WATCH) as client:
        people = client.get(f"{FLOODS}/FL-1").json()["people"]
        assert [each["state"] for each in people] == ["allowed", "allowed", "refused"]
        assert client.get(f"{FLOODS}/FL-99").json()["code"] == "flood-not-found"
    said = place.await_(kinds(place))
    assert said == [
        f"leaver_guard_{each}" for each in ("stopped", "asked", "self_approval", "allowed", "asked", "refused")
    ]


@pytest.mark.parametrize("role", ["operator", "viewer", NARROW])
def test_it_is_not_for_everybody(place: Place, role: str) -> None:
    assert say(place, role, "allow").status_code == 403
