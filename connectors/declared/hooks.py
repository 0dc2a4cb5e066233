"""Webhooks by the file's description: believed, then read. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from connectors.contract.errors import MalformedError, SignatureError
from connectors.contract.values import Change, Received, Webhook
from connectors.declared.deciding import holds
from connectors.declared.looking import many, one, text_at
from connectors.declared.model.records import Record
from connectors.declared.model.webhooks import BasicAuth, Delivery, Event, Hmac, Token, Webhooks
from connectors.declared.slots import as_text, parse
from connectors.declared.telling import Teller, as_object, to_item

_DIGESTS = {"hmac_sha1": hashlib.sha1, "hmac_sha256": hashlib.sha256, "hmac_sha512": hashlib.sha512}


def verify(webhook: Webhook, hooks: Webhooks, secret: str, *, url: str = "") -> None:
    """Raises SignatureError unless the request proves that it comes from who knows the secret. `url`: the address that
    the system calls; "" for the one that the webhook came to.
    """
    if not secret:
        raise SignatureError("this connection has no webhook secret, so no webhook is believed", code="no_secret")
    match hooks.verify:
        case Hmac() as how:
            _signed(webhook, how, secret, url or webhook.url)
        case Token(header=header, prefix=prefix):
            _same(_header(webhook, header), prefix + secret)
        case BasicAuth():
            _same(_header(webhook, "authorization"), "Basic " + base64.b64encode(secret.encode()).decode())


def sign(how: Hmac, secret: str, headers: Mapping[str, str], body: bytes, url: str = "") -> str:
    """The signature's header for a request to this address with these other headers (names in lower case)."""
    digest = hmac.new(_key(how, secret), _covered(how, headers, body, url), _DIGESTS[how.kind]).digest()
    return how.prefix + (digest.hex() if how.as_ == "hex" else base64.b64encode(digest).decode())


def _signed(webhook: Webhook, how: Hmac, secret: str, url: str) -> None:
    given = _header(webhook, how.header)
    # Some systems send several, of a former secret too: one that fits is enough.
    expected = sign(how, secret, webhook.headers, webhook.body, url)
    several = given.split() if "," in how.prefix else given.replace(",", " ").split()
    _same(next((each for each in several if _equal(each, expected)), given), expected)
    if how.time is not None:
        at = _header(webhook, how.time)
        if not at.isdecimal() or len(at) > 13 or abs(_seconds(at) - webhook.received_at) > how.skew:
            raise SignatureError(f"signed more than {how.skew:.0f} s ago, or the clocks differ", code="stale_signature")


def _seconds(text: str) -> float:
    return int(text) / (1000 if len(text) > 11 else 1)


def _covered(how: Hmac, headers: Mapping[str, str], body: bytes, url: str) -> bytes:
    parts = []
    for part in parse(how.over).parts:
        if isinstance(part, str):
            parts.append(part.encode())
        elif part.names == ("raw",):
            parts.append(body)
        elif part.names == ("url",):
            parts.append(url.encode("utf-8", "surrogateescape"))
        else:
            parts.append(headers.get(".".join(part.names[1:]).lower(), "").encode("utf-8", "surrogateescape"))
    return b"".join(parts)


def _key(how: Hmac, secret: str) -> bytes:
    if how.secret == "text":  # noqa: S105 - how it is written, not what it is
        return secret.encode()
    try:
        return base64.b64decode(secret.rpartition("_")[2], validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError("the webhook secret of this connection is not base64", code="bad_secret") from None


def _header(webhook: Webhook, name: str) -> str:
    given = webhook.headers.get(name.lower(), "")
    if not given:
        raise SignatureError(f"the header {name} is required", code="missing_signature")
    if not given.isascii():
        raise SignatureError(f"the header {name} must be ASCII", code="bad_signature")
    return given


def _same(given: str, expected: str) -> None:
    if not _equal(given, expected):
        raise SignatureError("the signature does not fit", code="bad_signature")


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def read(
    webhook: Webhook, hooks: Webhooks, records: Mapping[str, Record], settings: Mapping[str, Any], teller: Teller
) -> Received:
    """What it means. Of several things in one body those that mean something are told; MalformedError is raised where
    nothing does, and one of them is not what the vendor sends: a repeat of the whole would mend nothing for the others.
    """
    told, ignored, wrong = list[Change](), list[str](), list[MalformedError]()
    for number, body in enumerate(_entries(webhook, hooks)):
        try:
            found = _event(webhook, hooks, records, settings, body)
            if isinstance(found, str):
                ignored.append(found)
                continue
            told += _changes(
                found, records[found.record], body, _delivery(hooks.delivery, webhook, body, number), teller
            )
        except MalformedError as error:
            wrong.append(error)
    if wrong and not told:
        raise wrong[0]
    return Received(changes=tuple(told), ignored="" if told else next(iter(ignored), "the body holds no events"))


def _entries(webhook: Webhook, hooks: Webhooks) -> list[Any]:
    """Each thing that one webhook tells of."""
    try:
        body = orjson.loads(webhook.body)
    except orjson.JSONDecodeError as error:
        raise MalformedError("the body is not JSON", code="not_json") from error
    for path in hooks.each:
        if found := many(path)(body):
            return found
    return [] if hooks.each and body == [] else [body]


def _event(
    webhook: Webhook, hooks: Webhooks, records: Mapping[str, Record], settings: Mapping[str, Any], body: Any
) -> Event | str:
    """What an entry is, or why it means nothing here."""
    if not isinstance(body, Mapping):
        raise MalformedError("the body is not a block of keys", code="not_an_object")
    asked = {"body": body, "header": dict(webhook.headers), "setting": dict(settings)}
    event = next((each for each in hooks.events if holds(each.when, asked)), None)
    if event is None:
        return "the connector file names no such event"
    if event.ignore is not None:
        return event.ignore
    return event if event.record in records else f"no flow of this connection holds {event.record}"


def _delivery(how: Delivery | None, webhook: Webhook, body: Any, number: int) -> str:
    """The same for a repeat, another for each thing that a webhook tells of."""
    if how is None:
        return ""
    if how.header:
        given = webhook.headers.get(how.header.lower(), "")
        return f"{given}:{number}" if given and number else given
    parts = [text_at(path, body) for path in how.at]
    return ":".join(parts) if any(parts) else ""


def _changes(event: Event, record: Record, body: Any, delivery: str, teller: Teller) -> list[Change]:
    ids = [as_text(each) for each in many(event.id)(body) if isinstance(each, str | int) and each != ""]
    if not ids:
        raise MalformedError(f"there is no id at {event.id}", code="missing_field")
    return [_change(event, record, body, id, delivery, teller) for id in ids]


def _change(event: Event, record: Record, body: Any, id: str, delivery: str, teller: Teller) -> Change:
    key = f"{event.record}:{id}:delivery:{delivery}" if delivery else ""
    if event.then == "deleted":
        return teller.gone(event.record, id, key=key)
    picked = one(event.pick)(body)
    shape = event.comment or record.comments
    if event.then == "comment" and shape is not None:
        item = to_item(shape, picked)
        if item is not None:
            return teller.comment(event.record, id, item, key=key)
    if event.then == "snapshot" and (row := as_object(record, picked)) is not None:
        return teller.row(event.record, record, row, key=key)
    return teller.hint(event.record, id, text_at(event.key, body), key=key)
