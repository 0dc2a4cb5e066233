"""A forked process is like one that was started from nothing, whatever the forker is like itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.edges import SLOW_S, environment
from tests.support.warm import WarmChild

MIRROR = "tests.contract.house.mirror"


@pytest.mark.parametrize(("how", "typed"), [("0", ""), ("7", "a line\n"), ("raise", ""), ("signal", "")])
async def test_is_what_a_process_from_nothing_is(tmp_path: Path, how: str, typed: str) -> None:
    env = environment(ONLY_HERE="1")
    env.pop("HOME", None)
    command = [sys.executable, "-m", MIRROR, how, "a word", "--flag"]
    cold = subprocess.run(  # noqa: ASYNC221 - nothing else goes on
        command, cwd=tmp_path, env=env, input=typed.encode(), capture_output=True, check=False, timeout=SLOW_S
    )
    code, out, err = await warm.run(
        MIRROR, how, "a word", "--flag", cwd=tmp_path, env=env, typed=typed.encode(), patience_s=SLOW_S
    )
    assert code == cold.returncode
    assert json.loads(out) == json.loads(cold.stdout)
    assert err.splitlines()[0] == cold.stderr.splitlines()[0] == b"done"
    assert err.splitlines()[-1] == cold.stderr.splitlines()[-1]


async def test_two_in_a_row_share_no_order_of_sets() -> None:
    """Where one process puts a set into an order and another one relies on it, that has to show itself."""
    asked = ("timeit", "-n1", "-r1", "print(hash('a'))")
    first, second = [await warm.run(*asked, cwd=Path.cwd(), env=environment(), patience_s=SLOW_S) for _ in range(2)]
    assert first[1].splitlines()[0] != second[1].splitlines()[0]


async def test_one_that_hangs_is_ended() -> None:
    with pytest.raises(TimeoutError):
        await warm.run("http.server", "0", "-b", "127.0.0.1", cwd=Path.cwd(), env=environment(), patience_s=0.0)


async def test_is_killed_and_told_of_as_any_other(tmp_path: Path) -> None:
    """Its log is a file, it leads a session, and signals reach it by its own number."""

    async def ready() -> bool:
        return (tmp_path / "log").stat().st_size > 0

    child = WarmChild("it", [sys.executable, "-m", "http.server", "0", "-b", "127.0.0.1"], tmp_path / "log", ready)
    child.environment = {"PYTHONUNBUFFERED": "1"}
    await child.start()
    assert child.process is not None
    assert os.getsid(child.process.pid) == child.process.pid
    await child.kill()
    assert child.process.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(child.process.pid, 0)


async def test_does_not_outlive_whoever_asked_for_it(tmp_path: Path) -> None:
    """The tests were killed: nothing they started may go on."""
    script = (
        "import asyncio, os, sys; from tests.support import warm\n"
        "async def main():\n"
        "    with open(os.devnull, 'r+b') as none:\n"
        "        made = await warm.start('http.server', '0', '-b', '127.0.0.1', cwd='.', env=dict(os.environ),\n"
        "            streams=(none.fileno(),) * 3)\n"
        "    print(made.pid, flush=True)\n"
        "    await made.wait()\n"
        "asyncio.run(main())\n"
    )
    tests = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=-1, env=environment())
    assert tests.stdout is not None
    pid = int(await asyncio.wait_for(tests.stdout.readline(), SLOW_S))
    gone = os.pidfd_open(pid)
    try:
        tests.kill()
        await tests.wait()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(gone, ended.set)
        await asyncio.wait_for(ended.wait(), SLOW_S)
        asyncio.get_running_loop().remove_reader(gone)
    finally:
        os.close(gone)
