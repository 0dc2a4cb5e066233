"""Rules about signing in, reading one object, finding it by its marker, and what trouble may never be taken for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast

from connectors.conformance.bench import PATIENT_S, Bench, round_of
from connectors.conformance.faults import BY_NAME, Comes, Fault, Word, broken_off, dead_sign_in, word_of
from connectors.conformance.ground import Client
from connectors.conformance.probe import shows
from connectors.conformance.rewriting import adding
from connectors.conformance.rules import Broken, DoesNotApply, Rule, need
from connectors.contract.connector import ListsIds
from connectors.contract.errors import Retryable, Throttled
from connectors.contract.values import Ref

READ_HURRIED_S = (3.0, 8.0)
"""Time-outs of reads that will not be answered. Those before them, which are, have it too: where one of these strikes
in time of need, a busy machine or a slow system, the next one is taken.
"""
Verbs = dict[str, Callable[[], Awaitable[Any]]]


async def check_passes(bench: Bench) -> str:
    """On a healthy system every finding is good."""
    async with bench.client() as client:
        findings = await client.connector.check()
    bad = [f"{each.proves}: {each.detail}" for each in findings if not each.ok]
    need(findings, "check proves nothing")
    need(not bad, "; ".join(bad))
    return ", ".join(each.proves for each in findings)


async def check_tells(bench: Bench) -> str:
    """With dead credentials a finding fails, in words, without an exception and without the secret."""
    async with bench.client() as client:
        client.proxy.arm(BY_NAME["expired"], "read", None)
        try:
            findings = await client.connector.check()
        except Exception as error:
            raise Broken(f"check raised {type(error).__name__} instead of telling") from error
    secrets = [each for kind in bench.settings.auth.values() for each in dict(kind).values() if len(str(each)) > 4]
    need(any(not each.ok for each in findings), "every proof passed although each request was answered 401")
    shown = " ".join(each.detail for each in findings)
    users = {str(dict(kind).get("user", "")) for kind in bench.settings.auth.values()}
    leaked = [each for each in secrets if str(each) in shown and str(each) not in users]
    need(not leaked, "a detail of the findings holds a secret")
    return next(each.detail for each in findings if not each.ok)[:120]


async def present(bench: Bench) -> str:
    """What a person made is read: it exists, has its id, its text and a version of the declared kind."""
    text = bench.token("read")
    id = await bench.create(text)
    async with bench.client() as client:
        snapshot = await client.connector.read(bench.ref(id))
    need(snapshot.exists, "an object that is there reads as absent")
    need(snapshot.id == id, f"asked for {id}, got {snapshot.id}")
    need(bench.text(snapshot) == text, "the text read is not the one that was written")
    counted = bench.spec.version_kind in {"counter", "ordered"}
    need(not counted or snapshot.version is not None, f"version kind {bench.spec.version_kind} without a version")
    return f"version {'by number' if counted else 'by time'}, key {snapshot.key or '-'}"


async def absent(bench: Bench) -> str:
    """An object that never was, and one that is gone, read as absent and not as an error."""
    ids = [bench.fixture.absent] if bench.fixture.absent else []
    if bench.deletes:
        gone = await bench.create(bench.token("gone"))
        await bench.hand.delete(gone)
        bench.made.discard(gone)
        ids.append(gone)
    if not ids:
        raise DoesNotApply("the fixture names no absent id and cannot delete")
    async with bench.client() as client:
        for id in ids:
            snapshot = await client.connector.read(bench.ref(id))
            need(not snapshot.exists, f"{id} is not there and reads as there")
    return f"{len(ids)} absent objects read as absent"


async def unknown_fields(bench: Bench) -> str:
    """Fields that nobody has heard of disturb nothing."""
    text = bench.token("more")
    async with bench.client() as client:
        _, cursor = await round_of(client.connector, None)
        id = await bench.create(text)
        await asyncio.sleep(bench.shows_s)
        client.proxy.change = adding
        snapshot = await client.connector.read(bench.ref(id), items=bench.spec.items)
        need(snapshot.exists and bench.text(snapshot) == text, "the object reads otherwise with an unknown field in it")
        told, _ = await round_of(client.connector, cursor)
        need(id in {each.snapshot.id for each in told}, "a poll leaves out rows that have an unknown field")
    return "read and poll as before"


async def marker(bench: Bench) -> str:
    """What the connector created under a correlation key is found by it, exactly, once the index had its time."""
    spec = bench.spec
    if "create" not in bench.fixture.actions or not spec.marker:
        raise DoesNotApply("creates carry no marker")
    write = bench.write("create", values=await bench.creation(bench.token("marked")))
    async with bench.client(timeout_s=PATIENT_S) as client:
        receipt = await client.connector.apply(write)
        bench.made.add(receipt.ref.id)
        await asyncio.sleep(spec.settles_s)
        found = [ref.id for ref in await client.connector.find(bench.fixture.object, write.correlation)]
        need(found == [receipt.ref.id], f"created {receipt.ref.id}, found {found or 'nothing'} by its marker")
        near = await client.connector.find(bench.fixture.object, write.correlation[:-1])
        need(not near, "a part of a marker finds objects: two records would be taken for one")
        snapshot = await client.connector.read(receipt.ref)
        need(snapshot.correlation == write.correlation, "the object read does not show its correlation key")
        need(write.correlation not in str(snapshot.raw), "the marker is part of what mappings see")
    return "found by its whole key only, kept out of raw"


async def history(bench: Bench) -> str:
    """History tells our edits from those of others; the proof of a lost answer rests on it."""
    if not bench.spec.history or "update" not in bench.fixture.actions:
        raise DoesNotApply("no history is declared")
    theirs, ours = bench.token("theirs"), bench.token("ours")
    id = await bench.create(bench.token("history"))
    async with bench.client(timeout_s=PATIENT_S) as client:
        since = (await client.connector.read(bench.ref(id))).updated_at or 0.0
        await bench.hand.edit(id, theirs)
        await client.connector.apply(bench.write("update", ref=bench.ref(id), values=bench.fixture.fragment(ours)))
        entries = await client.connector.history(bench.ref(id), since)
    by_us = [each.by_us for each in entries if shows(each.after, bench.fixture.fragment(ours))]
    need(by_us == [True], f"our edit stands in the history as {by_us or 'nothing'}")
    others = [each.by_us for each in entries if shows(each.after, bench.fixture.fragment(theirs))]
    need(len(others) == 1, f"a person's edit stands in the history {len(others)} times")
    need(not bench.two_users or others == [False], "a person's edit is taken for ours")
    return "ours and theirs told apart" if bench.two_users else "both there; one user here, so nobody to tell apart"


async def comments(bench: Bench) -> str:
    """A person's comment is read as theirs; a copy of ours tells where it comes from and reads without its marker."""
    if not bench.spec.items or "comment" not in bench.fixture.actions:
        raise DoesNotApply("no comments are declared")
    id = await bench.create(bench.token("commented"))
    theirs, draft = bench.token("said"), bench.draft(bench.token("copied"))
    await bench.hand.comment(id, theirs)
    async with bench.client(timeout_s=PATIENT_S) as client:
        await client.connector.apply(bench.write("comment", ref=bench.ref(id), item=draft))
        items = (await client.connector.read(bench.ref(id), items=True)).items or ()
    said = sorted((each.body, each.origin or "") for each in items)
    need(
        said == sorted([(theirs, ""), (draft.body, draft.origin)]), f"read as {len(items)} comments, or not as written"
    )
    need(len({each.id for each in items}) == 2, "two comments have one id")
    return "both read, the copy by its origin"


