"""ADR 0192: where a system does not know the person, a group stands in by rule; never silently nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract.errors import Refused
from connectors.contract.values import Write
from gateway.audit.tables import audit
from gateway.reconcile.compare import astray
from tests.scenarios.world_of_two import COUNTER, STAMP_HISTORY, Two, first_answer, two
from tests.support.broken import rejects

DUTIES = {"a": "duty", "b": "covered"}
ANN, DAN, EVE = "ann@example.com", "dan@example.com", "eve@example.com"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """For what does not depend on the kind of database."""
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


def gone(*people: str, **others: str) -> Callable[[Write], None]:
    """These people are not known there, or inactive; `others`: values of other fields that are refused."""

    def answer(write: Write) -> None:
        if write.values.get("who") in people:
            raise Refused("who: nobody has this e-mail", status=400, fields={"who": "nobody has this e-mail"})
        for name, value in others.items():
            if write.values.get(name) == value:
                raise Refused(f"{name}: unheard of", status=400, fields={name: "unheard of"})

    return answer


@asynccontextmanager
async def duties(url: str, *, kind: dict[str, Any] = COUNTER, linked: bool = True, **more: Any) -> AsyncIterator[Two]:
    async with two(url, mappings=DUTIES, start={"who": ANN}, b=kind, linked=linked, **more) as w:
        w.b.answer = gone(DAN, EVE)
        yield w


async def audited(w: Two) -> int:
    async with w.g.database.read() as tx:
        return len((await tx.execute(select(audit.c.id).where(audit.c.kind == "fell_back"))).all())


async def test_somebody_unknown_is_covered_by_the_group(store_url: str) -> None:
    async with duties(store_url) as w:
        w.edit_a(who=DAN)
        await w.g.settle()
        assert w.shown(w.b)["who"] is None and w.shown(w.b).get("group") == "Desk"
        assert w.shown(w.a)["who"] == DAN and await w.g.canonical("who") == DAN, "nobody's choice is taken back"
        assert await w.g.cases() == [] and await audited(w) == 1
        writes = len(w.b.writes)
        await w.g.bring([w.b.poll(w.bi), w.a.poll(w.ai)])
        await w.g.settle()
        assert len(w.b.writes) == writes and w.a.writes == [], "that is all: no echo of it"
        record = (await w.g.record()).id
        assert await w.g.decider.decide(record, lambda unit: astray(unit, "b")) == [], "no difference to repair"


async def test_a_new_object_for_somebody_unknown(url: str) -> None:
    async with duties(url, linked=False) as w:
        w.a.create(x="1", who=EVE)
        await w.g.settle()
        ((_, made),) = w.b.writes
        assert made == {"x": "1", "who": None, "group": "Desk"}
        assert await w.g.cases() == []


async def test_each_person_is_tried_as_he_is_and_the_rule_follows_the_record(url: str) -> None:
    async with duties(url) as w:
        w.edit_a(who=DAN)
        await w.g.settle()
        w.edit_a(who="bob@example.com")
        await w.g.settle()
        assert w.shown(w.b)["who"] == "bob@example.com"
        w.edit_a(x="vip")
        w.edit_a(who=EVE)
        await w.g.settle()
        assert (w.shown(w.b)["who"], w.shown(w.b)["group"]) == ("vip@example.com", "Desk for vip")
        assert w.shown(w.a)["who"] == EVE and await w.g.cases() == []
        w.edit_a(who=None)
        await w.g.settle()
        assert w.shown(w.b)["who"] is None, "what a person clears is cleared"


async def test_what_a_person_of_the_group_enters_is_an_edit(url: str) -> None:
    async with duties(url) as w:
        w.edit_a(who=DAN)
        await w.g.settle()
        w.edit_b(who="cara@example.com")
        await w.g.settle()
        assert w.shown(w.a)["who"] == "cara@example.com" == w.shown(w.b)["who"]


async def test_a_system_that_fills_the_group_s_place_by_itself_is_left_alone(url: str) -> None:
    async with duties(url) as w:
        w.b.normalise = lambda name, value: "first@example.com" if name == "who" and value is None else value
        w.edit_a(who=DAN)
        await w.g.settle()
        w.edit_a(x="2")
        await w.g.settle()
        assert w.shown(w.b)["group"] == "Desk" and w.shown(w.b)["x"] == "2"
        assert await w.g.cases() == [] and len(w.b.tries) == 3


@pytest.mark.parametrize("verdict", ["lost", "late"])
@pytest.mark.parametrize("kind", [COUNTER, STAMP_HISTORY])
async def test_a_group_that_was_written_without_an_answer(url: str, verdict: str, kind: dict[str, Any]) -> None:
    async with duties(url, kind=kind) as w:
        w.edit_a(who=DAN)
        refuse, answer = gone(DAN), first_answer(verdict)

        def both(write: Write) -> str | None:
            refuse(write)
            return str(verdict) if (verdict := answer(write)) else None

        w.b.answer = both
        await w.g.settle()
        w.b.land()
        await w.g.settle()
        assert w.shown(w.b)["who"] is None and w.shown(w.b).get("group") == "Desk"
        assert w.shown(w.a)["who"] == DAN


async def test_a_group_that_is_unknown_too_is_a_case(url: str) -> None:
    async with duties(url) as w:
        w.b.answer = gone(DAN, group="Desk")
        w.edit_a(who=DAN, x="2")
        await w.g.settle()
        (case,) = await w.g.cases()
        assert (case.cause, case.field) == ("field.refused", "who")
        assert w.shown(w.b)["x"] == "2" and w.shown(w.b)["who"] == ANN, "the other fields go on, nobody is taken away"


async def test_without_a_rule_it_is_a_case(url: str) -> None:
    async with two(url, mappings={"a": "duty", "b": "duty"}, start={"who": ANN}) as w:
        w.b.answer = gone(DAN)
        w.edit_a(who=DAN)
        await w.g.settle()
        assert [case.cause for case in await w.g.cases()] == ["field.refused"]
        assert w.shown(w.b)["who"] == ANN


@pytest.mark.parametrize(
    ("mechanism", "check"),
    [
        ("FALLBACK", test_somebody_unknown_is_covered_by_the_group),
        ("GROUP", test_somebody_unknown_is_covered_by_the_group),
        ("ONE VERSION", test_each_person_is_tried_as_he_is_and_the_rule_follows_the_record),
    ],
)
async def test_a_broken_part_is_noticed(url: str, mechanism: str, check: Callable[[str], Awaitable[None]]) -> None:
    await rejects(check, mechanism, url)
