"""Drafts of connections: kept for whoever comes back, changed against what was seen, forgotten with their secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.access.rights import NotAllowed
from gateway.credentials.tables import secret
from gateway.work import drafts
from gateway.work.drafts import DraftMoved, DraftRefused, Tested
from tests.support.versions import ADA, INES, shelf, who

FILES = {"register.yaml": "connections: {desk: {connector: desk}}\n"}


async def test_one_leaves_and_another_goes_on(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        place = stand.place
        first = await drafts.begin_draft(place, INES, "desk", FILES, "settings")
        tested = Tested(at=1.0, findings=({"proves": "read", "ok": True},))
        seen = await drafts.save_draft(place, INES, first, tested=tested, step="test")
        assert (await drafts.get_draft(place, ADA, first.id)) == seen and seen.tested.passed
        later = await drafts.save_draft(place, ADA, seen, files={**FILES, "x.yaml": "mapping: x\n"}, placed=3)
        assert (later.revision, later.by_name, later.placed) == (3, ADA.name, 3)
        assert not later.tested.passed, "other files were never tested"
        with pytest.raises(DraftMoved, match=ADA.name):
            await drafts.save_draft(place, INES, seen, step="live")
        assert [each.name for each in await drafts.list_drafts(place, INES)] == ["desk"]


async def test_a_name_is_taken_once(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        place = stand.place
        await drafts.begin_draft(place, INES, "desk", FILES, "settings")
        with pytest.raises(DraftRefused, match="go on with that draft"):
            await drafts.begin_draft(place, ADA, "desk", FILES, "settings")
        taken = next(iter(place.config.connections))
        with pytest.raises(DraftRefused, match="there is a connection"):
            await drafts.begin_draft(place, ADA, taken, FILES, "settings")
        with pytest.raises(DraftRefused, match="too long"):
            await drafts.begin_draft(place, ADA, "big", {"x.yaml": "x" * 1_000_001}, "settings")


async def test_secrets_are_sealed_and_go_with_the_draft(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        place = stand.place
        draft = await drafts.begin_draft(place, INES, "desk", FILES, "signin")
        for value in ("wrong-secret-of-the-test", "right-secret-of-the-test"):
            await drafts.keep_secrets(place, INES, draft, {"token": value})
        assert await drafts.kept_secrets(place, INES, draft) == ["token"]
        async with place.database.read() as tx:
            (row,) = (await tx.execute(select(secret).where(secret.c.connection == "desk"))).mappings().all()
        assert row["next"] is None, "the last one is in use at once: nothing runs with it"
        assert "secret-of-the-test" not in json.dumps(dict(row))
        await drafts.drop_draft(place, INES, draft)
        assert await drafts.get_draft(place, INES, draft.id) is None
        assert await drafts.kept_secrets(place, INES, draft) == []


async def test_only_who_configures_sees_them(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        place = stand.place
        vic = who("vic")
        with pytest.raises(NotAllowed):
            await drafts.list_drafts(place, vic)
        with pytest.raises(NotAllowed):
            await drafts.begin_draft(place, vic, "desk", FILES, "settings")
