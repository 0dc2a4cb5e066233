"""Publishing asks for green tests, a backtest of exactly this text, and a second person; then the next start has it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from connectors.contract.errors import ConfigError
from gateway.access.rights import NotAllowed, Role
from gateway.app.published import with_published
from gateway.config import load
from gateway.versions import store
from gateway.versions.errors import MappingMoved, NotPublishable, OwnWork, UnknownVersion
from gateway.versions.store import Version
from gateway.work import mapping_backtests, mapping_publishing, mapping_trials, mapping_versions
from gateway.work.mapping_backtests import Range
from mappings.loader import TYPES
from tests.support.running import ENVIRONMENT
from tests.support.versions import ADA, INES, IVAN, OMAR, Facts, Shelf, shelf, who

NAME = "servicenow-incident"
BY_DATABASE = "mappings: {managed_by: database}\n"


def _newer(stand: Shelf, *changes: tuple[str, str], number: int = 2) -> Version:
    text = (stand.folder / "snow.yaml").read_text().replace("version: 1", f"version: {number}")
    for before, after in changes or (("max_length: 160", "max_length: 150"),):
        assert before in text
        text = text.replace(before, after)
    return mapping_trials.candidate(stand.place, text, by="ines", origin="new.yaml")


async def _tried(stand: Shelf, version: Version) -> Facts:
    times = Range(since=0, until=stand.at)
    found = await mapping_backtests.backtest(stand.place, INES, version, times)
    await mapping_publishing.backtested(stand.place, INES, version, found)
    return await mapping_publishing.standing(stand.place, INES, mapping_versions.ref_of(version))


async def test_files_stay_the_source_and_publishing_says_what_to_do_with_them(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        found = await _tried(stand, _newer(stand))
        (lacking,) = found["lacking"]
        assert "snow.yaml" in lacking and "managed_by: database" in lacking
        with pytest.raises(NotPublishable, match=r"managed by files: put this text into .*snow\.yaml"):
            await mapping_publishing.publish(stand.place, INES, found["ref"], expected=found["revision"])
        assert await stand.audited("mapping_published") == []


async def test_what_is_published_is_used_from_the_next_start_on(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path, extra=BY_DATABASE) as stand:
        await stand.start()
        version = _newer(stand, ("reads: [u_labels]", "reads: [u_labels, u_more]"))
        found = await _tried(stand, version)
        assert found["lacking"] == []
        done = await mapping_publishing.publish(stand.place, INES, found["ref"], expected=found["revision"])
        assert not done["in_use"] and "from the next start of each gateway on, at incidents/snow" in done["next"]
        again = await mapping_publishing.publish(stand.place, INES, found["ref"], expected=found["revision"])
        assert again["published"] and len(await stand.audited("mapping_published")) == 1, "said twice it is the same"
        config = await with_published(load(stand.file, ENVIRONMENT), stand.database)
        member = config.flows["incidents"].members["snow"]
        assert member.mapping.digest == version.digest and member.text == version.text
        assert config.flows["incidents"].members["jira"].mapping.version == 1
        assert "u_more" in config.connections["snow"].settings.options["fields"], "the connector is told what it reads"


async def test_nothing_is_published_unseen(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path, extra=BY_DATABASE) as stand:
        await stand.start()
        version = _newer(stand, ("path: short_description", "path: short"))
        with pytest.raises(UnknownVersion):
            await mapping_publishing.publish(stand.place, INES, mapping_versions.ref_of(version), expected=1)
        found = await _tried(stand, version)
        assert len(found["lacking"]) == 1 and "its tests are not green" in found["lacking"][0]
        with pytest.raises(NotPublishable, match="tests are not green"):
            await mapping_publishing.publish(stand.place, INES, found["ref"], expected=found["revision"])
        seen = await _tried(stand, _newer(stand))
        other = _newer(stand, ("max_length: 160", "max_length: 140"))
        async with stand.database.begin() as tx:
            await store.keep(tx, other)
        with pytest.raises(NotPublishable, match="nobody saw a backtest of exactly this text"):
            await mapping_publishing.publish(
                stand.place, INES, mapping_versions.ref_of(other), expected=seen["revision"]
            )


async def test_a_second_person_has_to_approve_where_the_flow_asks_for_it(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path, extra=BY_DATABASE) as stand:
        stand.file.write_text(
            stand.file.read_text().replace("type: incident\n", "type: incident\n    approve_mappings: true\n", 1)
        )
        await stand.start()
        found = await _tried(stand, _newer(stand))
        ref, digest, revision = found["ref"], found["digest"], found["revision"]
        assert found["approval"]["needed"] and "another person has to approve it" in found["lacking"][0]
        with pytest.raises(NotPublishable):
            await mapping_publishing.publish(stand.place, INES, ref, expected=revision)
        both = who("ines", Role.INTEGRATOR, Role.APPROVER)
        with pytest.raises(OwnWork):
            await mapping_publishing.approve(stand.place, both, ref, digest=digest)
        with pytest.raises(NotAllowed):
            await mapping_publishing.approve(stand.place, IVAN, ref, digest=digest)
        with pytest.raises(MappingMoved):
            await mapping_publishing.approve(stand.place, OMAR, ref, digest="0" * 64)
        omar = who("omar", Role.INTEGRATOR, Role.APPROVER)
        approved = await mapping_publishing.approve(stand.place, omar, ref, digest=digest)
        assert approved["lacking"] == [] and approved["approval"]["by"] == "omar"
        await mapping_publishing.approve(stand.place, omar, ref, digest=digest)
        assert len(await stand.audited("mapping_approved")) == 1
        with pytest.raises(OwnWork):
            await mapping_publishing.publish(stand.place, omar, ref, expected=revision)
        tried = [row["detail"]["tried"] for row in await stand.audited("mapping_self_approval")]
        assert tried == ["approve", "publish"], "an attempt is undone, and told"
        done = await mapping_publishing.publish(stand.place, IVAN, ref, expected=revision)
        assert done["published"]


async def test_whoever_looked_at_another_current_version_is_told(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path, extra=BY_DATABASE) as stand:
        await stand.start()
        first = await _tried(stand, _newer(stand))
        second = await _tried(stand, _newer(stand, ("max_length: 160", "max_length: 140"), number=3))
        await mapping_publishing.publish(stand.place, INES, first["ref"], expected=first["revision"])
        with pytest.raises(MappingMoved, match="look again"):
            await mapping_publishing.publish(stand.place, IVAN, second["ref"], expected=second["revision"])
        done = await mapping_publishing.publish(stand.place, IVAN, second["ref"], expected=second["revision"] + 1)
        assert done["published"]
        config = await with_published(load(stand.file, ENVIRONMENT), stand.database)
        assert config.flows["incidents"].members["snow"].mapping.version == 3
        used = msgspec.structs.replace(stand.place, config=config)
        await mapping_versions.remember(used, by="worker-2")
        published = await stand.audited("mapping_published")
        ended = {row["closes"]: row["outcome"] for row in await stand.audited("mapping_used")}
        assert [row["outcome"] for row in published] == ["open", "open"]
        assert sorted(ended.get(row["id"], "") for row in published) == ["applied", "superseded"]


async def test_a_published_text_that_the_types_of_today_do_not_take_stops_the_start(
    store_url: str, tmp_path: Path
) -> None:
    async with shelf(store_url, tmp_path, extra=BY_DATABASE) as stand:
        types = stand.folder / "types"
        types.mkdir()
        text = (TYPES / "incident.yaml").read_text()
        (types / "incident.yaml").write_text(text.replace("  comments:", "  site: {kind: text}\n  comments:"))
        await stand.start()
        found = await _tried(stand, _newer(stand, ("\nitems:", "\n  site: {path: location}\n\nitems:")))
        await mapping_publishing.publish(stand.place, ADA, found["ref"], expected=found["revision"])
        (types / "incident.yaml").unlink()
        with pytest.raises(ConfigError, match=r"published:\d+:\d+: error.*site"):
            await with_published(load(stand.file, ENVIRONMENT), stand.database)
