"""Text that a vendor controls: too long for a column, with NUL, or both. PostgreSQL refuses what SQLite takes."""

from __future__ import annotations

import msgspec
import pytest

from connectors.contract.errors import Refused
from connectors.contract.values import Write
from tests.scenarios.world_of_two import START, two

LONG = "k" * 5_000
NUL = "nul\x00inside"


@pytest.mark.parametrize("key", [LONG, NUL, "é" * 299 + "\x00x"], ids=["long", "nul", "both"])
async def test_a_natural_key_of_any_text_names_one_record(store_url: str, key: str) -> None:
    async with two(store_url, linked=False, natural="x", read_before_write=True) as w:
        w.a.create(**{**START, "x": key})
        w.b.create(**{**START, "x": key})
        await w.g.settle()
        (record,) = await w.g.records()
        assert record.fields["x"].now.value == key, "only the look-up is shortened"
        assert {held.id for held in record.members.values()} == {*w.a.things, *w.b.things}
        other = key[:-1] + "z"
        w.a.create(**{**START, "x": other})
        await w.g.settle()
        assert len(await w.g.records()) == 2, "another key, also where only its end differs"


async def test_field_values_and_comments_of_any_text_cross(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_a(x=NUL, tags=["p", NUL])
        w.a.comment(w.ai, "said " + NUL)
        await w.g.settle()
        assert w.shown(w.b)["x"] == NUL
        assert [item.body for item in w.b.things[w.bi].items] == ["said " + NUL]
        w.edit_a(y="1" + NUL)
        w.edit_b(y="2" + NUL)
        await w.g.settle()
        assert [case.cause for case in await w.g.cases()] == ["conflict.manual"]


async def test_an_error_of_any_text_becomes_a_case(store_url: str) -> None:
    async with two(store_url) as w:

        def refuse(write: Write) -> None:
            raise Refused("no: " + NUL + LONG, status=400, fields={"x": NUL})

        w.b.answer = refuse
        w.edit_a(x="1")
        await w.g.settle()
        (case,) = await w.g.cases()
        assert "\x00" not in case.title


async def test_a_key_for_people_is_shortened_where_it_is_read(store_url: str) -> None:
    async with two(store_url) as w:
        plain = w.b._snapshot

        def named(thing: object, **options: object) -> object:
            return msgspec.structs.replace(plain(thing, **options), key=NUL + LONG)  # type: ignore[arg-type]

        w.b._snapshot = named  # type: ignore[assignment]
        w.edit_a(x="1")
        await w.g.settle()
        assert w.agree()
        w.b.delete(w.bi)
        gone = [msgspec.structs.replace(c, snapshot=msgspec.structs.replace(c.snapshot, key="B-1")) for c in w.b.take()]
        await w.g.bring(gone)
        await w.g.settle()
        assert (await w.g.member("b")).link == "gone", "the link's row was written"


async def test_a_value_no_database_takes_is_a_case_and_holds_nothing_up(store_url: str) -> None:
    """Should anything unfit pass all doors: it is no outage of the database, and what stands behind it goes on."""
    async with two(store_url) as w:
        w.edit_a(x="1")
        (change,) = w.a.take()
        unfit = msgspec.structs.replace(change, via="poll", delivery_key=f"{change.delivery_key}\x00")
        w.edit_a(x="2")
        (behind,) = w.a.take()
        try:
            await w.g.bring([unfit, behind])
        finally:
            await w.g.settle()
        assert w.shown(w.b)["x"] == "2"
