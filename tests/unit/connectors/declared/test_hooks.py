"""Webhooks are believed when they prove who sent them, and mean what the file says."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import orjson
import pytest

from connectors.contract.errors import MalformedError, SignatureError
from connectors.contract.values import ChangeKind, Received, Webhook
from tests.unit.connectors.declared.support import engine

SECRET = "s3cret"
AT = 1_795_262_400
EVENT = {"record": "ticket", "id": "$.ticket.id"}


def receive(hooks: dict[str, Any], body: Any, headers: dict[str, str], **more: Any) -> Received:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    connector = engine(lambda request: {}, ("webhooks", {"events": [EVENT], **hooks}), webhook_secret=SECRET, **more)
    return connector.receive(Webhook(headers=headers, body=raw, received_at=AT))


def mac(kind: Any, text: bytes, secret: bytes = SECRET.encode()) -> bytes:
    return hmac.new(secret, text, kind).digest()


BODY = b'{"ticket": {"id": 7}}'
STAMPED = {"kind": "hmac_sha256", "header": "X-Sign", "over": "${header.X-Time}.${raw}", "time": "X-Time"}
GOOD: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"kind": "hmac_sha256", "header": "X-Sign"}, {"x-sign": mac(hashlib.sha256, BODY).hex()}),
    ({"kind": "hmac_sha1", "header": "X-Sign", "prefix": "sha1="}, {"x-sign": "sha1=" + mac(hashlib.sha1, BODY).hex()}),
    (
        {"kind": "hmac_sha512", "header": "X-Sign", "as": "base64"},
        {"x-sign": base64.b64encode(mac(hashlib.sha512, BODY)).decode()},
    ),
    (STAMPED, {"x-time": str(AT - 5), "x-sign": mac(hashlib.sha256, f"{AT - 5}.".encode() + BODY).hex()}),
    (
        {"kind": "hmac_sha256", "header": "X-Sign", "prefix": "v1,", "as": "base64"},
        {"x-sign": f"v1,AAAA v1,{base64.b64encode(mac(hashlib.sha256, BODY)).decode()}"},
    ),
    ({"kind": "token", "header": "X-Token"}, {"x-token": SECRET}),
    ({"kind": "basic"}, {"authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()}),
]


@pytest.mark.parametrize(("verify", "headers"), GOOD)
def test_a_good_proof_is_believed_and_each_change_of_it_is_not(verify: dict[str, Any], headers: dict[str, str]) -> None:
    got = receive({"verify": verify}, BODY, headers)
    assert [(each.kind, each.snapshot.id) for each in got.changes] == [(ChangeKind.HINT, "7")]
    name = next(each for each in headers if each != "x-time")
    wrong = [
        {**headers, name: headers[name][:-3] + ("AA=" if headers[name][-3:] != "AA=" else "BB=")},
        {key: value for key, value in headers.items() if key != name},
        {**headers, name: "ä" + headers[name]},
        {**headers, name: ""},
    ]
    for each in wrong:
        with pytest.raises(SignatureError):
            receive({"verify": verify}, BODY, each)
    if verify["kind"].startswith("hmac"):
        with pytest.raises(SignatureError):
            receive({"verify": verify}, BODY + b" ", headers)


@pytest.mark.parametrize("age_s", [301, -301])
def test_a_signed_time_far_from_ours_is_refused(age_s: int) -> None:
    at = str(AT - age_s)
    headers = {"x-time": at, "x-sign": mac(hashlib.sha256, at.encode() + b"." + BODY).hex()}
    with pytest.raises(SignatureError) as refused:
        receive({"verify": STAMPED}, BODY, headers)
    assert refused.value.code == "stale_signature"


def test_without_a_secret_nothing_is_believed() -> None:
    hooks = {"verify": {"kind": "token", "header": "X-Token"}, "events": [EVENT]}
    connector = engine(lambda request: {}, ("webhooks", hooks))
    with pytest.raises(SignatureError):
        connector.receive(Webhook(headers={"x-token": ""}, body=BODY, received_at=AT))


TOKEN = {"verify": {"kind": "token", "header": "X-Token"}, "delivery": {"header": "X-Id"}}
SAID = {"x-token": SECRET, "x-id": "d-1"}


def test_the_first_event_that_holds_is_taken() -> None:
    events = [
        {**EVENT, "when": "body.kind == 'gone'", "then": "deleted"},
        {**EVENT, "when": "body.kind == 'new' && header['x-id'] != ''", "then": "snapshot", "pick": "$.ticket"},
    ]
    ticket = {"id": 7, "rev": 3, "changed": "2026-01-01T00:00:00Z", "title": "x"}
    gone = receive({**TOKEN, "events": events}, {"kind": "gone", "ticket": {"id": 7}}, SAID).changes[0]
    assert (gone.kind, gone.snapshot.exists) == (ChangeKind.DELETED, False)
    new = receive({**TOKEN, "events": events}, {"kind": "new", "ticket": ticket}, SAID).changes[0]
    assert (new.kind, new.snapshot.version, new.snapshot.raw) == (ChangeKind.SNAPSHOT, 3, ticket)
    other = receive({**TOKEN, "events": events}, {"kind": "other", "ticket": ticket}, SAID)
    assert (other.changes, other.ignored) == ((), "the connector file names no such event")


def test_a_repeated_delivery_has_the_same_key_and_another_has_not() -> None:
    keys = [
        receive(TOKEN, BODY, {**SAID, "x-id": delivery}).changes[0].delivery_key for delivery in ("d-1", "d-1", "d-2")
    ]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"ticket": {}}', b'{"ticket": {"id": null}}', b'{"ticket": 3}'])
def test_what_the_vendor_does_not_send_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        receive(TOKEN, body, SAID)


def test_what_is_ignored_says_why_and_is_taken_in_order() -> None:
    events = [{"when": "body.of != 'ours'", "ignore": "it is of another desk"}, EVENT]
    headers = SAID
    got = receive({**TOKEN, "events": events}, {"of": "theirs", "ticket": {"id": 7}}, headers)
    assert (got.changes, got.ignored) == ((), "it is of another desk")
    got = receive({**TOKEN, "events": events}, {"of": "ours", "ticket": {"id": 7}}, headers)
    assert [each.snapshot.id for each in got.changes] == ["7"]
