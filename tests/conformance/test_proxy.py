"""The cutting proxy does to a real client what its table of faults says, and counts what it handed on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web

from connectors.conformance.elsewhere import Elsewhere
from connectors.conformance.faults import BY_NAME, FAULTS, Comes, Fault, Goes
from connectors.conformance.proxy import CuttingProxy
from connectors.conformance.rewriting import adding, hiding
from tests.support.waiting import until


class Counter:
    """A system with one number that goes up by each POST, and a list."""

    def __init__(self) -> None:
        self.posts, self.url = 0, ""
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def post(self, request: web.Request) -> web.Response:
        await request.read()
        await self.may_answer.wait()
        self.posts += 1
        return web.json_response({"posts": self.posts, "self": f"{self.url}/1"}, status=201)

    async def get(self, request: web.Request) -> web.Response:
        return web.json_response({"items": [{"id": "1"}, {"id": "2", "deep": [{"id": "1"}]}], "next": f"{self.url}/2"})


@pytest.fixture
async def system() -> AsyncIterator[Counter]:
    made = Counter()
    app = web.Application()
    app.add_routes([web.post("/", made.post), web.get("/", made.get)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield session


@pytest.fixture
async def proxy(system: Counter, http: aiohttp.ClientSession) -> AsyncIterator[CuttingProxy]:
    made = CuttingProxy(system.url, http, lambda method, path: method == "POST", "http://localhost:9/away")
    await made.start()
    yield made
    await made.close()


async def outcome(http: aiohttp.ClientSession, proxy: CuttingProxy, patience_s: float) -> tuple[int, bool, str]:
    """Status (0: no answer), whether it is whole JSON or nothing, and the content type."""
    try:
        async with http.post(
            proxy.url, json={}, timeout=aiohttp.ClientTimeout(patience_s), allow_redirects=False
        ) as answer:
            kind = answer.headers.get("Content-Type", "")
            try:
                await answer.json(content_type=None)
            except (aiohttp.ClientError, ValueError):
                return answer.status, False, kind
            return answer.status, True, kind
    except (aiohttp.ClientError, TimeoutError):
        return 0, False, ""


async def abandoned(http: aiohttp.ClientSession, proxy: CuttingProxy, enough: Callable[[], object]) -> None:
    """A client that gives up once `enough` has happened."""
    client = asyncio.create_task(outcome(http, proxy, 60.0))
    await until(enough, what="the request to get there")
    client.cancel()
    await asyncio.wait({client})


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_is_what_it_says(
    system: Counter, http: aiohttp.ClientSession, proxy: CuttingProxy, fault: Fault
) -> None:
    """Whether it took effect, and what the client saw of it; the next request is not touched."""
    if fault.comes is Comes.REFUSED:
        await proxy.deafen()
    proxy.arm(fault, "write")
    status, whole, kind = await outcome(http, proxy, 2.0 if fault.silent else 30.0)
    await proxy.landed()
    assert system.posts == (fault.goes is not Goes.NO)
    silent = {Comes.REFUSED, Comes.HEAD_RESET, Comes.RESET, Comes.SILENCE}
    assert (status == 0) is (fault.comes in silent)
    if fault.answer is not None:
        assert status == fault.answer.status
    assert whole is (fault.comes in {Comes.SLOW, Comes.MISLABELLED, Comes.CANNED, Comes.REDIRECT})
    assert ("html" in kind) is (fault.comes in {Comes.PAGE, Comes.MISLABELLED})
    proxy.heal()
    if fault.comes is Comes.REFUSED:
        await proxy.start()
    before = system.posts
    assert (await outcome(http, proxy, 30.0))[:2] == (201, True)
    assert system.posts == before + 1


async def test_what_comes_late_comes_after_the_client_has_gone(
    system: Counter, http: aiohttp.ClientSession, proxy: CuttingProxy
) -> None:
    proxy.arm(BY_NAME["late_commit"], "write")
    await abandoned(http, proxy, lambda: proxy.seen.writes)
    assert system.posts == 0
    await proxy.landed()
    assert (system.posts, proxy.seen.writes, proxy.seen.delivered) == (1, 1, 1)


async def test_what_the_system_is_still_at_is_waited_for(
    system: Counter, http: aiohttp.ClientSession, proxy: CuttingProxy
) -> None:
    """The client gives up while the system works: nothing can be said of the effect before the system is done."""
    system.may_answer.clear()
    proxy.arm(BY_NAME["silence_after_commit"], "write")
    await abandoned(http, proxy, lambda: proxy.seen.delivered)
    landing = asyncio.create_task(proxy.landed())
    await asyncio.wait({landing}, timeout=0.1)
    assert (landing.done(), system.posts) == (False, 0)
    system.may_answer.set()
    await landing
    assert system.posts == 1


async def test_it_counts_writes_and_leaves_reads_alone(
    system: Counter, http: aiohttp.ClientSession, proxy: CuttingProxy
) -> None:
    proxy.arm(BY_NAME["cut_after_send"], "write")
    async with http.get(proxy.url) as answer:
        assert answer.status == 200
    await outcome(http, proxy, 30.0)
    await outcome(http, proxy, 30.0)
    assert (proxy.seen.reads, proxy.seen.writes, proxy.seen.delivered, system.posts) == (1, 2, 1, 1)


async def test_links_lead_through_the_proxy(system: Counter, http: aiohttp.ClientSession, proxy: CuttingProxy) -> None:
    async with http.get(proxy.url) as answer:
        assert (await answer.json())["next"] == f"{proxy.url}/2"


async def test_rows_are_hidden_and_fields_added(
    system: Counter, http: aiohttp.ClientSession, proxy: CuttingProxy
) -> None:
    proxy.change = hiding(["2"])
    async with http.get(proxy.url) as answer:
        assert (await answer.json())["items"] == [{"id": "1"}]
    proxy.change = hiding(["1"])
    async with http.get(proxy.url) as answer:
        assert (await answer.json())["items"] == [{"id": "2", "deep": []}], "it names the hidden one, and is another"
    proxy.change = adding
    async with http.get(proxy.url) as answer:
        items = (await answer.json())["items"]
    assert [each["id"] for each in items] == ["1", "2"]
    assert all(len(each) > 1 for each in items)


async def test_a_redirect_leads_to_another_host_and_a_visit_is_noticed(http: aiohttp.ClientSession) -> None:
    away = Elsewhere()
    await away.start()
    async with http.get(f"{away.url}/abc/x", headers={"Authorization": "Bearer t"}) as answer:
        assert answer.status == 200
    assert [(visit.path, visit.with_credentials) for visit in away.visited("/abc")] == [("/abc/x", True)]
    assert away.visited("/other") == []
    await away.close()