def _verbs(bench: Bench, client: Client, ref: Ref, cursor: Any) -> Verbs:
    connector, object, spec = client.connector, bench.fixture.object, bench.spec
    verbs: Verbs = {
        "read": partial(connector.read, ref),
        "changes": partial(connector.changes, cursor),
    }
    if spec.marker:
        verbs["find"] = partial(connector.find, object, "c-that-nothing-carries")
    if isinstance(connector, ListsIds):
        verbs["ids"] = partial(cast(ListsIds, connector).ids, object, None)
    if spec.history:
        verbs["history"] = partial(connector.history, ref, 0.0)
    if spec.items:
        verbs["read with items"] = partial(connector.read, ref, items=True)
    return verbs


async def in_trouble(bench: Bench, fault: Fault, words: frozenset[Word]) -> str:
    """Every verb that reads raises the right word: no trouble is ever an absent object, an empty page or an empty
    list.
    """
    id = await bench.create(bench.token("trouble"))
    for timeout_s in READ_HURRIED_S if fault.silent else ():
        with suppress(_TooEarly):
            return await _in_trouble(bench, id, fault, words, timeout_s)
    return await _in_trouble(bench, id, fault, words, PATIENT_S)


class _TooEarly(Exception):
    """A read without any fault was not answered in time: no trial of the fault."""


async def _in_trouble(bench: Bench, id: str, fault: Fault, words: frozenset[Word], timeout_s: float) -> str:
    async with bench.client(timeout_s=timeout_s) as client:
        try:
            verbs = await _answered(bench, client, id)
        except Retryable as error:
            if timeout_s < PATIENT_S:
                raise _TooEarly from error
            raise
        client.proxy.arm(fault, "read", None)
        wrong = await asyncio.gather(*(_misread(name, call, fault, words) for name, call in verbs.items()))
        need(not client.led_away(), "followed a redirect to another host")
    need(not any(wrong), "; ".join(filter(None, wrong)))
    return f"{', '.join(verbs)}: {' or '.join(sorted(words))}"


