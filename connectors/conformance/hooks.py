"""Rules about webhooks: who sent them is proved, repeats are known by their key, and nonsense does no harm."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connectors.conformance.bench import Bench
from connectors.conformance.rules import Broken, DoesNotApply, Rule, need
from connectors.contract.connector import Connector
from connectors.contract.errors import InputError, SignatureError
from connectors.contract.values import Change, ChangeKind, VersionKind, Webhook

A_DAY_S = 86_400.0
HUGE = 4 * 1024 * 1024
"""Bytes of a body far above any webhook."""
_NONSENSE: tuple[bytes, ...] = (
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{}",
    b'{"half": ',
    b"\xff\xfe\x00",
    b'{"id": 7, "issue": [], "table": {}, "record": null, "webhookEvent": {"a": []}}',
    b"[" * 100_000,
)


async def _one(bench: Bench, text: str = "") -> tuple[str, Webhook]:
    """A webhook as the system sent it, and the object it is about."""
    receiver = bench.receiver
    if receiver is None:
        raise DoesNotApply("no webhooks come here")
    said = text or bench.token("told")
    id = await bench.create(said)
    (webhook,) = await receiver.about(said, 1)
    return id, webhook


def _secret(bench: Bench) -> str:
    return bench.settings.webhook_secret


def _edits(bench: Bench) -> None:
    if not bench.fixture.hooks_edits:
        raise DoesNotApply("webhooks do not tell of what is edited here")


async def signed(bench: Bench) -> str:
    """A webhook with the right signature is believed and tells of the object."""
    id, webhook = await _one(bench)
    async with bench.client() as client:
        received = client.connector.receive(webhook)
    need(received.changes, f"understood nothing: {received.ignored or 'no reason given'}")
    need(id in {each.snapshot.id for each in received.changes}, "tells of another object")
    named = all(each.connection == bench.settings.name and each.delivery_key for each in received.changes)
    need(named, "a change without its connection's name or without a delivery key")
    return ", ".join(sorted({each.kind for each in received.changes}))


def _refused(connector: Connector, webhook: Webhook, how: str) -> None:
    try:
        received = connector.receive(webhook)
    except SignatureError:
        return
    except Exception as error:
        raise Broken(f"{how}: {type(error).__name__} where a SignatureError is due") from error
    raise Broken(f"{how}: believed, with {len(received.changes)} changes")


async def forged(bench: Bench) -> str:
    """A wrong signature, a changed body, no signature, and any signature where no secret is set: refused."""
    _, webhook = await _one(bench)
    proof = [name for name in webhook.headers if bench.fixture.signed_by in name]
    need(proof, f"no header of the webhook holds {bench.fixture.signed_by!r}; the fixture is wrong")
    without = {name: value for name, value in webhook.headers.items() if name not in proof}
    wrong = {name: _spoilt(value) for name, value in webhook.headers.items() if name in proof}
    async with bench.client() as client, bench.client(webhook_secret="") as open_door:
        _refused(client.connector, _headed(webhook, without), "without a signature")
        _refused(client.connector, _headed(webhook, {**without, **wrong}), "with a wrong signature")
        if not bench.fixture.signs_body:
            _refused(open_door.connector, webhook, "without a secret")
            return "missing and wrong refused; the vendor's token does not cover the body"
        _refused(client.connector, msgspec.structs.replace(webhook, body=webhook.body + b" "), "with a changed body")
        _refused(open_door.connector, webhook, "without a secret")
        if bench.fixture.sign is not None:
            guess = bench.fixture.sign(webhook.body, "", webhook.received_at)
            _refused(open_door.connector, _headed(webhook, {**without, **guess}), "signed with an empty secret")
    return "missing, wrong, changed body, no secret: refused"


def _spoilt(value: str) -> str:
    return value[:-6] + ("000000" if value[-6:] != "000000" else "111111")


def _headed(webhook: Webhook, headers: Mapping[str, str]) -> Webhook:
    return msgspec.structs.replace(webhook, headers=headers)


async def replayed(bench: Bench) -> str:
    """A webhook sent again a day later is refused where its time is signed; else its key tells that it is a repeat."""
    _, webhook = await _one(bench)
    late = msgspec.structs.replace(webhook, received_at=webhook.received_at + A_DAY_S)
    async with bench.client() as client:
        if bench.fixture.signs_time:
            _refused(client.connector, late, "a day old")
            return "refused by its signed time"
        need(_keys(client.connector, webhook) == _keys(client.connector, late), "a repeat has another delivery key")
    return "recognised by its delivery key"


def _keys(connector: Connector, webhook: Webhook) -> list[str]:
    return [each.delivery_key for each in connector.receive(webhook).changes]


async def repeated(bench: Bench) -> str:
    """A repeat has the delivery keys of the first; another edit has others."""
    _edits(bench)
    id, first = await _one(bench)
    text = bench.token("edited")
    await bench.hand.edit(id, text)
    assert bench.receiver is not None
    (second,) = await bench.receiver.about(text, 1)
    async with bench.client() as client, bench.client() as other:
        one, again, two = _keys(client.connector, first), _keys(other.connector, first), _keys(client.connector, second)
    need(one == again, "a repeat has another delivery key: it would be taken for a new change")
    need(not set(one) & set(two), "two edits share a delivery key: the second would be taken for a repeat")
    return "same on a repeat, another for another edit"


async def out_of_order(bench: Bench) -> str:
    """Webhooks that come in the wrong order are told as what they are: with their own version, or as hints."""
    _edits(bench)
    texts = [bench.token(f"order{number}") for number in range(3)]
    id, first = await _one(bench, texts[0])
    assert bench.receiver is not None
    webhooks = [first]
    for text in texts[1:]:
        await bench.hand.edit(id, text)
        webhooks += await bench.receiver.about(text, 1)
    async with bench.client() as client:
        kind = client.connector.specs[bench.fixture.object].version_kind
        told: list[Change] = [
            change
            for webhook in reversed(webhooks)
            for change in client.connector.receive(webhook).changes
            if change.kind in {ChangeKind.SNAPSHOT, ChangeKind.HINT}
        ]
    need(len(told) >= len(webhooks), "a webhook that comes late is not told")
    whole = [each for each in told if each.kind is ChangeKind.SNAPSHOT and not each.snapshot.partial]
    if kind in {VersionKind.COUNTER, VersionKind.ORDERED}:
        versions = [each.snapshot.version for each in whole]
        need(None not in versions, "a snapshot without a version: nothing tells the late one from the newest")
        ordered = sorted(whole, key=lambda each: each.snapshot.version or 0)
        shown = [bench.text(each.snapshot) for each in ordered]
        need(shown == [text for text in texts if text in shown], "versions do not follow the order of the edits")
    return f"{len(told)} told, {len(whole)} of them as snapshots"


async def malformed(bench: Bench) -> str:
    """Signed nonsense is refused as malformed or ignored with a reason; nothing else comes of it."""
    sign = bench.fixture.sign
    if sign is None:
        raise DoesNotApply("the fixture cannot sign")
    async with bench.client() as client:
        for body in _NONSENSE:
            _harmless(client.connector, sign(body, _secret(bench), bench.clock.now()), body, bench.clock.now())
    return f"{len(_NONSENSE)} bodies"


async def huge(bench: Bench) -> str:
    """A body of many megabytes does no more harm than a small one."""
    sign = bench.fixture.sign
    if sign is None:
        raise DoesNotApply("the fixture cannot sign")
    body = b'{"id": "' + b"x" * HUGE + b'"}'
    async with bench.client() as client:
        _harmless(client.connector, sign(body, _secret(bench), bench.clock.now()), body, bench.clock.now())
    return f"{HUGE >> 20} MiB"


def _harmless(connector: Connector, headers: Mapping[str, str], body: bytes, now: float) -> None:
    webhook = Webhook(headers={"content-type": "application/json", **headers}, body=body, received_at=now)
    shown = f"{body[:40]!r} ({len(body)} bytes)"
    try:
        received = connector.receive(webhook)
    except SignatureError as error:
        raise Broken(f"{shown}: the fixture's signature is not accepted ({error})") from error
    except InputError as error:
        need(len(str(error)) < 1000, f"{shown}: the refusal repeats the body")
        return
    except BaseException as error:
        raise Broken(f"{shown}: {type(error).__name__} where it is to be refused as malformed") from error
    need(not received.changes, f"{shown}: believed, with changes")
    need(received.ignored, f"{shown}: ignored without a reason")


RULES = (
    Rule(name="hook.signed", says="a signed webhook tells of its object", run=signed),
    Rule(name="hook.forged", says="a webhook that nobody signed is refused", run=forged),
    Rule(name="hook.replayed", says="an old webhook is refused or known", run=replayed),
    Rule(name="hook.repeated", says="a repeat has the key of the first", run=repeated),
    Rule(name="hook.out_of_order", says="a late webhook is not taken for the newest", run=out_of_order),
    Rule(name="hook.malformed", says="signed nonsense does no harm", run=malformed),
    Rule(name="hook.huge", says="a huge body does no harm", run=huge),
)
