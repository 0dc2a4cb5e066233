"""A full disk: webhooks are refused with 503, what was acknowledged is not lost, and space is all it takes to go on.

Two ways to a full disk, both real for the process: a small file system that is filled (where mounting is allowed), and
a limit on the size of files, set on the running process from outside (everywhere on Linux).
"""

from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.edges import SLOW_S, Program, Sites, jira_headers, program
from tests.support.running import SIGNED_IN, write_config
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SIZE = "6m"
NO_RESERVE = "limits: {disk_reserve: 0B}"
"""Without it changes are refused long before the disk is full; see test_backpressure."""


@dataclass
class Disk:
    """Where the gateway keeps everything, its log included, and how that place is filled and emptied."""

    directory: Path
    fill: Callable[[Program], None]
    empty: Callable[[Program], None]


@pytest.fixture(params=["file system", "limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    if request.param == "limit":
        yield Disk(place, lambda gateway: _limit(gateway, 1), lambda gateway: _limit(gateway, resource.RLIM_INFINITY))
        return
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here ({mounted.stderr.decode().strip()}); the limit stands in")
    try:
        yield Disk(place, lambda _: _fill(place / "ballast"), lambda _: (place / "ballast").unlink())
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def _limit(gateway: Program, soft: int) -> None:
    assert gateway.process is not None
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))


def _fill(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        for size in (65536, 4096, 1):
            with suppress(OSError):
                while file.write(b"x" * size):
                    pass


@pytest.fixture
async def gateway(disk: Disk, both: Sites) -> AsyncIterator[Program]:
    file, url = write_config(disk.directory, snow=both.snow.url, jira=both.jira.url, poll="1h", extra=NO_RESERVE)
    async with program(file, url, both.http) as made:
        yield made


async def send(gateway: Program, number: str, delivery: str) -> tuple[int, dict[str, str], dict[str, object]]:
    """A hint of one issue, heavy enough that a little slack on the disk is soon used up."""
    document = {"webhookEvent": "jira:issue_updated", "issue": {"id": number, "fields": {"environment": "x" * 20_000}}}
    body = json.dumps(document).encode()
    async with gateway.http.post(
        f"{gateway.url}/hooks/jira", data=body, headers=jira_headers(body, delivery)
    ) as answer:
        return answer.status, dict(answer.headers), await answer.json(content_type=None)


async def test_a_full_disk(disk: Disk, gateway: Program, both: Sites) -> None:
    acknowledged: dict[str, str] = {}
    issues = [await both.issue(f"number {n}") for n in range(4)]
    for number in issues[:2]:
        status, _, _ = await send(gateway, number, f"before {number}")
        assert status == 200
        acknowledged[f"before {number}"] = number

    disk.fill(gateway)

    async def refused() -> bool:
        delivery = f"meanwhile {len(acknowledged)}"
        status, headers, said = await send(gateway, issues[2], delivery)
        if status == 200:
            acknowledged[delivery] = issues[2]
            return False
        assert (status, said["code"]) == (503, "not-durable"), said
        assert int(headers["Retry-After"]) > 0
        return True

    await until(refused, what="the disk to be full", timeout_s=SLOW_S)
    for n in range(10):
        status, headers, _ = await send(gateway, issues[3], f"refused {n}")
        assert status == 503
        assert int(headers["Retry-After"]) > 0
    async with gateway.http.get(f"{gateway.url}/livez") as answer:
        assert answer.status == 200
    async with gateway.http.get(f"{gateway.url}/v1/now", headers=SIGNED_IN) as answer:
        assert answer.status in {200, 503}

    disk.empty(gateway)

    async def accepted() -> bool:
        """As the vendor repeats what was refused."""
        status, _, _ = await send(gateway, issues[3], "refused 0")
        return status == 200

    await until(accepted, what="webhooks to be accepted again", timeout_s=SLOW_S)
    wanted = {f"number {issues.index(number)}" for number in (*acknowledged.values(), issues[3])}

    async def all_there() -> bool:
        return await both.texts("snow") >= wanted

    await until(all_there, what="everything acknowledged to arrive", timeout_s=SLOW_S)
    await gateway.quiet()
    assert len(await both.log("snow")) == len(await both.objects("snow")), "each was created once"
    assert (await gateway.now())["needs_people"] == 0
    assert await gateway.end() == 0