async def _answered(bench: Bench, client: Client, id: str) -> Verbs:
    """Each verb that reads, once without trouble: what a connector remembers (who it is) must not stand before the
    request itself.
    """
    _, cursor = await round_of(client.connector, None)
    verbs = _verbs(bench, client, bench.ref(id), cursor)
    for call in verbs.values():
        await call()
    return verbs


async def _misread(name: str, call: Callable[[], Awaitable[Any]], fault: Fault, words: frozenset[Word]) -> str:
    try:
        got = await call()
    except Exception as error:  # noqa: BLE001 - what is none of the contract's errors is a finding
        word = word_of(error)
        if word not in words:
            return f"{name}, {fault.says}: {word} ({type(error).__name__}) where {' or '.join(sorted(words))} is right"
        late = isinstance(error, Throttled) and fault.retry_after_s is not None
        wrong = late and cast(Throttled, error).retry_after_s != fault.retry_after_s
        return f"{name}, {fault.says}: the wait asked for was not carried over" if wrong else ""
    return f"{name}, {fault.says}: answered {str(got)[:80]} as if nothing was wrong"


_AGAIN = frozenset({Word.AGAIN})
_TROUBLE: Sequence[tuple[str, frozenset[Word]]] = (
    ("not_json", _AGAIN),
    ("truncated", _AGAIN),
    ("half_json", _AGAIN),
    ("cut_after_send", _AGAIN),
    ("silence_after_send", _AGAIN),
    ("500_before_effect", _AGAIN),
    ("503_before_effect", _AGAIN),
    ("429_retry_after", frozenset({Word.THROTTLED})),
    ("429", frozenset({Word.THROTTLED})),
    ("expired", frozenset({Word.CREDENTIALS})),
    ("revoked", frozenset({Word.CREDENTIALS, Word.REFUSED})),
    ("redirect", frozenset({Word.REFUSED, Word.AGAIN})),
)


def _trouble(name: str, words: frozenset[Word]) -> Rule:
    fault = BY_NAME[name]

    async def run(bench: Bench) -> str:
        return await in_trouble(bench, fault, words)

    said = f"{fault.says}: no verb takes it for an absence".replace("applied, ", "")
    return Rule(name=f"read.{name}", says=said, run=run)


async def dead_by_the_vendors_sign(bench: Bench) -> str:
    """A dead sign-in that the vendor tells in its own way is told as such by every verb that reads."""
    if not bench.fixture.dead:
        raise DoesNotApply("the fixture knows no special sign of this vendor")
    for canned in bench.fixture.dead:
        await in_trouble(bench, dead_sign_in(canned), frozenset({Word.CREDENTIALS}))
    return ", ".join(canned.name for canned in bench.fixture.dead)


async def mislabelled(bench: Bench) -> str:
    """JSON under a wrong content type is read as what it is, or not at all; never as an absence."""
    text = bench.token("label")
    id = await bench.create(text)
    async with bench.client() as client:
        fault = BY_NAME["wrong_type"]
        need(fault.comes is Comes.MISLABELLED, "the table of faults has changed")
        client.proxy.arm(fault, "read", None)
        try:
            snapshot = await client.connector.read(bench.ref(id))
        except Exception as error:  # noqa: BLE001 - as in `in_trouble`
            need(word_of(error) is Word.AGAIN, f"{type(error).__name__} for JSON called text/html")
            return "not read, to be tried again"
    need(snapshot.exists and bench.text(snapshot) == text, "reads otherwise when the content type is wrong")
    return "read as what it is"


async def broken_off_work(bench: Bench) -> str:
    """A read that the vendor broke off, by its own sign, is incomplete and no answer."""
    if not bench.fixture.cut_off:
        raise DoesNotApply("the fixture knows no such sign of this vendor")
    for canned in bench.fixture.cut_off:
        await in_trouble(bench, broken_off(canned), _AGAIN)
    return ", ".join(canned.name for canned in bench.fixture.cut_off)


RULES = (
    Rule(name="check.passes", says="check passes on a healthy system", run=check_passes),
    Rule(name="check.tells", says="check tells dead credentials without raising", run=check_tells),
    Rule(name="read.present", says="an object that is there is read whole", run=present),
    Rule(name="read.absent", says="an object that is not there reads as absent", run=absent),
    Rule(name="read.unknown_fields", says="unknown fields disturb nothing", run=unknown_fields),
    Rule(name="read.marker", says="what was created is found by its marker", run=marker),
    Rule(name="read.history", says="history tells our edits from others", run=history),
    Rule(name="read.comments", says="comments are read, copies by their origin", run=comments),
    Rule(name="read.wrong_type", says="a wrong content type is no absence", run=mislabelled),
    *(_trouble(name, words) for name, words in _TROUBLE),
    Rule(name="read.dead_sign_in", says="the vendor's own signs of a dead sign-in", run=dead_by_the_vendors_sign),
    Rule(name="read.broken_off", says="the vendor's own signs of work broken off", run=broken_off_work),
)
