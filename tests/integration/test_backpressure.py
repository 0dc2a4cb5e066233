"""Less free on the disk than the reserve: webhooks are refused while everything can still be stored, polls wait, people
are told, and space is all it takes to go on. A real process on a small file system.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.edges import SLOW_S, Program, Sites, jira_headers, program
from tests.support.running import write_config
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SIZE_MB, RESERVE_MB = 64, 40
LIMITS = f"limits: {{disk_reserve: {RESERVE_MB}MB}}"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A file system of `SIZE_MB`."""
    made = tmp_path / "disk"
    made.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(made)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here ({mounted.stderr.decode().strip()})")
    try:
        yield made
    finally:
        subprocess.run(["umount", "--lazy", str(made)], check=True)


@pytest.fixture
async def gateway(place: Path, both: Sites) -> AsyncIterator[Program]:
    file, url = write_config(place, snow=both.snow.url, jira=both.jira.url, poll="200ms", extra=LIMITS)
    async with program(file, url, both.http) as made:
        yield made


async def _send(gateway: Program, number: str, delivery: str) -> tuple[int, dict[str, str], dict[str, object]]:
    body = json.dumps({"webhookEvent": "jira:issue_updated", "issue": {"id": number}}).encode()
    headers = jira_headers(body, delivery)
    async with gateway.http.post(f"{gateway.url}/hooks/jira", data=body, headers=headers) as answer:
        return answer.status, dict(answer.headers), await answer.json(content_type=None)


async def test_the_reserve_of_the_disk(place: Path, gateway: Program, both: Sites) -> None:
    number = await both.issue("the first")
    assert (await _send(gateway, number, "before"))[0] == 200
    ballast = place / "ballast"
    ballast.write_bytes(b"x" * ((SIZE_MB - RESERVE_MB) << 20))

    async def refused() -> bool:
        return (await _send(gateway, number, "meanwhile"))[0] == 503

    await until(refused, what="the intake to notice", timeout_s=SLOW_S)
    status, headers, said = await _send(gateway, number, "meanwhile")
    assert (status, said["code"]) == (503, "pressed")
    assert int(headers["Retry-After"]) > 0
    async with gateway.http.get(f"{gateway.url}/readyz") as answer:
        told = await answer.json(content_type=None)
        assert answer.status == 503
        assert any(reason.startswith("intake: ") for reason in told["reasons"])
    async with gateway.http.get(f"{gateway.url}/livez") as answer:
        assert answer.status == 200

    async def written() -> bool:
        """People with a terminal see it too: this worker's row is what they are shown."""
        return bool((await gateway.now())["refusing"])

    await until(written, what="people to be told", timeout_s=SLOW_S)
    ballast.unlink()

    async def ready() -> bool:
        async with gateway.http.get(f"{gateway.url}/readyz") as answer:
            return answer.status == 200

    await until(ready, what="the gateway to be ready again", timeout_s=SLOW_S)
    assert (await _send(gateway, number, "meanwhile"))[0] == 200

    async def there() -> bool:
        return "the first" in await both.texts("snow") and not (await gateway.now())["refusing"]

    await until(there, what="what was taken in to arrive", timeout_s=SLOW_S)
    assert (await gateway.now())["needs_people"] == 0
    assert await gateway.end() == 0
