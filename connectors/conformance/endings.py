"""Trials of ending access: one thing is taken away, one fault is met, and a look settles what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.conformance.bench import HURRIED_S, PATIENT_S
from connectors.conformance.faults import BY_NAME, NO_EFFECT, Fault, Goes, Word, word_of
from connectors.conformance.ground import Client
from connectors.conformance.leaving import LeavingBench, ending, of, own, story
from connectors.conformance.probe import Verdict
from connectors.conformance.writes import PLAIN, Trial
from connectors.contract.access import Ending, GrantKind, Holdings
from connectors.contract.errors import Throttled

FAULTS: tuple[Fault, ...] = tuple(
    BY_NAME[name]
    for name in ("cut_after_send", "silence_after_commit", "late_commit", "not_json", "429_retry_after", "revoked")
)
"""Of all faults those that differ in what is known afterwards; how a connector tells failures apart is its client's
alone, and is asked of its other writes.
"""


async def trials(bench: LeavingBench, kind: GrantKind) -> Sequence[Trial]:
    """Of one kind: without a fault, then with each, every time with another thing of the same kind."""
    found = [await _patiently(bench, kind, None)]
    return [*found, *[await _patiently(bench, kind, fault) for fault in FAULTS]]


async def _patiently(bench: LeavingBench, kind: GrantKind, fault: Fault | None) -> Trial:
    """As `writes.trial`: a silent fault ends by the time-out, which must not strike before the request was sent."""
    for timeout_s in HURRIED_S if fault is not None and fault.silent else ():
        found = await _trial(bench, kind, fault, timeout_s)
        if found.sent:
            return found
    return await _trial(bench, kind, fault, PATIENT_S)


async def _trial(bench: LeavingBench, kind: GrantKind, fault: Fault | None, timeout_s: float) -> Trial:
    async with bench.client(timeout_s=PATIENT_S) as client:
        connector = of(client)
        told = await story(bench, connector, alone=True)
        grant = next(each for each in own(connector, told.held) if each.kind is kind)
        wanted = ending(told.leaver, grant, told.to, timeout_s=timeout_s)
        if fault is not None:
            client.proxy.arm(fault, "write", None if fault.lasts else 1)
        said, error = await _sent(client, wanted)
        client.proxy.heal()
        sent = client.proxy.seen.writes
        await client.proxy.landed()
        effects = int(grant.id not in (await bench.clerk.has(told.leaver.id)).get(kind, frozenset()))
        looked = await connector.holdings(told.leaver.id)
        verdict = Verdict.NOT_APPLIED if _is_there(looked, wanted) else Verdict.APPLIED
        complaints = _judged(fault, said, error, effects, verdict)
        if not effects:
            complaints += await _once_more(bench, client, wanted)
    return Trial(
        action=f"access.{kind}",
        fault=fault.name if fault else PLAIN,
        word=said,
        verdict=verdict if said is Word.UNKNOWN else "",
        by="look" if said is Word.UNKNOWN else "",
        effects=effects,
        sent=sent,
        complaints=tuple(complaints),
    )


async def _sent(client: Client, wanted: Ending) -> tuple[Word, Exception | None]:
    try:
        await of(client).end(wanted)
    except Exception as error:  # noqa: BLE001 - what is none of the contract's errors is a finding, not a crash
        return word_of(error), error
    return Word.APPLIED, None


async def _once_more(bench: LeavingBench, client: Client, wanted: Ending) -> list[str]:
    """After the look the gateway asks again, and then it has to be over."""
    said, error = await _sent(client, wanted)
    has = await bench.clerk.has(wanted.account.id)
    if said is Word.APPLIED and wanted.grant.id not in has.get(wanted.grant.kind, frozenset()):
        return []
    return [f"asked once more without a fault, it said {said} ({error}) and it is there"[:300]]


def _is_there(held: Holdings, wanted: Ending) -> bool:
    return any((each.kind, each.id) == (wanted.grant.kind, wanted.grant.id) for each in held.grants)


def _judged(fault: Fault | None, said: Word, error: Exception | None, effects: int, verdict: Verdict) -> list[str]:
    what, words = (fault.says, fault.words) if fault else ("nothing went wrong", frozenset({Word.APPLIED}))
    found = []
    if said not in words:
        shown = f" ({type(error).__name__}: {error})"[:200] if error else ""
        found.append(f"{what}: said {said}{shown} where only {' or '.join(sorted(words))} is right")
    if said in NO_EFFECT and effects:
        found.append(f"{what}: said {said}, which asserts that there was no effect, and it is gone")
    if said is Word.APPLIED and not effects:
        found.append(f"{what}: said applied, and it is there")
    if fault is not None and fault.goes is not Goes.NO and said is Word.UNKNOWN and not effects:
        found.append(f"{what}: the request reached the system and had no effect")
    if (verdict is Verdict.APPLIED) is not bool(effects):
        found.append(f"{what}: a look says {verdict}, and the system {'does not have' if effects else 'has'} it")
    if isinstance(error, Throttled) and fault and fault.retry_after_s not in (None, error.retry_after_s):
        found.append(f"{what}: asked to wait {fault.retry_after_s:g} s, told {error.retry_after_s} s")
    return found
