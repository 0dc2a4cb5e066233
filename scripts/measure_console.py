"""How long the console's pages take on the server with very many open cases: `python -m scripts.measure_console`."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from aiohttp import ClientSession

from dead_letter import store
from dead_letter.values import NewCase
from tests.browser.stage import COOKIE, House, Stage
from tests.support.cases import wish

PAGES = {
    "now": "/now",
    "groups": "/cases",
    "list": "/cases?by=none",
    "list, second page": "",
    "one group": "/cases?group={group}&by=none",
    "one system": "/cases?by=none&connection=jira",
    "nobody's": "/cases?by=none&owner=nobody",
    "text": "/cases?by=none&text=OPS-99",
    "case": "/c/FO-777",
}


def _wish(at: int, causes: int) -> NewCase:
    return wish(
        f"r{at:026}",
        title=f"Jira refuses the issue type of kind {at % causes}",
        object_key=f"OPS-{at}",
        object_id=str(at),
        fingerprint=f"target.refused:jira:{at % causes}",
    )


async def fill(stage: Stage, count: int, causes: int) -> None:
    """Open cases of some causes, spread over a week."""
    now = time.time()
    for first in range(0, count, 1000):
        new = [_wish(at, causes) for at in range(first, min(first + 1000, count))]
        async with stage.gateway.database.begin("measure") as tx:
            await store.open_cases(tx, new, now=now - 600_000 * (count - first) / count)


async def measured(stage: Stage, path: str, rounds: int) -> list[float]:
    """Seconds of each round, the shortest first; the first two are not counted."""
    found = []
    async with ClientSession(cookies={COOKIE: stage.cookies["nadia"]}) as http:
        for _ in range(rounds + 2):
            began = time.perf_counter()
            async with http.get(stage.url + path) as answer:
                await answer.read()
                assert answer.status == 200, path
            found.append(time.perf_counter() - began)
    return sorted(found[2:])


async def _second(stage: Stage) -> str:
    cookies = {COOKIE: stage.cookies["nadia"]}
    async with ClientSession(cookies=cookies) as http, http.get(f"{stage.url}/cases?by=none") as answer:
        text = await answer.text()
    return text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")


def main() -> None:
    """Prints the median and the 95th percentile of each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--causes", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=40)
    asked = parser.parse_args()
    house = House()
    with tempfile.TemporaryDirectory() as folder:
        stage = house.stage(Path(folder))
        house.do(fill(stage, asked.cases, asked.causes))
        pages = {**PAGES, "list, second page": house.do(_second(stage))}
        for name, path in pages.items():
            found = asyncio.run(measured(stage, path.format(group="target.refused:jira:7"), asked.rounds))
            middle, high = found[len(found) // 2], found[int(len(found) * 0.95)]
            print(f"{name:20} median {middle * 1000:5.0f} ms   p95 {high * 1000:5.0f} ms")
        house.end()


if __name__ == "__main__":
    main()
