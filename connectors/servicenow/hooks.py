"""Webhooks of our documented business rule: verification and reading. Pure.

ServiceNow has no webhook product of its own (facts.md 1.8): the rule that an instance runs posts the record as the
Table API shows it, the journal entries of the update and a delivery id, signed with HMAC-SHA256 over time and body.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from connectors.contract.errors import MalformedError, SignatureError
from connectors.contract.values import Webhook

SIGNATURE, TIMESTAMP = "x-lockstep-signature", "x-lockstep-timestamp"
OPERATIONS = frozenset({"insert", "update", "delete"})


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of X-Lockstep-Signature."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verify(webhook: Webhook, secret: str, skew_s: int) -> None:
    """Raises SignatureError unless the body was signed with our secret not longer than `skew_s` ago."""
    timestamp, given = webhook.headers.get(TIMESTAMP, ""), webhook.headers.get(SIGNATURE, "")
    if not secret:
        raise SignatureError("this connection has no webhook secret, so no webhook is believed", code="no_secret")
    if not timestamp.isascii() or not given.isascii():
        raise SignatureError("signature and timestamp must be ASCII", code="bad_signature")
    if not timestamp or not given:
        raise SignatureError(f"{SIGNATURE} and {TIMESTAMP} are required", code="missing_signature")
    if not hmac.compare_digest(given, sign(secret, timestamp, webhook.body)):
        raise SignatureError("the signature does not fit the body", code="bad_signature")
    if not timestamp.isdecimal() or abs(int(timestamp) - webhook.received_at) > skew_s:
        raise SignatureError(f"signed more than {skew_s} s ago, or the clocks differ", code="stale_signature")


def parse(body: bytes) -> Mapping[str, Any]:
    """The body, with the parts that everything rests on checked. Raises MalformedError."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedError("the body is not JSON", code="not_json") from error
    if not isinstance(said, dict):
        raise MalformedError("the body is not a JSON object", code="not_an_object")
    for name in ("id", "table", "operation", "sys_id"):
        if not isinstance(said.get(name), str) or not said[name]:
            raise MalformedError(f"`{name}` is missing or not a text", code="missing_field")
    if said["operation"] not in OPERATIONS:
        raise MalformedError(
            f"operation {said['operation'][:40]!r} is not one of insert, update, delete", code="operation"
        )
    if not isinstance(said.setdefault("record", {}), dict):
        raise MalformedError("`record` is not an object", code="record")
    journal = said.setdefault("journal", [])
    if not isinstance(journal, list) or any(not isinstance(each, dict) or not each.get("sys_id") for each in journal):
        raise MalformedError("`journal` is not a list of entries with `sys_id`", code="journal")
    return said
