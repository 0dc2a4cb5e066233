"""What tests of `EndsAccess` share: a person's hand on a stand-in, and the questions that every such connector answers
in the same way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from connectors import registry
from connectors.contract.access import Account, Ending, EndsAccess, Grant, GrantKind, Holdings, Whom
from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import DeliveryError, OutcomeUnknown, Refused
from connectors.declared.ending import Ends


class Hand:
    """Somebody who works in the system itself, and whoever runs it."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"})

    async def __call__(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._client.request(method, path, json=body)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def fault(self, kind: str) -> None:
        """The next write of the gateway."""
        await self("POST", "/_sandbox/faults", {"kind": kind, "count": 1, "match": {"write": True, "actor": "gateway"}})

    async def options(self, **changes: Any) -> None:
        await self("PATCH", "/_sandbox/options", changes)

    async def close(self) -> None:
        await self._client.aclose()


async def the_account(system: EndsAccess, **whom: str) -> Account:
    found = await system.accounts(Whom(**whom))
    assert len(found) == 1, found
    return found[0]


async def granted(system: EndsAccess, account: Account, kind: GrantKind) -> list[Grant]:
    return [each for each in (await system.holdings(account.id)).grants if each.kind is kind]


async def named(system: EndsAccess, account: Account, kind: GrantKind) -> list[str]:
    return [each.name for each in await granted(system, account, kind)]


async def end(system: EndsAccess, account: Account, grant: Grant, to: Account | None = None, note: str = "") -> None:
    await system.end(Ending(account=account, grant=grant, operation="o1", to=to, note=note, timeout_s=1.0))


async def end_all(system: EndsAccess, account: Account, to: Account | None = None) -> None:
    """As whoever carries a departure out does: all that is the person's own, in order, then a look."""
    for grant in (await system.holdings(account.id)).grants:
        if not grant.through and not system.ends[grant.kind]:
            await end(system, account, grant, to)


async def ends_once_whatever_becomes_of_the_answer(
    system: EndsAccess,
    hand: Hand,
    account: Account,
    grant: Grant,
    again: Callable[[], Awaitable[object]],
    lost: str = "drop",
) -> None:
    """A lost answer is unknown, and a look tells: not gone where the request never arrived, gone where only the answer
    was lost. What is gone already is no error. `again`: gives it back. `lost`: `drop`, or
    `timeout`, which takes its time.
    """
    await hand.fault(f"{lost}_before")
    with pytest.raises(OutcomeUnknown):
        await end(system, account, grant)
    assert grant.id in {each.id for each in await granted(system, account, grant.kind)}
    await hand.fault(f"{lost}_after")
    with pytest.raises(OutcomeUnknown):
        await end(system, account, grant)
    assert grant.id not in {each.id for each in await granted(system, account, grant.kind)}
    await end(system, account, grant)
    await again()
    assert grant.name in await named(system, account, grant.kind)
    await end(system, account, grant)
    await end(system, account, grant)


async def nothing_that_comes_along_is_ended_by_itself(system: EndsAccess, account: Account, grant: Grant) -> None:
    assert grant.through, grant
    with pytest.raises(Refused, match="by way of"):
        await end(system, account, grant)


async def hostile_names_find_nobody(system: EndsAccess, *fields: str) -> None:
    for text in (
        "x' OR Name != '",
        "\\' OR IsActive = true OR Email = \\'",
        "../ann",
        "a b&c=d#e",
        "%",
        "*",
        "ann\r\nX: y",
    ):
        for field in fields:
            assert list(await system.accounts(Whom(**{field: text}))) == [], (field, text)


class Failing(httpx.AsyncBaseTransport):
    """Passes so many requests on; all after them are answered so."""

    def __init__(self, passes: int, answer: httpx.Response | None) -> None:
        self.passed, self._passes, self._answer = 0, passes, answer
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._answer is not None and self.passed >= self._passes:
            said = self._answer
            return httpx.Response(said.status_code, headers=said.headers, content=said.content, request=request)
        self.passed += 1
        response = await self._inner.handle_async_request(request)
        await response.aread()
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


_NOT_THERE = httpx.Response(404, json={})
"""The one failure that looks like an answer: a gateway in front, or a system that hides what one may not see."""


async def no_failure_is_taken_for_an_absence(make: Callable[[Failing], Ends], account: Account) -> None:
    """Whichever request fails, with all after it: what is told then is whole, named as not shown, or an error."""
    sound = Failing(0, None)
    truth = await _told(make(sound), account)
    assert isinstance(truth, Holdings)
    assert truth.grants
    for passes in range(sound.passed):
        found = await _told(make(Failing(passes, _NOT_THERE)), account)
        if isinstance(found, DeliveryError):
            continue
        assert found.account is not None, passes
        lacking = {each.kind for each in truth.grants if each not in found.grants}
        assert lacking <= set(found.unseen), (passes, lacking)


async def _told(system: Ends, account: Account) -> Holdings | DeliveryError:
    try:
        return await system.holdings(account.id)
    except DeliveryError as error:
        return error
    finally:
        await system.close()


def connected(system: str, url: str, transport: Failing | None = None, **options: Any) -> Ends:
    """The declared connector of a system, signed in at its stand-in by the gateway's token."""
    auth = {"bearer": {"token": "lockstep-secret"}}
    settings = ConnectionSettings(name=system, connector=system, url=url, auth=auth, options=options)
    made = registry.create(settings, clock=SystemClock(), transport=transport)
    assert isinstance(made, Ends)
    assert isinstance(made, EndsAccess)
    return made
