"""ADR 0191, 0193: whatever waits for another record, for other tasks or for its time is seen, with a way to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.access.rights import Principal, Role, local
from gateway.config import Config
from gateway.console.rendering import environment, moment
from gateway.storage.database import Database
from gateway.sync.batch import Topology
from gateway.sync.operator import discard
from gateway.work import records
from gateway.work.records import Why
from gateway.work.waiting import awaited_in_words, tasks_in_words
from gateway.work.workplace import Workplace
from mappings.tasks import Due
from tests.scenarios.test_parents import parts
from tests.support.fanning import JOB, fanned, flows_of, plan_of

ADA = local("ada")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """What is read does not depend on the kind of database."""
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


def place_of(database: Database, topology: Topology, now: Any) -> Workplace:
    kinds = {
        name: SimpleNamespace(type=SimpleNamespace(type=flow.type, fields={})) for name, flow in topology.flows.items()
    }
    config = cast(Config, SimpleNamespace(flows=kinds, connections={"a": None, "b": None}))
    return Workplace(database=database, config=config, topology=topology, now=now)


async def why(place: Workplace, key: str, who: Principal = ADA, system: str = "a") -> Why:
    found = await records.why(place, who, system, "-", key)
    assert found is not None
    return found


async def test_a_child_tells_whom_it_waits_for_since_when_and_until_when(url: str) -> None:
    async with parts(url) as w:
        place = place_of(w.g.database, w.g.decider.topology, w.g.clock.now)
        low = w.a.create(x="low", parent="a99")
        await w.g.settle()
        began = w.g.clock.now()
        said = await why(place, low)
        (waits,) = said.waiting.awaits
        assert (said.in_step, said.code) == (False, "awaits")
        assert (waits.connection, waits.field, waits.value, waits.at, waits.creates) == (
            "b",
            "parent",
            "a:thing:a99",
            None,
            True,
        )
        assert (waits.since, waits.until) == (began, began + 3600) and not waits.case
        assert said.sentence.startswith("is not made in b until a:thing:a99 (not seen yet), which its parent names")
        other = w.a.create(x="other", parent=low)
        await w.g.settle()
        (waits,) = (await why(place, other)).waiting.awaits
        assert waits.at is not None and (waits.at.system, waits.at.key) == ("a", low)
        narrow = Principal(id="user:n", name="n", roles=frozenset({Role.VIEWER}), connections=frozenset({"b"}))
        assert await records.why(place, narrow, "a", "-", other) is None
        await w.looked(4000)
        late = await why(place, low)
        assert late.waiting.awaits[0].case and late.code in ("held", "awaits") and late.cases
        shown = await records.show(place, ADA, "a", "-", low)
        assert shown is not None and [each["field"] for each in shown["awaits"]] == ["parent"]
        case = next(each for each in await w.g.cases() if each.number in late.cases)
        await w.g.decider.decide(case.record, lambda unit: discard(unit, "b", case.key, actor="nadia"))
        await w.g.settle()
        await w.looked()
        assert (await why(place, low)).waiting.awaits == ()


async def test_tasks_tell_what_they_wait_for_and_where_the_others_are(url: str) -> None:
    plan = plan_of()
    later = replace(plan.tasks["second"], due=Due("", 3600.0))
    plan = replace(plan, tasks={**plan.tasks, "second": later})
    async with fanned(url, plan=plan) as w:
        topology = Topology.of(flows_of(w.a, w.b, plan))
        place = place_of(w.g.database, topology, w.g.clock.now)
        job = w.a.create(**JOB)
        await w.g.settle()
        began = w.g.clock.now()
        said = await why(place, job)
        tasks = {each.task: each for each in said.waiting.tasks}
        first, second, last = (tasks[f"chores.{name}"] for name in ("first", "second", "last"))
        assert (first.standing, second.standing, last.standing) == ("made", "waiting", "waiting")
        assert first.at is not None and (first.at.system, first.at.key) == ("b", w.chore("first").id)
        assert (second.since, second.due, second.after) == (began, began + 3600, ())
        assert (last.since, last.due, last.after) == (None, None, ("chores.first", "chores.second"))
        task = await why(place, w.chore("first").id, system="b")
        assert task.waiting.made_of is not None and task.waiting.made_of.record == said.record
        words = tasks_in_words(said.waiting, moment)
        assert words[1] == "task chores.last waits for chores.first, chores.second"
        assert words[0].startswith(f"task chores.second is made at {moment(began + 3600)}, waits for its time since")
        page = environment().from_string(
            '{% from "shapes.html" import shape, when, ago %}{% include "record_waiting.html" %}'
        )
        text = page.render(waiting=said.waiting, now=w.g.clock.now())
        assert "chores.first, chores.second" in text and f'href="/r/b/thing/{first.at.key}"' in text
        await w.end("first")
        assert [each.after for each in (await why(place, job)).waiting.tasks if each.task == "chores.last"] == [
            ("chores.second",)
        ]
        assert awaited_in_words(said.waiting, moment) == []
