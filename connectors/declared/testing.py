"""Runs the tests that stand in a connector file, in memory.

A write whose answer is lost is looked for as the gateway would: a create by its marker, an update by what the object
shows, a comment by its last line, a deletion by what is not there; nothing found counts only after the settling time.
The gateway's own rules weigh more (what the object showed before, who else wrote); the conformance kit tests those.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from connectors.contract.access import Account, Ending, Grant, GrantKind, Whom
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import (
    ConfigError,
    Conflict,
    CredentialsError,
    DeliveryError,
    InputError,
    LockstepError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
)
from connectors.contract.values import Change, ItemDraft, Ref, Step, Webhook, Write, WriteKind
from connectors.declared import poll
from connectors.declared.connector import Declared
from connectors.declared.ending import Ends
from connectors.declared.hooks import sign
from connectors.declared.model.auth import NoAuth
from connectors.declared.model.file import ConnectorFile
from connectors.declared.model.tests import Doing, Expectation, Party, Test
from connectors.declared.model.webhooks import BasicAuth, Hmac, Token
from connectors.declared.scripted import NOW, Clock, Scripted, Unexpected

URL = "https://system.test"
SECRET = "test-secret"  # noqa: S105 - of a system in memory
CORRELATION = "test-correlation"
ORIGIN = "test:1"
_KINDS = {
    "create": WriteKind.CREATE,
    "update": WriteKind.UPDATE,
    "transition": WriteKind.STEP,
    "comment": WriteKind.ITEM,
    "delete": WriteKind.DELETE,
}
_WORDS: list[tuple[type[DeliveryError], str]] = [
    (Refused, "refused"),
    (Conflict, "conflict"),
    (Throttled, "wait"),
    (CredentialsError, "signed_out"),
    (OutcomeUnknown, "unknown"),
    (Retryable, "again"),
]


class Result(NamedTuple):
    """How one test ended; no `failures`: it passed."""

    name: str
    failures: tuple[str, ...]


class Seen(NamedTuple):
    """What came of it, in the words of an expectation. None: there is no such thing here."""

    outcome: str | None = None
    id: str | None = None
    ids: list[str] | None = None
    exists: bool | None = None
    raw: Mapping[str, Any] | None = None
    version: int | None = None
    correlation: str | None = None
    ignored: bool | None = None
    says: str = ""
    calls: int = 0


def run(file: ConnectorFile) -> list[Result]:
    """Every test of the file, in its order."""
    return [asyncio.run(_run(file, test)) for test in file.tests]


async def _run(file: ConnectorFile, test: Test) -> Result:
    clock = Clock()
    transport = Scripted(test.answers, clock)
    try:
        connector = _connector(file, test, clock, transport)
        seen = (await _done(file, connector, test, transport))._replace(calls=transport.calls)
    except (Unexpected, ConfigError, InputError) as error:
        return Result(test.name, (str(error),))
    left = [f"{transport.left} of the answers were not asked for"] if transport.left else []
    return Result(test.name, (*_differences(test.expect, seen), *left))


def _connector(file: ConnectorFile, test: Test, clock: Clock, transport: Scripted) -> Declared:
    """Not signed in: how that is done is the connection's, and no test of what a file says."""
    unsigned = file.model_copy(update={"auth": [NoAuth(kind="none")]})
    of_record = file.records[test.do.record].needs if test.do.record else {}
    objects = {test.do.record: {k: v for k, v in test.do.options.items() if k in of_record}} if test.do.record else {}
    settings = ConnectionSettings(
        name="test",
        connector=file.connector,
        url=URL,
        auth={"none": {}},
        webhook_secret=SECRET,
        options={name: value for name, value in test.do.options.items() if name not in of_record},
        objects=objects,
    )
    made = Declared if file.access is None else Ends
    return made(unsigned, settings, clock=clock, transport=transport, new_key=lambda: "new")


async def _done(file: ConnectorFile, connector: Declared, test: Test, transport: Scripted) -> Seen:
    do = test.do
    try:
        match do.verb:
            case "read":
                shown = await connector.read(Ref(object=do.record, id=do.id))
                return Seen(None, shown.id, None, shown.exists, shown.raw, shown.version, shown.correlation)
            case "find":
                return Seen(ids=[each.id for each in await connector.find(do.record, CORRELATION)])
            case "poll":
                return _of_changes((await connector.changes(_cursor(file, do.record))).changes)
            case "webhook":
                received = connector.receive(_webhook(file, do))
                return _of_changes(received.changes)._replace(ignored=not received.changes, says=received.ignored)
            case "accounts" | "holdings" | "end" if isinstance(connector, Ends):
                return await _of_access(connector, do)
            case _:
                return await _written(connector, test, transport)
    except DeliveryError as error:
        return Seen(outcome=_word(error), says=str(error))


async def _of_access(connector: Ends, do: Doing) -> Seen:
    if do.accounts is not None:
        whom = Whom(**{str(field): value for field, value in do.accounts.items()})
        return Seen(ids=[each.id for each in await connector.accounts(whom)])
    if do.holdings is not None:
        found = await connector.holdings(do.holdings)
        said = "; ".join(found.unseen.values())
        return Seen(ids=[each.id for each in found.grants], exists=found.account is not None, says=said)
    await connector.end(_ending(connector, do))
    return Seen(outcome="applied")


