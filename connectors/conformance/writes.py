"""Trials: one action meets one fault, and the connector's word is held against the system's own truth."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import msgspec

from connectors.conformance import faults
from connectors.conformance.bench import HURRIED_S, PATIENT_S, Bench
from connectors.conformance.faults import NO_EFFECT, Fault, Goes, Word, word_of
from connectors.conformance.ground import Client
from connectors.conformance.probe import Question, Settled, Verdict, after, settle
from connectors.conformance.witness import Deed
from connectors.contract.errors import Throttled
from connectors.contract.values import Write

PLAIN, TWICE, STALE = "plain", "twice", "stale"


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What one action did under one fault."""

    action: str
    fault: str
    word: str
    verdict: str = ""
    """What the probe proved, where the word was `unknown`."""
    by: str = ""
    effects: int
    """Counted by the witness, at the end."""
    sent: int
    """Requests of the write that came to the proxy."""
    complaints: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """Name of the rule this trial stands for."""
        return f"write.{self.fault.partition(':')[0]}"

    @property
    def ok(self) -> bool:
        """Nothing to complain of."""
        return not self.complaints

    @property
    def settled(self) -> bool:
        """The outcome is known at the end, without a person."""
        return self.word != Word.UNKNOWN or self.verdict in {Verdict.APPLIED, Verdict.NOT_APPLIED}

    def tells(self) -> str:
        """In short, as evidence."""
        proof = f" -> {self.verdict} by {self.by}" if self.verdict else ""
        return f"{self.word}{proof}; effects {self.effects}, requests {self.sent}"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A write that is ready to be sent, and how it will be recognised."""

    write: Write
    deed: Deed
    question: Question


async def prepare(bench: Bench, client: Client, action: str, *, timeout_s: float) -> Attempt:
    """Makes by hand what the action needs and looks at it, as the gateway does before it writes."""
    text = bench.token(action)
    if action == "create":
        bench.sent.add(text)
        write = bench.write(action, values=await bench.creation(text), timeout_s=timeout_s)
        own = bench.fixture.object if bench.fixture.ready and not bench.fixture.creation else ""
        return Attempt(write=write, deed=Deed(action=action, text=text, object=own), question=Question(write=write))
    id = await bench.create(bench.token("for"))
    connector, fixture = client.connector, bench.fixture
    spec, ref = connector.specs[fixture.object], bench.ref(id)
    snapshot = await connector.read(ref) if spec.readable else None
    steps = await connector.steps(ref) if action == "step" else ()
    step = fixture.choose(steps) if steps else None
    write = bench.write(
        action,
        ref=ref,
        timeout_s=timeout_s,
        etag=snapshot.etag if snapshot else None,
        values=await bench.holding(text) if action == "update" else {},
        item=bench.draft(text) if action == "comment" else None,
        content=BytesIO(text.encode()) if action == "comment" else None,
        step=step,
    )
    base_at = (snapshot.updated_at if snapshot else None) or 0.0
    before = await connector.history(ref, base_at) if spec.history and action in {"update", "step"} else ()
    known = frozenset(entry.id for entry in before)
    return Attempt(
        write=write,
        deed=Deed(action=action, text=text, id=id, state=step.to if step else ""),
        question=Question(write=write, base_at=base_at, known=known),
    )


async def trial(bench: Bench, action: str, fault: Fault, *, keyed: bool) -> Trial:
    """Arms the fault for the one write request and drives the connector as the gateway would. `keyed`: the system
    recognises a resend, so what no look can prove is sent again.

    A silent fault ends by the time-out of the write. On a loaded machine that can strike before the request has even
    reached the proxy, which is no trial of the fault: then it is made again with more patience.
    """
    for timeout_s in HURRIED_S if fault.silent else ():
        found = await _trial(bench, action, fault, keyed=keyed, timeout_s=timeout_s)
        if found.sent:
            return found
    return await _trial(bench, action, fault, keyed=keyed, timeout_s=PATIENT_S)


async def _trial(bench: Bench, action: str, fault: Fault, *, keyed: bool, timeout_s: float) -> Trial:
    async with bench.client(timeout_s=PATIENT_S) as client:
        attempt = await prepare(bench, client, action, timeout_s=timeout_s)
        if fault.comes is faults.Comes.REFUSED:
            await client.proxy.deafen()
        else:
            client.proxy.arm(fault, "write", None if fault.lasts else 1)
        said, error = await send(client, attempt.write)
        await client.proxy.start() if fault.comes is faults.Comes.REFUSED else client.proxy.heal()
        sent = client.proxy.seen.writes
        settled = await _probed(bench, client, attempt) if said is Word.UNKNOWN else None
        if keyed and settled is not None and settled.verdict is Verdict.UNKNOWN:
            settled = await _resent(client, attempt)
        await client.proxy.landed()
        effects = await bench.witness.effects(attempt.deed)
        complaints = [*_judged(fault, said, error, settled, effects), *_sent_once(sent, fault)]
        if client.led_away():
            carried = any(visit.with_credentials for visit in client.led_away())
            complaints.append("was led to another host" + (" and took the credentials along" if carried else ""))
    return Trial(
        action=action,
        fault=fault.name,
        word=said,
        verdict=settled.verdict if settled else "",
        by=settled.by if settled else "",
        effects=effects,
        sent=sent,
        complaints=tuple(complaints),
    )


async def send(client: Client, write: Write) -> tuple[Word, Exception | None]:
    """Applies the write; the word for how that ended."""
    try:
        named = bool((await client.connector.apply(write)).ref.id)
    except Exception as error:  # noqa: BLE001 - what is none of the contract's errors is a finding, not a crash
        return word_of(error), error
    return (Word.APPLIED, None) if named else (Word.DEFECT, ValueError("a receipt without the id of the object"))


def another(write: Write) -> Write:
    """The same write as another attempt, with an operation id of its own, as the gateway makes one."""
    return msgspec.structs.replace(write, operation=f"{write.operation}-again")


async def _probed(bench: Bench, client: Client, attempt: Attempt) -> Settled:
    settles_s = client.connector.specs[bench.fixture.object].settles_s

    async def late_enough() -> None:
        await after(settles_s, client.proxy.landed)

    return await settle(client.connector, bench.fixture, attempt.question, late_enough)


async def _resent(client: Client, attempt: Attempt) -> Settled:
    await client.proxy.landed()
    said, _ = await send(client, another(attempt.write))
    return Settled(verdict=Verdict.APPLIED if said is Word.APPLIED else Verdict.UNKNOWN, by="resend")


def _judged(fault: Fault, said: Word, error: Exception | None, settled: Settled | None, effects: int) -> Sequence[str]:
    found = []
    if said not in fault.words:
        allowed = " or ".join(sorted(fault.words))
        shown = f" ({type(error).__name__}: {error})"[:200] if error else ""
        found.append(f"{fault.says}: said {said}{shown} where only {allowed} is right")
    if said in NO_EFFECT and effects:
        found.append(f"{fault.says}: said {said}, which asserts that there was no effect, and there was")
    if said is Word.APPLIED and effects != 1:
        found.append(f"{fault.says}: said applied, and the system shows {effects} effects")
    if effects > 1:
        found.append(f"{fault.says}: took effect {effects} times")
    if fault.goes is not Goes.NO and not effects and said is Word.UNKNOWN:
        found.append(f"{fault.says}: the request reached the system and had no effect")
    if settled is not None and settled.verdict is not Verdict.UNKNOWN:
        proved = {Verdict.APPLIED: 1, Verdict.NOT_APPLIED: 0, Verdict.TWICE: 2}[settled.verdict]
        if proved != min(effects, 2):
            found.append(f"{fault.says}: the probe by {settled.by} said {settled.verdict}, the system shows {effects}")
    if isinstance(error, Throttled) and fault.retry_after_s is not None and error.retry_after_s != fault.retry_after_s:
        found.append(f"{fault.says}: asked to wait {fault.retry_after_s:g} s, told {error.retry_after_s} s")
    return found


def _sent_once(sent: int, fault: Fault) -> Sequence[str]:
    most = 2 if fault.unsent else 1
    return [f"{fault.says}: one apply sent {sent} write requests"] if sent > most else []


async def plain(bench: Bench, action: str) -> Trial:
    """Nothing goes wrong: applied, once, with one request, and every way to prove it says so too."""
    async with bench.client(timeout_s=PATIENT_S) as client:
        attempt = await prepare(bench, client, action, timeout_s=PATIENT_S)
        said, error = await send(client, attempt.write)
        effects, sent = await bench.witness.effects(attempt.deed), client.proxy.seen.writes
        complaints = [] if said is Word.APPLIED else [f"said {said} ({error}) though nothing went wrong"[:300]]
        if said is Word.APPLIED:
            settled = await _probed(bench, client, attempt)
            if settled.verdict not in {Verdict.APPLIED, Verdict.UNKNOWN}:
                complaints.append(f"applied, and the probe by {settled.by} says {settled.verdict}")
        if effects != 1:
            complaints.append(f"the system shows {effects} effects of one write")
        if sent != 1:
            complaints.append(f"one apply sent {sent} write requests")
    return Trial(action=action, fault=PLAIN, word=said, effects=effects, sent=sent, complaints=tuple(complaints))


async def twice(bench: Bench, action: str) -> Trial:
    """The same write as two attempts, a blind resend. Most systems make two of it, and that is only seen; where the
    connector declares a key (`ObjectSpec.key_s`), on which the gateway resends, it must be one.
    """
    async with bench.client(timeout_s=PATIENT_S) as client:
        attempt = await prepare(bench, client, action, timeout_s=PATIENT_S)
        first, _ = await send(client, attempt.write)
        second, _ = await send(client, another(attempt.write))
        effects = await bench.witness.effects(attempt.deed)
    found = Trial(action=action, fault=TWICE, word=f"{first}, {second}", effects=effects, sent=client.proxy.seen.writes)
    if action != "create" or not bench.spec.key_s or recognised(found):
        return found
    complaint = f"a key is declared, and two attempts said {found.word} and took effect {effects} times"
    return msgspec.structs.replace(found, complaints=(complaint,))


def recognised(found: Trial) -> bool:
    """Whether a resend was answered as the first, and had no effect of its own."""
    return found.effects == 1 and found.word == f"{Word.APPLIED}, {Word.APPLIED}"


async def stale(bench: Bench, action: str) -> Trial:
    """A person edits between our read and our write. Where the connector declares a precondition it must be a conflict
    and the person's text must stand; where it does not, the write goes over it and only the word is checked.
    """
    async with bench.client(timeout_s=PATIENT_S) as client:
        attempt = await prepare(bench, client, action, timeout_s=PATIENT_S)
        theirs = bench.token("theirs")
        await bench.hand.edit(attempt.deed.id, theirs)
        said, _ = await send(client, attempt.write)
        effects, sent = await bench.witness.effects(attempt.deed), client.proxy.seen.writes
        conditional = client.connector.specs[bench.fixture.object].conditional
    complaints = []
    if conditional and (said is not Word.CONFLICT or effects):
        complaints.append(f"a write on a state that has moved: said {said}, effects {effects}; a conflict is due")
    if not conditional and said in NO_EFFECT and effects:
        complaints.append(f"said {said}, which asserts no effect, and there was one")
    return Trial(action=action, fault=STALE, word=said, effects=effects, sent=sent, complaints=tuple(complaints))
