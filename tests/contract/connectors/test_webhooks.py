"""Every connector: webhooks are verified, understood, and told again under the same key."""

from __future__ import annotations

import hashlib
import hmac

import msgspec
import pytest

from connectors.contract.errors import InputError, MalformedError, SignatureError
from connectors.contract.values import Change, ChangeKind, ItemDraft, Webhook, WriteKind
from tests.contract.connectors.bench import Bench


def read(at: Bench, webhooks: list[Webhook]) -> list[Change]:
    return [change for each in webhooks for change in at.connector.receive(each).changes]


async def test_an_edit_is_told(at: Bench) -> None:
    await at.hook_here()
    made = await at.create("one")
    await at.edit(made, "two")
    changes = read(at, await at.hooks.take(2))
    assert {each.snapshot.id for each in changes} == {made}
    assert {each.kind for each in changes} <= {ChangeKind.SNAPSHOT, ChangeKind.HINT}
    assert "two" in {at.title(each.snapshot.raw) for each in changes}
    assert all(each.snapshot.by_us is False for each in changes)
    assert len({each.delivery_key for each in changes}) == 2


async def test_a_webhook_says_the_same_as_a_read(at: Bench) -> None:
    """A snapshot that differed from a read would look like a person's edit."""
    await at.hook_here()
    made = await at.create("one")
    (change,) = read(at, await at.hooks.take(1))
    assert change.kind is ChangeKind.SNAPSHOT
    fresh = await at.connector.read(at.ref(made))
    mapped = (
        ("short_description", "description", "state", "impact", "urgency", "priority", "assigned_to", "caller_id")
        if at.system == "servicenow"
        else ("summary", "description", "labels")
    )
    shown, direct = (each.raw if at.system == "servicenow" else each.raw["fields"] for each in (change.snapshot, fresh))
    assert {name: shown[name] for name in mapped} == {name: direct[name] for name in mapped}
    assert (change.snapshot.version, change.snapshot.key) == (fresh.version, fresh.key)


async def test_our_own_write_is_told_as_ours_and_with_its_marker(at: Bench) -> None:
    await at.hook_here()
    await at.connector.apply(at.write(WriteKind.CREATE, values=at.fragment("ours"), correlation="mine-1"))
    (change,) = read(at, await at.hooks.take(1))
    assert (change.snapshot.by_us, change.snapshot.correlation) == (True, "mine-1")
    assert "mine-1" not in str(change.snapshot.raw)


async def test_a_comment_is_told_as_an_item(at: Bench) -> None:
    made = await at.create("one")
    await at.hook_here()
    await at.comment(made, "hello there")
    changes = read(at, await at.hooks.take(1))
    (item,) = [item for each in changes if each.kind is ChangeKind.ITEM for item in each.snapshot.items or ()]
    assert (item.body, item.origin) == ("hello there", None)
    seen = (await at.connector.read(at.ref(made), items=True)).items
    assert [(each.id, each.body, each.version) for each in seen or ()] == [(item.id, item.body, item.version)]


async def test_our_copy_of_a_comment_is_told_with_its_origin(at: Bench) -> None:
    made = await at.create("one")
    await at.hook_here()
    item = ItemDraft(kind="comment", body="copied", author="Bob", at=0.0, origin="other:9", origin_label="Other")
    await at.connector.apply(at.write(WriteKind.ITEM, ref=at.ref(made), item=item))
    changes = read(at, await at.hooks.take(1))
    items = [item for each in changes if each.kind is ChangeKind.ITEM for item in each.snapshot.items or ()]
    assert [(each.origin, each.body) for each in items] == [("other:9", "copied")]


async def test_a_deletion_is_told(at: Bench) -> None:
    made = await at.create("one")
    await at.hook_here()
    await at.delete(made)
    (change,) = read(at, await at.hooks.take(1))
    assert (change.kind, change.snapshot.id, change.snapshot.exists) == (ChangeKind.DELETED, made, False)


async def test_a_repeat_has_the_same_key(at: Bench) -> None:
    await at.hook_here()
    await at._admin("POST", "faults", {"kind": "hook_duplicate", "count": 1})
    await at.create("one")
    first, second = (at.connector.receive(each).changes for each in await at.hooks.take(2))
    assert [each.delivery_key for each in first] == [each.delivery_key for each in second]


@pytest.mark.parametrize("spoil", ["body", "signature", "none", "unicode"])
async def test_a_webhook_with_a_wrong_signature_is_refused(at: Bench, spoil: str) -> None:
    await at.hook_here()
    await at.create("one")
    (webhook,) = await at.hooks.take(1)
    header = "x-hub-signature" if at.system == "jira" else "x-lockstep-signature"
    headers = dict(webhook.headers)
    if spoil == "none":
        del headers[header]
    elif spoil != "body":
        headers[header] = "sha256=" + "0" * 64 if spoil == "signature" else "sha256=é"
    body = webhook.body + b" " if spoil == "body" else webhook.body
    with pytest.raises(SignatureError) as got:
        at.connector.receive(msgspec.structs.replace(webhook, headers=headers, body=body))
    assert got.value.status == 401


async def test_without_a_secret_nothing_is_believed(at: Bench) -> None:
    await at.hook_here()
    await at.create("one")
    (webhook,) = await at.hooks.take(1)
    headers = dict(webhook.headers)  # as somebody signs who guesses that the secret is empty
    signed = webhook.body if at.system == "jira" else headers["x-lockstep-timestamp"].encode() + b"." + webhook.body
    header = "x-hub-signature" if at.system == "jira" else "x-lockstep-signature"
    headers[header] = "sha256=" + hmac.new(b"", signed, hashlib.sha256).hexdigest()
    open_door = at.connect(webhook_secret="")
    for each in (webhook, msgspec.structs.replace(webhook, headers=headers)):
        with pytest.raises(SignatureError) as got:
            open_door.receive(each)
        assert got.value.code == "no_secret"
    await open_door.close()


async def test_an_old_webhook_is_refused_where_its_time_is_signed(servicenow: Bench) -> None:
    await servicenow.hook_here()
    await servicenow.create("one")
    (webhook,) = await servicenow.hooks.take(1)
    late = msgspec.structs.replace(webhook, received_at=webhook.received_at + 400)
    with pytest.raises(SignatureError):
        servicenow.connector.receive(late)


async def test_late_fallout_of_a_bulk_change_is_only_a_hint(jira: Bench) -> None:
    await jira.hook_here()
    await jira._admin("POST", "faults", {"kind": "hook_late_secondary", "count": 1, "delay_s": 0.0})
    await jira.create("one")
    (change,) = read(jira, await jira.hooks.take(1))
    assert (change.kind, change.snapshot.partial) == (ChangeKind.HINT, True)


async def test_refusals_tell_what_to_answer(at: Bench) -> None:
    with pytest.raises(InputError) as got:
        at.connector.receive(Webhook(headers={}, body=b"{}", received_at=0.0))
    assert (got.value.status, bool(got.value.code)) == (401, True)
    assert issubclass(MalformedError, InputError)