def _ending(connector: Ends, do: Doing) -> Ending:
    kind = connector.kind_of(str(do.end))
    id = do.account.id if kind is GrantKind.ACCOUNT else f"{do.end}:{do.id}"
    return Ending(
        account=_account(do.account),
        grant=Grant(kind=kind, id=id, name=id, detail=do.detail),
        operation="test-operation",
        to=_account(do.heir) if do.heir else None,
        note="A note.",
    )


def _account(party: Party) -> Account:
    return Account(id=party.id, name=party.name, email=party.email, active=True)


def _of_changes(changes: tuple[Change, ...]) -> Seen:
    first = changes[0].snapshot if changes else None
    return Seen(
        id=first.id if first else None,
        ids=[each.snapshot.id for each in changes],
        exists=first.exists if first else None,
        raw=first.raw if first else None,
        version=first.version if first else None,
        correlation=first.correlation if first else None,
    )


def _word(error: LockstepError) -> str:
    return next(word for kind, word in _WORDS if isinstance(error, kind))


def _cursor(file: ConnectorFile, name: str) -> dict[str, Any]:
    began = poll.begin(file.records[name], NOW)
    cursor = {"bound": began.bound, "silent": False}
    return {"records": {name: cursor}, "gone": {name: began.bound}}


async def _written(connector: Declared, test: Test, transport: Scripted) -> Seen:
    write = _write(test.do)
    try:
        receipt = await connector.apply(write)
    except OutcomeUnknown as error:
        if not transport.left:
            return Seen(outcome="unknown", says=str(error))
        return await _looked(connector, test, write)
    return Seen(
        outcome="applied",
        id=receipt.ref.id,
        version=receipt.version,
        raw=receipt.snapshot.raw if receipt.snapshot else None,
    )


def _write(do: Doing) -> Write:
    kind = _KINDS[do.verb]
    draft = ItemDraft(kind="comment", body=do.text, author="Ann", at=NOW, origin=ORIGIN, origin_label="Test")
    return Write(
        kind=kind,
        object=do.record,
        operation="test-operation",
        correlation=CORRELATION,
        ref=None if kind is WriteKind.CREATE else Ref(object=do.record, id=do.id),
        values=do.values,
        step=Step(id=do.to, to=do.to) if do.to is not None else None,
        item=draft if kind is WriteKind.ITEM else None,
        etag=do.version,
    )


async def _looked(connector: Declared, test: Test, write: Write) -> Seen:
    late = test.after >= connector.specs[write.object].settles_s
    nothing = "not_applied" if late else "unknown"
    if write.ref is None:
        found = await connector.find(write.object, CORRELATION)
        return Seen(outcome="applied" if found else nothing, id=found[0].id if found else None)
    shown = await connector.read(write.ref, items=write.item is not None)
    if write.kind is WriteKind.DELETE:
        return Seen(outcome=nothing if shown.exists else "applied", exists=shown.exists)
    if write.item is not None:
        there = any(item.origin == ORIGIN for item in shown.items or ())
        return Seen(outcome="applied" if there else nothing)
    if not shown.exists:
        return Seen(outcome="not_applied", exists=False)
    there = _shows(shown.raw, write.values) and (write.step is None or write.step.to in map(str, shown.raw.values()))
    return Seen("applied" if there else nothing, shown.id, None, True, shown.raw, shown.version)


def _shows(shown: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(shown, Mapping) and all(_shows(shown.get(name), each) for name, each in wanted.items())
    return bool(shown == wanted)


def _webhook(file: ConnectorFile, do: Doing) -> Webhook:
    body = orjson.dumps(do.webhook)
    headers = {name.lower(): value for name, value in do.headers.items()}
    match file.webhooks.verify if file.webhooks else None:
        case Hmac() as how:
            if how.time is not None:
                headers[how.time.lower()] = str(int(NOW))
            headers[how.header.lower()] = sign(how, SECRET, headers, body, URL)
        case Token(header=header, prefix=prefix):
            headers[header.lower()] = prefix + SECRET
        case BasicAuth():
            headers["authorization"] = "Basic dGVzdC1zZWNyZXQ="
        case None:
            pass
    return Webhook(headers=headers, body=body, url=URL, received_at=NOW)


def _differences(wanted: Expectation, seen: Seen) -> list[str]:
    told = []
    for name in ("outcome", "calls", "id", "ids", "exists", "version", "correlation", "ignored"):
        value, found = getattr(wanted, name), getattr(seen, name)
        if value is not None and value != found:
            because = f" ({seen.says})" if name == "outcome" and seen.says else ""
            told.append(f"{name} is {found}, and not {value}{because}")
    if wanted.raw is not None and not _shows(seen.raw, wanted.raw):
        told.append(f"raw is {orjson.dumps(seen.raw).decode()}")
    if wanted.says is not None and wanted.says not in seen.says:
        told.append(f"it says '{seen.says}', and not '{wanted.says}'")
    return told
