"""Whatever a sender signs: a webhook is understood, ignored with a reason, or refused. Never a crash."""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import registry
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.errors import InputError
from connectors.contract.values import Received, Webhook
from connectors.servicenow.hooks import sign
from tests.unit.connectors.clocks import SteppingClock

SECRET = "s"
NOW = 1_700_000_000
NAMES = (
    *("webhookEvent", "issue", "fields", "id", "key", "comment", "body", "changelog", "items", "user", "timestamp"),
    *("table", "operation", "sys_id", "record", "journal", "element", "value", "assigned_to", "assigned_to.email"),
    *("labels", "updated", "histories", "properties", "accountId", "emailAddress", "sys_mod_count", "field", "type"),
)
TEXTS = st.sampled_from(
    [
        "jira:issue_updated",
        "jira:issue_created",
        "comment_created",
        "incident",
        "update",
        "insert",
        "delete",
        "OPS-1",
        "doc",
    ]
) | st.text(max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), each, max_size=6)
    ),
    max_leaves=30,
)
EVENTS = st.fixed_dictionaries(
    {"webhookEvent": TEXTS, "issue": st.dictionaries(st.sampled_from(["id", "key", "fields", "changelog"]), JSON)},
    optional={"comment": JSON, "changelog": JSON, "user": JSON, "timestamp": JSON},
)
RECORDS = st.fixed_dictionaries(
    {
        "id": TEXTS,
        "table": st.just("incident"),
        "operation": st.sampled_from(["insert", "update", "delete"]),
        "sys_id": TEXTS,
    },
    optional={"record": JSON, "journal": JSON},
)


@cache
def connector_of(system: str) -> Connector:
    """Opens nothing, so it may live as long as the tests."""
    given = ConnectionSettings(
        name="c", connector=system, url="https://x.example", auth={"bearer": {"token": "t"}}, webhook_secret=SECRET
    )
    return registry.create(given, clock=SteppingClock())


def receive(system: str, body: bytes) -> Received | None:
    connector = connector_of(system)
    headers = (
        {"x-hub-signature": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
        if system == "jira"
        else {"x-lockstep-timestamp": str(NOW), "x-lockstep-signature": sign(SECRET, str(NOW), body)}
    )
    try:
        return connector.receive(Webhook(headers=headers, body=body, received_at=NOW))
    except InputError as refusal:
        refused = refusal
    assert refused.reason
    assert refused.code
    return None


def judge(received: Received | None) -> None:
    if received is None:
        return
    assert received.changes or received.ignored
    for change in received.changes:
        assert change.delivery_key
        assert change.snapshot.id
        orjson.dumps(change.snapshot.raw)


@pytest.mark.parametrize("system", ["jira", "servicenow"])
@settings(deadline=None)
@given(said=EVENTS | RECORDS | JSON)
def test_any_json(system: str, said: Any) -> None:
    judge(receive(system, orjson.dumps(said)))


@pytest.mark.parametrize("system", ["jira", "servicenow"])
@settings(deadline=None)
@given(body=st.binary(max_size=60))
def test_any_bytes(system: str, body: bytes) -> None:
    judge(receive(system, body))


@pytest.mark.parametrize("system", ["jira", "servicenow"])
@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b'"' + b"x" * 10_000_000 + b'"', b"\xff\xfe", b""]
)
def test_hostile_bodies(system: str, body: bytes) -> None:
    assert receive(system, body) is None


def test_published_vector_of_jiras_signature() -> None:
    """facts.md 2.5: the vector both vendors publish."""
    digest = hmac.new(b"It's a Secret to Everybody", b"Hello, World!", hashlib.sha256).hexdigest()
    assert digest == "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
