"""Being told, by the whole program: a refused write, a killed gateway, and the commands about channels."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.edges import SLOW_S, Said, Sites, lockstep, program
from tests.support.receiving import SECRET, Receiver, receiving
from tests.support.running import write_config
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

WRITES = {"write": True}


def _config(tmp_path: Path, both: Sites, receiver: Receiver) -> tuple[Path, str]:
    (tmp_path / "ops.key").write_text(SECRET + "\n")
    extra = f"""
access: {{internal: [127.0.0.0/8], tokens: {{tests: {{secret: '${{TOKEN_OF_THE_TESTS}}', roles: [admin]}}}}}}
notifications:
  base: https://lockstep.example.com
  channels:
    ops: {{webhook: {{url: '{receiver.url}', secret: 'file:ops.key'}}, fallback: log}}
  rules: [{{to: ops, connections: [jira]}}]
"""
    return write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, extra=extra)


async def _shown(tmp_path: Path, *words: str) -> list[dict[str, Any]]:
    said = await lockstep("notification", "list", *words, "--json", cwd=tmp_path)
    assert said.code == 0, said
    return list(said.document())


async def test_people_are_told_of_a_case_once_and_the_commands_know(tmp_path: Path, both: Sites) -> None:
    async with receiving() as receiver:
        file, url = _config(tmp_path, both, receiver)
        async with program(file, url, both.http) as gateway:
            await both.arm("jira", "status", status=403, match=WRITES)
            await both.incident("Marta Kowalska cannot print")
            await until(lambda: receiver.ids, what="the notification", timeout_s=SLOW_S)

            async def recorded() -> bool:
                return [each["state"] for each in await _shown(tmp_path, "ops")] == ["delivered"]

            # Killed before that, it would be sent again under its id: tests/contract/notify kills there.
            await until(recorded, what="the delivery to be recorded", timeout_s=SLOW_S)
            await gateway.end(signal.SIGKILL)
            await gateway.start()

            async def try_it(*more: str) -> Said:
                return await lockstep("notification", "test", "ops", *more, cwd=tmp_path)

            said = await try_it()
            assert (said.code, "delivered (204)" in said.out) == (0, True), said
            # The test came after the restart, and nothing was told a second time before it.
            assert receiver.kinds == ["case.opened", "channel.test"]
            assert not receiver.forged
            (opened, _) = receiver.events
            assert opened["data"]["connections"] == ["jira"]
            assert opened["data"]["link"] == f"https://lockstep.example.com/c/{opened['data']['case']}"
            assert "Marta" not in "".join(receiver.bodies)

            views = {each["channel"]: each for each in await _shown(tmp_path)}
            assert (views["ops"]["kind"], views["ops"]["state"], views["ops"]["waiting"]) == ("webhook", "working", 0)
            assert (views["log"]["kind"], views["log"]["state"]) == ("log", "unused")
            assert SECRET not in str(views)
            assert receiver.url not in str(views)
            assert [each["state"] for each in await _shown(tmp_path, "ops")] == ["delivered", "delivered"]

            receiver.forget()
            said = await lockstep("notification", "replay", "ops", "--event", opened["id"], "--yes", cwd=tmp_path)
            assert said.code == 0, said
            await until(lambda: receiver.ids, what="the replayed event", timeout_s=SLOW_S)
            assert receiver.ids == [opened["id"]]

            receiver.next(500)
            said = await try_it()
            assert (said.code, "500" in said.err) == (3, True), said
        said = await try_it("--wait", "0.5")
        assert (said.code, "is the gateway running?" in said.err) == (4, True), said
