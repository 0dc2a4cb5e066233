"""Every fault switch, on both stand-ins: what the caller sees, and whether the request took effect."""

from __future__ import annotations

import aiohttp
import pytest

from tests.contract.sandbox.calling import Answer, Caller, World, document
from tests.support.waiting import until

CUT = (aiohttp.ClientError, ConnectionError)


async def _write(world: World, caller: Caller, timeout_s: float = 10) -> Answer:
    if world.domain:
        fields = {
            "project": {"key": "OPS"},
            "issuetype": {"name": "Task"},
            "summary": "s",
            "description": document("d"),
        }
        return await caller("POST", "/rest/api/3/issue", {"fields": fields}, timeout_s=timeout_s)
    return await caller("POST", "/api/now/table/incident", {"short_description": "s"}, timeout_s=timeout_s)


async def _read(world: World, caller: Caller) -> Answer:
    return await caller.get("/rest/api/3/field" if world.domain else "/api/now/table/sys_user")


async def _effects(world: World) -> int:
    return len(await world.objects())


async def _until_effects(world: World, count: int) -> None:
    async def enough() -> bool:
        return await _effects(world) >= count

    await until(enough, what=f"{count} effects")


@pytest.mark.parametrize(("kind", "effects"), [("timeout_before", 0), ("timeout_after", 1)])
async def test_timeouts_hold_the_socket_and_nothing_else(world: World, kind: str, effects: int) -> None:
    await world.arm(kind, count=1)
    ann = world.person("ann")
    with pytest.raises(TimeoutError):
        await _write(world, ann, timeout_s=0.3)
    assert await _effects(world) == effects
    assert (await _write(world, ann)).status == 201


async def test_a_held_socket_is_cut_in_the_end(world: World) -> None:
    await world.arm("timeout_before", count=1, hold_s=0.05)
    with pytest.raises(CUT):
        await _write(world, world.person("ann"))


@pytest.mark.parametrize(("kind", "effects"), [("drop_before", 0), ("drop_after", 1)])
async def test_drops_cut_the_connection(world: World, kind: str, effects: int) -> None:
    await world.arm(kind, count=1)
    with pytest.raises(CUT):
        await _write(world, world.person("ann"))
    assert await _effects(world) == effects


async def test_late_commit_takes_effect_after_the_caller_gave_up(world: World) -> None:
    await world.arm("late_commit", count=1, delay_s=1.5)
    with pytest.raises(TimeoutError):
        await _write(world, world.person("ann"), timeout_s=0.1)
    assert await _effects(world) == 0
    await _until_effects(world, 1)
    assert [entry["user"] for entry in await world.log()] == ["ann"]


@pytest.mark.parametrize(("status", "retry_after_s"), [(429, 3.0), (429, None), (500, None), (503, 2.0), (409, None)])
async def test_statuses(world: World, status: int, retry_after_s: float | None) -> None:
    await world.arm("status", count=1, status=status, retry_after_s=retry_after_s)
    answer = await _write(world, world.person("ann"))
    assert answer.status == status
    assert answer.headers.get("Retry-After") == (None if retry_after_s is None else f"{retry_after_s:g}")
    assert await _effects(world) == 0


async def test_a_refusal_says_what_it_was_armed_with(world: World) -> None:
    await world.arm("status", count=1, status=403, message="The project is archived.")
    answer = await _write(world, world.person("ann"))
    assert answer.status == 403
    assert "The project is archived." in (
        answer.json["errorMessages"] if world.domain else [answer.json["error"]["message"]]
    )


async def test_a_status_can_come_after_the_commit(world: World) -> None:
    await world.arm("status", count=1, status=502, commit=True)
    assert (await _write(world, world.person("ann"))).status == 502
    assert await _effects(world) == 1


async def test_truncated_bodies_are_no_json(world: World) -> None:
    await world.arm("truncated", count=1)
    answer = await _write(world, world.person("ann"))
    assert answer.status == 201
    with pytest.raises(ValueError, match=r"."):
        _ = answer.json
    if not world.domain:
        assert b"Transaction cancelled: maximum execution time exceeded" in answer.body
    assert await _effects(world) == 1


async def test_non_json(world: World) -> None:
    await world.arm("non_json", count=1)
    answer = await _write(world, world.person("ann"))
    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    assert await _effects(world) == 0


async def test_bad_credentials(world: World) -> None:
    await world.arm("bad_credentials", match={"actor": "gateway"})
    assert (await _write(world, world.person("lockstep"))).status == 401
    assert (await _write(world, world.person("ann"))).status == 201
    await world.nobody("DELETE", "/_sandbox/faults")
    assert (await _write(world, world.person("lockstep"))).status == 201


async def test_down_refuses_everything_for_its_seconds(world: World) -> None:
    await world.arm("down", seconds=0.5)
    for _ in range(2):
        with pytest.raises(CUT):
            await _read(world, world.person("ann"))

    async def over() -> bool:
        return bool((await world.nobody.get("/_sandbox/faults")).json["faults"] == [])

    await until(over, what="the fault to be over")
    assert (await _read(world, world.person("ann"))).status == 200


async def test_slow_answers_are_whole(world: World) -> None:
    await world.arm("slow", count=1, delay_s=0.3)
    with pytest.raises(TimeoutError):
        await _write(world, world.person("ann"), timeout_s=0.1)
    assert (await _write(world, world.person("ann"))).status == 201


@pytest.mark.parametrize(
    "match",
    [{"write": True}, {"method": "POST"}, {"path_regex": "(issue|incident)$"}, {"actor": "human", "write": True}],
)
async def test_match_narrows(world: World, match: dict[str, object]) -> None:
    await world.arm("status", status=500, match=match)
    assert (await _read(world, world.person("ann"))).status == 200
    assert (await _write(world, world.person("ann"))).status == 500


async def test_a_search_by_post_is_no_write(jira: World) -> None:
    await jira.arm("status", status=500, match={"write": True})
    found = await jira.person("ann")("POST", "/rest/api/3/search/jql", {"jql": "project = OPS"})
    assert found.status == 200


async def test_count_and_skip(world: World) -> None:
    await world.arm("status", status=500, count=2, skip=1)
    statuses = [(await _read(world, world.person("ann"))).status for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]


async def test_faults_never_meet_the_admin_api(world: World) -> None:
    await world.arm("down", seconds=60)
    assert (await world.nobody.get("/_sandbox/health")).status == 200


async def test_unknown_faults_are_refused(world: World) -> None:
    for body in ({"kind": "meteor"}, {"kind": "status", "colour": "red"}, {"kind": "slow", "match": {"verb": "GET"}}):
        assert (await world.nobody("POST", "/_sandbox/faults", body)).status == 400
