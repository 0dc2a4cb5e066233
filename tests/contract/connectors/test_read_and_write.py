"""Every connector: what is written is found, read and told by history; comments cross once."""

from __future__ import annotations

import pytest

from connectors.contract.errors import Refused
from connectors.contract.values import ItemDraft, Receipt, Ref, VersionKind, WriteKind
from tests.contract.connectors.bench import Bench


async def made(at: Bench, title: str = "printer on fire", **more: object) -> Receipt:
    return await at.connector.apply(at.write(WriteKind.CREATE, values=at.fragment(title), **more))


def draft(origin: str = "elsewhere:4711", kind: str = "comment") -> ItemDraft:
    return ItemDraft(
        kind=kind, body="please hurry\n\nsecond", author="Bob", at=0.0, origin=origin, origin_label="Elsewhere"
    )


async def test_check_passes_on_a_healthy_system(at: Bench) -> None:
    found = await at.connector.check()
    assert [f"{each.proves}: {each.detail}" for each in found if not each.ok] == []
    assert {"sign-in"} <= {each.proves for each in found}


async def test_check_says_what_is_wrong_instead_of_raising(at: Bench) -> None:
    user = at.person("lockstep")
    wrong = at.connect(auth={"basic": {"user": user, "password": "wrong"}})
    found = await wrong.check()
    await wrong.close()
    assert [each.ok for each in found if "sign-in" in each.proves] == [False]
    assert "wrong" not in "".join(each.detail for each in found)


async def test_create_is_found_by_its_marker_and_read(at: Bench) -> None:
    receipt = await made(at, correlation="0190-abc")
    assert await at.connector.find(at.object, "0190-abc") == [receipt.ref]
    assert await at.connector.find(at.object, "0190-ab") == []
    snapshot = await at.connector.read(receipt.ref)
    assert (snapshot.exists, snapshot.correlation, snapshot.key) == (True, "0190-abc", receipt.ref.key)
    assert at.title(snapshot.raw) == "printer on fire"
    assert "0190-abc" not in str(snapshot.raw), "the marker is ours and not part of what mappings see"


async def test_absent_object_reads_as_not_existing(at: Bench) -> None:
    number = "0" * 32 if at.system == "servicenow" else "999999"
    assert (await at.connector.read(Ref(object=at.object, id=number))).exists is False


async def test_update_stores_and_the_version_moves_as_declared(at: Bench) -> None:
    receipt = await made(at)
    before = await at.connector.read(receipt.ref)
    told = await at.connector.apply(at.write(WriteKind.UPDATE, ref=receipt.ref, values=at.fragment("all good")))
    after = await at.connector.read(receipt.ref)
    assert at.title(after.raw) == "all good"
    if at.connector.specs[at.object].version_kind is VersionKind.COUNTER:
        assert after.version == (before.version or 0) + 1 == told.version
        assert told.snapshot is not None
        assert told.snapshot.raw == after.raw
    else:
        assert after.version is None
        assert (after.updated_at or 0) >= (before.updated_at or 0)


async def test_find_by_compares_exactly(at: Bench) -> None:
    receipt = await made(at, "printer on fire")
    await made(at, "printer on fire again")
    assert await at.connector.find_by(at.object, at.fragment("printer on fire")) == [receipt.ref]
    assert await at.connector.find_by(at.object, at.fragment("printer")) == []


async def test_history_tells_our_edits_from_others(at: Bench) -> None:
    receipt = await made(at)
    since = (await at.connector.read(receipt.ref)).updated_at or 0.0
    await at.edit(receipt.ref.id, "by a person")
    await at.connector.apply(at.write(WriteKind.UPDATE, ref=receipt.ref, values=at.fragment("by us")))
    entries = [each for each in await at.connector.history(receipt.ref, since) if at_title(at, each.after)]
    assert [(at_title(at, each.before), at_title(at, each.after), each.by_us) for each in entries] == [
        ("printer on fire", "by a person", False),
        ("by a person", "by us", True),
    ]
    assert entries[0].actor == at.user
    if at.connector.specs[at.object].version_kind is VersionKind.COUNTER:
        assert [each.version for each in entries] == [1, 2]


def at_title(at: Bench, fragment: object) -> str:
    try:
        return at.title(fragment)
    except KeyError:
        return ""


async def test_read_tells_whose_the_last_edit_was(at: Bench) -> None:
    receipt = await made(at)
    await at.connector.apply(at.write(WriteKind.UPDATE, ref=receipt.ref, values=at.fragment("by us")))
    assert (await at.connector.read(receipt.ref)).by_us is True
    await at.edit(receipt.ref.id, "by a person")
    snapshot = await at.connector.read(receipt.ref)
    assert (snapshot.by_us, snapshot.actor) == (False, at.user)


async def test_assignee_is_written_by_email_and_cleared(at: Bench) -> None:
    receipt = await made(at)
    for email in ("bob@example.com", None):
        await at.connector.apply(at.write(WriteKind.UPDATE, ref=receipt.ref, values=at.assigned(email)))
        assert at.assignee((await at.connector.read(receipt.ref)).raw) == email


async def test_assignee_in_history_shows_the_email(at: Bench) -> None:
    receipt = await made(at)
    await at.connector.apply(at.write(WriteKind.UPDATE, ref=receipt.ref, values=at.assigned("bob@example.com")))
    last = (await at.connector.history(receipt.ref, 0.0))[-1]
    assert at.assignee(last.after) == "bob@example.com"
    assert at.assignee(last.before) is None


async def test_unknown_assignee_is_refused_before_any_write(at: Bench) -> None:
    receipt = await made(at)
    seen = len(await at.log())
    write = at.write(WriteKind.UPDATE, ref=receipt.ref, values=at.assigned("nobody@example.com"))
    with pytest.raises(Refused) as refused:
        await at.connector.apply(write)
    assert list(refused.value.fields) == ["assigned_to" if at.system == "servicenow" else "assignee"]
    assert len(await at.log()) == seen


async def test_comment_is_appended_once_and_tells_its_origin(at: Bench) -> None:
    receipt = await made(at)
    await at.connector.apply(at.write(WriteKind.ITEM, ref=receipt.ref, item=draft()))
    await at.comment(receipt.ref.id, "on my way")
    items = (await at.connector.read(receipt.ref, items=True)).items
    assert items is not None
    assert {(each.body, each.origin) for each in items} == {
        ("please hurry\n\nsecond", "elsewhere:4711"),
        ("on my way", None),
    }
    assert {each.author for each in items if each.origin is None} == {"Ann Archer"}
    assert len({each.id for each in items}) == len(items) == 2


async def test_objects_are_not_looked_at_for_comments_unless_asked(at: Bench) -> None:
    receipt = await made(at)
    assert (await at.connector.read(receipt.ref)).items is None
