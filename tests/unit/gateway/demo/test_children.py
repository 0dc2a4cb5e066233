"""The supervisor, on trivial children. Waits are on conditions; none of these children does anything by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import psutil
import pytest

from gateway.demo.children import Child, ChildFailed, Children, free_port
from tests.support.waiting import until

SLEEPER = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('up'); print('hello'); time.sleep(600)"
STUBBORN = (
    "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "pathlib.Path(sys.argv[1]).write_text('up'); time.sleep(600)"
)
PARENT = """
import asyncio, pathlib, sys
from gateway.demo.children import Child, Children
async def main():
    async def ready(): return pathlib.Path(sys.argv[1]).exists()
    async with Children() as children:
        child = Child("c", [sys.executable, "-c", sys.argv[2], sys.argv[1]], pathlib.Path(sys.argv[1] + ".log"), ready)
        await children.start(child)
        print(child.process.pid, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


def child(tmp_path: Path, program: str = SLEEPER, *, name: str = "sleeper", patience_s: float = 60.0) -> Child:
    flag = tmp_path / f"{name}.up"

    async def ready() -> bool:
        return flag.exists()

    command = [sys.executable, "-c", program, str(flag)]
    return Child(name, command, tmp_path / f"{name}.log", ready, patience_s=patience_s)


def pid(one: Child) -> int:
    assert one.process is not None
    return one.process.pid


async def gone(number: int) -> None:
    """Waits until a process is no more (a zombie counts: somebody else reaps it)."""

    def there() -> bool:
        try:
            return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    await until(lambda: not there(), what=f"process {number} to end")


async def test_it_starts_and_ends_all(tmp_path: Path) -> None:
    async with Children() as children:
        one, two = child(tmp_path, name="one"), child(tmp_path, name="two")
        await children.start(one, two)
        children.check()
        assert psutil.pid_exists(pid(one))
    assert not psutil.pid_exists(pid(one))
    assert not psutil.pid_exists(pid(two))


async def test_a_killed_child_can_start_again_and_its_log_goes_on(tmp_path: Path) -> None:
    async with Children() as children:
        one = child(tmp_path)
        await children.start(one)
        first = pid(one)
        await one.kill()
        children.check()
        assert not psutil.pid_exists(first)
        await one.start()
        assert pid(one) != first
        one.check()


async def test_one_that_is_killed_by_somebody_else_is_missed(tmp_path: Path) -> None:
    async with Children() as children:
        one = child(tmp_path)
        await children.start(one)
        os.kill(pid(one), signal.SIGKILL)
        assert one.process is not None
        await one.process.wait()
        with pytest.raises(ChildFailed, match="ended by itself"):
            children.check()


async def test_what_it_said_when_it_ended_by_itself_is_shown(tmp_path: Path) -> None:
    broken = child(tmp_path, "print('line one'); raise SystemExit('the disk is full')", name="broken")
    with pytest.raises(ExceptionGroup) as raised:
        async with Children() as children:
            await children.start(broken)
    failure = raised.value.exceptions[0]
    assert isinstance(failure, ChildFailed)
    assert "broken ended by itself (status 1)" in str(failure)
    assert str(tmp_path / "broken.log") in str(failure)
    assert "the disk is full" in str(failure)


async def test_one_that_is_never_ready_is_given_up_and_ended(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    one = child(tmp_path, patience_s=0.2)
    one.ready = never
    with pytest.raises(ChildFailed, match="did not become ready within"):
        await one.start()
    await gone(pid(one))


async def test_one_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    one = child(tmp_path, STUBBORN)
    await one.start()
    await one.stop(patience_s=0.1)
    assert one.process is not None
    assert one.process.returncode == -signal.SIGKILL


async def test_stopping_twice_does_no_harm(tmp_path: Path) -> None:
    one = child(tmp_path)
    await one.stop()
    await one.start()
    await one.stop()
    await one.stop()
    assert not psutil.pid_exists(pid(one))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
async def test_children_do_not_outlive_a_parent_that_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "up"), SLEEPER]
    parent = await asyncio.create_subprocess_exec(
        *command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
    )
    assert parent.stdout is not None
    orphan = int(await parent.stdout.readline())
    parent.send_signal(how)
    await parent.wait()
    await gone(orphan)


def test_a_free_port_is_not_one_that_is_taken() -> None:
    import socket

    first = free_port(Random(1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first))
        assert free_port(Random(1)) != first
