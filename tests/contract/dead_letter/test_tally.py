"""Figures of people's work: each line of the history is counted once, whoever counts; every figure has a source."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.core import Metric
from sqlalchemy import delete

from connectors.contract.errors import StorageError
from dead_letter.classify import Cause
from dead_letter.store import obsolete, open_cases
from dead_letter.tables import case_history
from dead_letter.tables import cases as rows
from dead_letter.values import NewCase
from gateway.access.rights import Role
from gateway.api.metrics import Counted, Metrics
from gateway.api.work_metrics import MOST_REASONS, OTHERS, counted
from gateway.config.siem import File, Siem
from gateway.credentials.tables import credential
from gateway.delivery.tally import Tally
from gateway.offboarding.tables import leaver
from gateway.sync import tables as t
from gateway.sync.attempts import Outcome
from gateway.work import case_tally, cases, tokens
from gateway.work.case_tally import BUCKETS, Figure, Key
from gateway.work.case_upkeep import keep_up
from gateway.work.workplace import Workplace
from tests.contract.dead_letter.place import Clock, known, person
from tests.support.cases import NOW, wish
from tests.support.feeding import sink_of

ANN = person("ann", Role.OPERATOR, Role.ADMIN)
PAGE = Path(__file__).parents[3] / "docs/reference/metrics.md"
DUPLICATE: dict[str, Any] = {"cause": Cause.OBJECT_DUPLICATE, "flow": "incidents"}


async def opened(place: Workplace, *new: NewCase) -> list[str]:
    async with place.database.begin() as tx:
        found = await open_cases(tx, new, now=NOW)
    return [found[each.key] for each in new]


async def told(place: Workplace) -> dict[Key, int]:
    async with place.database.read() as tx:
        found = await case_tally.figures(tx)
    return {(each.name, each.cause, each.connection, each.detail): each.count for each in found}


async def test_every_step_that_counts_is_counted_once(place: Workplace, clock: Clock) -> None:
    await known(place.database, ANN)
    unmapped = wish("r4", Cause.VALUE_UNKNOWN, field="priority")
    one, two, three, _ = await opened(place, wish("r1", **DUPLICATE), wish("r2"), wish("r3"), unmapped)
    await cases.act(place, ANN, one, "close", {"reason": "merged"})
    await cases.act(place, ANN, two, "assign", {"to": "bob"})
    await cases.act(place, ANN, two, "comment", {"text": "x"})
    await cases.act(place, ANN, three, "escalate", {"reason": "x"})
    async with place.database.begin() as tx:
        await obsolete(tx, [wish("r3").key], reason="the outcome was proved: seen there", now=NOW + 20)
    await opened(place, wish("r1", **DUPLICATE))
    clock.advance(10**6)
    await keep_up(place)
    found = await told(place)
    duplicate, refused = ("object.duplicate", "jira"), ("target.refused", "jira")
    assert found == {
        ("created", *duplicate, ""): 2,
        ("created", *refused, ""): 2,
        ("created", "value.unknown", "jira", ""): 1,
        ("came_back", *duplicate, ""): 1,
        ("unmapped", "value.unknown", "jira", "incidents priority"): 1,
        ("decided", *duplicate, "close"): 1,
        ("closed", *duplicate, "close person"): 1,
        ("closed", *refused, "obsolete gateway"): 1,
        ("resolved", *duplicate, "0"): 1,
        ("resolved", *refused, "0"): 1,
        ("obsolete", *refused, "the outcome was proved"): 1,
        ("reassigned", *refused, ""): 1,
        ("escalated", *refused, ""): 1,
        ("breached", *duplicate, ""): 1,
        ("breached", *refused, ""): 1,
        ("breached", "value.unknown", "jira", ""): 1,
    }
    assert await case_tally.count(place) == 0
    assert await told(place) == found


async def test_two_workers_count_together_what_there_is(place: Workplace) -> None:
    await opened(place, *(wish(f"r{n}") for n in range(40)))
    done = await asyncio.gather(*(case_tally.count(place) for _ in range(4)))
    assert sum(done) == 40
    assert await told(place) == {("created", "target.refused", "jira", ""): 40}


async def test_figures_stay_when_old_cases_are_forgotten(place: Workplace) -> None:
    await opened(place, wish("r1"), wish("r2"))
    await case_tally.count(place)
    async with place.database.begin() as tx:
        await tx.execute(delete(case_history))
        await tx.execute(delete(rows))
    await opened(place, wish("r3"))
    await case_tally.count(place)
    assert await told(place) == {("created", "target.refused", "jira", ""): 3}


async def test_how_long_it_took_falls_into_its_bucket(place: Workplace, clock: Clock) -> None:
    (number,) = await opened(place, wish("r1", **DUPLICATE))
    clock.advance(5 * 3600)
    await cases.act(place, ANN, number, "close", {"reason": "merged"})
    await case_tally.count(place)
    async with place.database.read() as tx:
        (found,) = [each for each in await case_tally.figures(tx) if each.name == "resolved"]
    assert found.seconds == pytest.approx(5 * 3600 + 10)
    assert BUCKETS[int(found.detail) - 1] < found.seconds <= BUCKETS[int(found.detail)]
    samples = {
        sample.labels["le"]: sample.value
        for family in counted([found], lambda flow, _: flow)
        for sample in family.samples
        if sample.name == "lockstep_case_resolution_seconds_bucket"
    }
    assert (samples[str(4 * 3600.0)], samples[str(8 * 3600.0)], samples["+Inf"]) == (0.0, 1.0, 1.0)


def test_reasons_are_bounded() -> None:
    """Whatever the gateway gives as reasons, a scrape has no more than so many series of them."""
    found = [
        Figure(name="obsolete", cause="c", connection="jira", detail=f"reason {n}", count=n, seconds=0.0)
        for n in range(1, 100)
    ]
    (family,) = [each for each in counted(found, lambda flow, _: flow) if each.name == "lockstep_cases_obsolete"]
    told_of = {sample.labels["reason"]: sample.value for sample in family.samples}
    assert len(told_of) == MOST_REASONS + 1
    assert told_of["reason 99"] == 99 and sum(told_of.values()) == sum(range(100)) == 4950
    assert told_of[OTHERS] == sum(range(1, 100 - MOST_REASONS))


def _documented() -> set[str]:
    return set(re.findall(r"^\| `(lockstep_\w+)` \|", PAGE.read_text(), flags=re.MULTILINE))


async def _families(place: Workplace) -> list[Metric]:
    tally = Tally()
    tally.add("jira", "update", Outcome.APPLIED, 0.2)
    said = Counted(
        received={"jira": 1},
        refused={("jira", "signature"): 1},
        ignored={},
        tally=tally,
        budgets=lambda: {"jira": 0.5},
        replayed={},
        replays={},
        unwoken=lambda: {"ValueError": 1},
    )
    return await Metrics(place, said, release="1", open=True)._families()


async def test_every_metric_that_is_declared_has_a_source_and_a_line_on_the_page(
    place: Workplace, clock: Clock
) -> None:
    await known(place.database, ANN)
    new = (wish("r1", **DUPLICATE), wish("r2"), wish("r3", Cause.VALUE_UNKNOWN, field="priority"))
    one, two, *_ = await opened(place, *new, wish("r4", Cause.CONFLICT_FLAPPING, field="priority"))
    await cases.act(place, ANN, one, "close", {"reason": "x"})
    await cases.act(place, ANN, two, "assign", {"to": "bob"})
    await cases.act(place, ANN, two, "escalate", {"reason": "x"})
    async with place.database.begin() as tx:
        await obsolete(tx, [wish("r2").key], reason="x", now=NOW + 20)
    await opened(place, wish("r1", **DUPLICATE))
    await tokens.create_token(place, ANN, "ci", roles=[Role.VIEWER], lasts_s=10**7)
    ends = {"connection": "jira", "kind": "basic", "state": "ok", "reason": "", "since": 0.0, "ends_at": NOW}
    async with place.database.begin() as tx:
        await tx.execute(credential.insert().values(ends | {"former_until": None, "token_ends_at": None}))
        leaves = {
            "person": "ann",
            "period": "1",
            "kind": "leaver",
            "state": "open",
            "batch": "",
            "guarded": "",
            "doc": "{}",
        }
        times = {"ends_at": NOW, "made_at": NOW, "due_at": NOW + 10**7}
        await tx.execute(leaver.insert().values(**leaves, **times, urgent=False, privileged=False, version=1))
    clock.advance(10**6)
    await keep_up(place)
    feeds = dataclasses.replace(place.config, siem=Siem("h", {"disk": sink_of("disk", File(Path("feed"), 1, 0))}))
    families = await _families(msgspec.structs.replace(place, config=feeds))
    empty = [each.name for each in families if not each.samples]
    assert not empty, "declared, and nothing gives it"
    names = [f"{each.name}_total" if each.type == "counter" else each.name for each in families]
    assert len(names) == len(set(names)) and set(names) == _documented()


async def test_no_label_names_a_person_a_record_or_a_case(place: Workplace) -> None:
    await known(place.database, ANN)
    (number,) = await opened(place, wish("r1", **DUPLICATE))
    await cases.act(place, ANN, number, "assign", {"to": "bob"})
    await cases.act(place, ANN, number, "close", {"reason": "bob said so"})
    await case_tally.count(place)
    labels = {text for each in await _families(place) for sample in each.samples for text in sample.labels.values()}
    assert not labels & {"ann", "bob", "r1", "OPS-1", number} and not any("bob" in text for text in labels)


async def test_the_oldest_change_that_came_in_has_an_age(place: Workplace, clock: Clock) -> None:
    row = {"id": "n1", "connection": "snow", "delivery_key": "k", "object": "incident", "object_id": "1", "rev": 0}
    row |= {"received_at": clock.now() - 90.0, "state": "hint", "disposition": "", "reason": "", "payload": "{}"}
    async with place.database.begin() as tx:
        await tx.execute(t.notice.insert().values(**row))
    (family,) = [each for each in await _families(place) if each.name == "lockstep_oldest_unfinished_age_seconds"]
    ages = {(s.labels["connection"], s.labels["direction"]): s.value for s in family.samples}
    assert ages["snow", "in"] == pytest.approx(90.0) and ages["snow", "out"] == ages["jira", "in"] == 0.0


async def test_nothing_of_the_tally_is_left_half(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies while it counts leaves all of it to the next: neither lost nor counted twice."""
    await opened(place, wish("r1"), wish("r2"))

    async def killed(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(case_tally, "_add", killed)
        with pytest.raises(StorageError):
            await case_tally.count(place)
    assert await told(place) == {}
    await case_tally.count(place)
    assert await told(place) == {("created", "target.refused", "jira", ""): 2}
