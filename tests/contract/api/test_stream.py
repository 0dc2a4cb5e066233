"""Following what goes on: from a position on, in order, within the scope, by as many as there is room for."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from dead_letter.tables import case_history
from gateway.access.rights import Principal, Role, local
from gateway.api import streaming
from gateway.api.streams import MOST_OF_ONE
from gateway.storage.database import Database
from gateway.work import tokens
from gateway.work.pulse import Pulse, kept, steps_after
from tests.contract.api.conftest import NARROW, Place
from tests.support.tables import make_tables
from tests.unit.gateway.api.test_reading import Still

PATH = "/v1/stream"


class Events:
    """What a stream says, event by event."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self._lines = answer, answer.iter_lines()

    def next(self) -> dict[str, str]:
        """The next event: its fields, comments under the empty name."""
        found: dict[str, str] = {}
        for line in self._lines:
            if not line and found:
                return found
            name, _, value = line.partition(":")
            found[name] = value.strip()
        raise AssertionError("the stream ended")

    def until(self, event: str) -> dict[str, str]:
        while (found := self.next()).get("event") != event:
            pass
        return found

    def case(self, number: str) -> tuple[str, dict[str, Any]]:
        """Position and data of the next step of a case."""
        while (data := json.loads((found := self.until("case"))["data"]))["number"] != number:
            pass
        return found["id"], data


@contextmanager
def follow(place: Place, role: str = "viewer", *, topics: str = "cases", last: str = "") -> Iterator[Events]:
    headers = {"Last-Event-ID": last} if last else {}
    with (
        place.client(role, Accept="text/event-stream", **headers) as client,
        client.stream("GET", f"{PATH}?topics={topics}") as answer,
    ):
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
        assert answer.headers["X-Accel-Buffering"] == "no"
        yield Events(answer)


def test_steps_come_as_they_happen_and_again_after_a_break(place: Place) -> None:
    with follow(place) as events:
        assert events.next() == {"retry": "3000"}
        assert int(events.until("ready")["id"]) > 0
        first = place.open_case(f"LIVE-{secrets.token_hex(4)}")
        position, data = events.case(first)
        assert (data["name"], data["connection"], data["state"]) == ("opened", "jira", "open")
        assert data["at"].endswith("Z")
    missed = [place.open_case(f"MISSED-{n}-{secrets.token_hex(4)}") for n in range(3)]
    with follow(place, last=position) as events:
        heard = [events.case(number) for number in missed]
    assert sorted(int(at) for at, _ in heard) == [int(at) for at, _ in heard]
    assert [data["number"] for _, data in heard] == missed


@pytest.mark.parametrize("last", ["999999999999", "nonsense", "-1", "1.5"])
def test_a_position_that_is_gone_is_told(place: Place, last: str) -> None:
    with follow(place, last=last) as events:
        assert "load afresh" in events.until("reset")["data"]
        assert int(events.until("ready")["id"]) > 0


def test_states_are_told_whole_and_then_when_they_change(place: Place) -> None:
    with follow(place, topics="now,connections") as events:
        seen = {events.until(name)["event"]: True for name in ("connections", "now")}
        assert set(seen) == {"connections", "now"}
        before = json.loads(_now(events, place)["data"])["needs_people"]
        place.open_case(f"MORE-{secrets.token_hex(4)}")
        while json.loads(events.until("now")["data"])["needs_people"] <= before:
            pass


def _now(events: Events, place: Place) -> dict[str, str]:
    place.open_case(f"STIR-{secrets.token_hex(4)}")
    return events.until("now")


def test_what_is_out_of_scope_is_not_told(place: Place) -> None:
    with follow(place, NARROW, topics="connections") as events:
        shown = json.loads(events.until("connections")["data"])
    assert [each["name"] for each in shown] == ["snow"]
    number = place.open_case(f"HIDDEN-{secrets.token_hex(4)}")
    _, newest = place.await_(kept(place.run.gateway.database))
    for connections, wanted in ((None, True), (frozenset({"jira"}), True), (frozenset({"snow"}), False)):
        who = Principal(id="t", name="t", roles=frozenset({Role.VIEWER}), connections=connections)
        events_, told = place.await_(steps_after(place.run.gateway.place, who, newest - 1, newest, limit=10))
        assert (number in [each.number for each in events_], told) == (wanted, newest)


def test_there_is_room_for_so_many_of_one_caller(place: Place) -> None:
    with place.client("auditor") as client:
        opened = [client.send(client.build_request("GET", PATH), stream=True) for _ in range(MOST_OF_ONE)]
        try:
            assert {answer.status_code for answer in opened} == {200}
            refused = client.get(PATH)
            assert (refused.status_code, refused.json()["code"]) == (503, "streams-full")
            assert int(refused.headers["Retry-After"]) > 0
        finally:
            for answer in opened:
                answer.close()


@pytest.mark.postgres
async def test_a_step_that_commits_late_is_not_passed_over(furnished_url: str) -> None:
    database = Database(furnished_url)
    await make_tables(database)
    pulse = Pulse(database, Still())
    await pulse.look()
    await pulse.look()
    assert pulse.settled == 0
    drawn, released = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with database.begin("tests.slow") as tx:
            await tx.execute(insert(case_history).values(_step(1)))
            drawn.set()
            await released.wait()

    late = asyncio.create_task(slow())
    await drawn.wait()
    async with database.begin("tests.quick") as tx:
        await tx.execute(insert(case_history).values(_step(2)))
    for _ in range(3):
        await pulse.look()
        assert pulse.settled == 0, "the second is there, the first may still come"
    released.set()
    await late
    await pulse.look()
    assert pulse.settled == 2
    await database.close()


def _step(number: int) -> dict[str, Any]:
    texts = dict.fromkeys(("actor", "action", "choice", "reason", "proof"), "")
    return {"number": number, "at": 1.0, "name": "opened", "version": 1, "state": "open", "changed": "[]", **texts}


def test_a_stream_ends_when_its_token_is_revoked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "AGAIN_S", 0.0)
    desk, root = place.run.gateway.place, local("root")
    made = place.await_(tokens.create_token(desk, root, "follower", roles=[Role.VIEWER]))
    headers = {"Authorization": f"Bearer {made.secret}", "Accept": "text/event-stream"}
    with place.client("", **headers) as client, client.stream("GET", f"{PATH}?topics=cases") as answer:
        events = Events(answer)
        events.until("ready")
        number = place.open_case(f"FOLLOWED-{secrets.token_hex(4)}")
        assert events.case(number)[1]["name"] == "opened", "it holds while the token does"
        place.await_(tokens.revoke_token(desk, root, made.token.id))
        with pytest.raises(AssertionError, match="the stream ended"):
            events.until("a step that never comes")
