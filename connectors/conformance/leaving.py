"""What every connector that ends access has to hold to. The clerk says what is so; the connector is asked the same."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.conformance import faults
from connectors.conformance.bench import MARK, PATIENT_S
from connectors.conformance.faults import Comes, Fault, Goes
from connectors.conformance.ground import Client, Ground
from connectors.conformance.rules import DoesNotApply, need
from connectors.contract.access import Account, Ending, EndsAccess, Grant, GrantKind, Holdings, Whom
from connectors.contract.errors import Refused
from connectors.contract.fixture import Canned
from connectors.contract.furnished import AccessFixture, Clerk, Held

PAGES_OF, SEVERAL = 2, 5
_AT_ONCE = 8
WORK = frozenset({GrantKind.WORK, GrantKind.APPROVAL, GrantKind.JOB})
_NOT_THERE = Fault(
    name="not_there",
    says="everything is answered 404",
    goes=Goes.NO,
    comes=Comes.CANNED,
    words=frozenset(),
    answer=Canned(name="not_there", status=404, headers={"Content-Type": "application/json"}, body=b"{}"),
    lasts=True,
)
_TROUBLE = (
    *(faults.BY_NAME[name] for name in ("truncated", "half_json", "not_json", "500_before_effect", "429")),
    *(faults.BY_NAME[name] for name in ("expired", "revoked")),
    _NOT_THERE,
)


@dataclass(kw_only=True)
class LeavingBench(Ground):
    """One system in which people come and leave."""

    fixture: AccessFixture
    clerk: Clerk
    hired: list[str] = field(default_factory=list)

    @property
    def reading(self) -> tuple[str, ...]:
        return self.fixture.reading

    async def hire(self) -> Whom:
        """Somebody new, whom nobody else knows."""
        whom = await self.clerk.hire(mark())
        self.hired.append(whom.account)
        return whom

    async def furnished(self, count: int = 1) -> Whom:
        """Somebody new who has so many of everything."""
        whom = await self.hire()
        await self.clerk.furnish(whom.account, count, mark())
        return whom

    @asynccontextmanager
    async def paging(self) -> AsyncIterator[Client]:
        """A connector that asks for pages as small as is worth testing."""
        thin = self.fixture.pages(self.settings, PAGES_OF)
        async with self.client(options=thin.options, objects=thin.objects) as client:
            yield client

    async def tidied(self) -> None:
        """Takes away whom the run hired."""
        for account in self.hired:
            await self.clerk.dismiss(account)


class LeavingRule(NamedTuple):
    """One promise of `EndsAccess`."""

    name: str
    says: str
    run: Callable[[LeavingBench], Awaitable[str]]


class Story(NamedTuple):
    """Somebody who leaves, somebody who stays with as much, and who gets the work."""

    leaver: Account
    held: Holdings
    other: Account
    to: Account


def mark() -> str:
    """A word that nothing else in the system has."""
    return f"{MARK}{uuid.uuid4().hex[:12]}"


def of(client: Client) -> EndsAccess:
    """The connector as one that ends access. Raises Broken where it lacks a verb."""
    connector = client.connector
    need(isinstance(connector, EndsAccess), "the fixture says that it ends access, and the connector lacks its verbs")
    assert isinstance(connector, EndsAccess)
    return connector


def shown(held: Holdings) -> Held:
    """As a clerk says it."""
    kinds = {grant.kind for grant in held.grants}
    return {kind: frozenset(each.id for each in held.grants if each.kind is kind) for kind in kinds}


def ending(leaver: Account, grant: Grant, to: Account | None = None, *, timeout_s: float = PATIENT_S) -> Ending:
    """One thing to take away."""
    return Ending(
        account=leaver,
        grant=grant,
        operation=f"op-{uuid.uuid4().hex}",
        to=to,
        note="Handed over by the conformance kit",
        timeout_s=timeout_s,
    )


def own(connector: EndsAccess, held: Holdings) -> list[Grant]:
    """What a departure ends: what does not come by way of another, and is not for a person to do."""
    return [each for each in held.grants if not each.through and not connector.ends[each.kind]]


async def story(bench: LeavingBench, connector: EndsAccess, count: int = 1, *, alone: bool = False) -> Story:
    """Two people with as much each, and a third; `alone`: this one in the place of the second, too."""
    leaver, to = await bench.furnished(count), await bench.hire()
    other = to if alone else await bench.furnished(count)
    held = await connector.holdings(leaver.account)
    need(held.account is not None, "an account that is there is not shown")
    accounts = [await _account(connector, each) for each in (leaver, other, to)]
    return Story(accounts[0], held, accounts[1], accounts[2])


async def _account(connector: EndsAccess, whom: Whom) -> Account:
    found = await connector.accounts(Whom(account=whom.account))
    need([each.id for each in found] == [whom.account], f"by its id {len(found)} accounts were found")
    return found[0]


async def finds(bench: LeavingBench) -> str:
    whom = await bench.hire()
    twin = await bench.clerk.twin(whom, mark())
    bench.hired += [twin] if twin else []
    async with bench.paging() as client:
        connector = of(client)
        await _account(connector, whom)
        known = {name: getattr(whom, name) for name in ("email", "user_name") if getattr(whom, name)}
        for name, value in known.items():
            found = await connector.accounts(Whom(**{name: value.swapcase()}))
            wanted = {whom.account, *([twin] if twin and name == "email" else [])}
            need({each.id for each in found} == wanted, f"by {name} {len(found)} were found, {len(wanted)} are there")
            need(all(name in each.matched for each in found), f"found by {name}, and `matched` does not say so")
        need(not await connector.accounts(Whom()), "nothing is known of somebody, and accounts were found")
        stranger = await connector.accounts(Whom(email=f"{mark()}@example.com"))
        need(not stranger, "nobody has this address, and accounts were found")
    return f"by id and {', '.join(known)}" + (", both of two with one address" if twin else "")


async def lists(bench: LeavingBench) -> str:
    async with bench.paging() as client:
        connector = of(client)
        told = await story(bench, connector, SEVERAL)
        truth = await bench.clerk.has(told.leaver.id)
        seen = shown(told.held)
        for kind in sorted({*truth, *seen}):
            has, says = truth.get(kind, frozenset()), seen.get(kind, frozenset())
            alien = len(says - has)
            need(has == says, f"{kind}: {len(has)} are there, {len(says & has)} are told, {alien} are not his")
        need(all(each.name for each in told.held.grants), "something is told without a name")
        unknown = {each.kind for each in told.held.grants} - {*connector.ends}
        need(not unknown, f"`ends` does not say of {', '.join(sorted(unknown))} how it ends")
        blind = set(connector.ends) - set(truth) - set(told.held.unseen)
        need(not blind, f"the clerk gave nothing of {', '.join(sorted(blind))}, so that its listing was not tested")
    return f"{sum(map(len, truth.values()))} of {len(truth)} kinds over pages of {PAGES_OF}"


async def ends(bench: LeavingBench) -> str:
    async with bench.paging() as client:
        connector = of(client)
        told = await story(bench, connector, 2)
        before = await bench.clerk.has(told.other.id)
        for grant in own(connector, told.held):
            await connector.end(ending(told.leaver, grant, told.to))
        left = {kind: ids for kind, ids in (await bench.clerk.has(told.leaver.id)).items() if ids}
        ours = {kind for kind, why in connector.ends.items() if not why}
        need(not ours & set(left), f"everything was ended, and {', '.join(sorted(ours & set(left)))} is still there")
        need(await bench.clerk.has(told.other.id) == before, "something of somebody else was ended, too")
        after = shown(await connector.holdings(told.leaver.id))
        need(after == left, "what is left is told otherwise than it is")
    return f"{len(own(connector, told.held))} ended, {len(left)} kinds left for people, nothing of others"


async def twice(bench: LeavingBench) -> str:
    async with bench.client() as client:
        connector = of(client)
        told = await story(bench, connector)
        everybody = (told.leaver.id, told.other.id, told.to.id)
        grants = own(connector, told.held)
        for grant in grants:
            await connector.end(ending(told.leaver, grant, told.to))
        before = [await bench.clerk.has(each) for each in everybody]
        for grant in grants:
            await connector.end(ending(told.leaver, grant, told.to))
        need([await bench.clerk.has(each) for each in everybody] == before, "the same again had an effect")
    return f"{len(grants)} ended twice"


async def inherited(bench: LeavingBench) -> str:
    async with bench.client() as client:
        connector = of(client)
        told = await story(bench, connector)
        return await _refused(bench, client, told, [each for each in told.held.grants if each.through])


async def by_hand(bench: LeavingBench) -> str:
    async with bench.client() as client:
        connector = of(client)
        told = await story(bench, connector)
        return await _refused(bench, client, told, [each for each in told.held.grants if connector.ends[each.kind]])


async def _refused(bench: LeavingBench, client: Client, told: Story, grants: Sequence[Grant]) -> str:
    if not grants:
        raise DoesNotApply("the system has none of these")
    before = await bench.clerk.has(told.leaver.id)
    for grant in grants:
        try:
            await of(client).end(ending(told.leaver, grant, told.to))
        except Refused as error:
            need(str(error), "refused without a word")
        else:
            need(False, f"{grant.kind} {grant.name}: not refused")
    need(not client.proxy.seen.writes, "refused, and something was sent all the same")
    need(await bench.clerk.has(told.leaver.id) == before, "refused, and ended all the same")
    return f"{len(grants)} refused before anything was sent"


async def gone(bench: LeavingBench) -> str:
    async with bench.client() as client:
        connector = of(client)
        told = await story(bench, connector)
        await bench.clerk.dismiss(told.leaver.id)
        for grant in own(connector, told.held):
            await connector.end(ending(told.leaver, grant, told.to))
        after = await connector.holdings(told.leaver.id)
        need(after.account is None and not after.grants, "an account that was taken away is told as if it were there")
        need(not await connector.accounts(Whom(account=told.leaver.id)), "it is found all the same")
    return "no account, no error"


async def left_alone(bench: LeavingBench) -> str:
    async with bench.client() as client:
        connector = of(client)
        told = await story(bench, connector)
        work = [each for each in own(connector, told.held) if each.kind in WORK]
        if not work:
            raise DoesNotApply("the system has no work")
        before = await bench.clerk.has(told.to.id)
        for grant in work:
            await bench.clerk.pass_on(grant.kind, grant.id, told.other.id)
            await connector.end(ending(told.leaver, grant, told.to))
        has, after = await bench.clerk.has(told.other.id), await bench.clerk.has(told.to.id)
        taken = [each.kind for each in work if each.id not in has.get(each.kind, frozenset())]
        need(not taken and after == before, f"{', '.join(taken) or 'something'} was taken from who has it by now")
    return f"{', '.join(sorted({each.kind for each in work}))} stayed with who has it by now"


async def trouble(bench: LeavingBench) -> str:
    """Whichever of its requests fails: an absence that was not seen would be written down as proof."""
    whom = await bench.furnished()
    async with bench.client() as client:
        truth = shown(await of(client).holdings(whom.account))
        reads = client.proxy.seen.reads
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(fault: Fault, skip: int) -> tuple[str, str]:
        async with limit, bench.client() as client:
            client.proxy.arm(fault, "read", None, skip=skip)
            said, wrong = await _said(of(client), whom.account, truth)
        return said, wrong and f"{fault.says}, after {skip} answers: {wrong}"

    said = await asyncio.gather(*(one(fault, skip) for fault in _TROUBLE for skip in range(reads)))
    complaint = next((wrong for _, wrong in said if wrong), "")
    need(not complaint, complaint)
    words = [word for word, _ in said]
    return ", ".join(f"{word}: {words.count(word)}" for word in sorted(set(words)))


async def _said(connector: EndsAccess, account: str, truth: Mapping[GrantKind, frozenset[str]]) -> tuple[str, str]:
    """(how it ended, what is wrong with that; "" for nothing)."""
    try:
        held = await connector.holdings(account)
    except Exception as error:  # noqa: BLE001 - what is none of the contract's errors is a finding, not a crash
        word = faults.word_of(error)
        return word, f"{type(error).__name__}: {error}"[:200] if word is faults.Word.DEFECT else ""
    if held.account is None:
        return "nobody", "it says that there is no account"
    lacking = [kind for kind, ids in truth.items() if ids - shown(held).get(kind, frozenset())]
    hidden = [kind for kind in lacking if kind not in held.unseen]
    return "told as unseen" if lacking else "whole", f"it does not tell of {', '.join(hidden)}" if hidden else ""


RULES: tuple[LeavingRule, ...] = (
    LeavingRule("access.finds", "all accounts of a person are found, in any letter case, and nobody else's", finds),
    LeavingRule("access.lists", "everything that somebody has is told, to the last page", lists),
    LeavingRule("access.ends", "everything that can be ended is, and nothing of anybody else", ends),
    LeavingRule("access.twice", "the same again has no further effect", twice),
    LeavingRule("access.inherited", "what comes by way of another is not ended by itself", inherited),
    LeavingRule("access.by_hand", "what a person has to end is refused", by_hand),
    LeavingRule("access.gone", "what is gone already is no error, and who is gone has nothing", gone),
    LeavingRule("access.left_alone", "work that is somebody else's by now stays there", left_alone),
    LeavingRule("access.trouble", "a failed read is never taken for an absence", trouble),
)
"""What `EndsAccess` promises, besides what single writes do under faults (`ending`)."""
