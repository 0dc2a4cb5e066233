"""Rounds of floor and gateway, taking turns on the same cores against a fresh target each."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import msgspec
import psutil

from benchmarks.load import Drive, Measured
from benchmarks.processes import Cores, Running, free_port, run_pinned, running

TOKEN, SECRET = "bench-token", "bench-secret"
"""They protect nothing: both ends live for one run on 127.0.0.1."""
CONFIG = Path(__file__).with_name("config")
"""What the gateway runs on: its configuration, mappings and record type."""
IDLE_S = 3.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a run does, the same for both subjects."""

    records: int = 10_000
    rounds: int = 3
    seconds: float = 20.0
    latency_seconds: float = 10.0
    window: int = 1024
    lines: int = 64
    read_before_write: str = "auto"
    subject: str = "gateway"
    """`gateway`, or `floor` to try the harness on itself: the ratio must then be about 1."""
    profile: str = ""
    """File for the profile of the gateway; it slows the gateway down, so the ratio of such a run means nothing."""
    seed: int = 1


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One subject's round."""

    measured: Measured
    start_s: float
    """From process start to ready."""
    idle_cpu_percent: float


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """Floor and subject, one after the other."""

    floor: Outcome
    gateway: Outcome


def play(settings: Settings, cores: Cores) -> Iterator[Round]:
    """Yields each round when it is finished. Raises StartError when a process fails."""
    for number in range(settings.rounds):
        floor = _turn("floor", settings, cores, number)
        yield Round(floor=floor, gateway=_turn(settings.subject, settings, cores, number))


def _turn(subject: str, settings: Settings, cores: Cores, number: int) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder, ExitStack() as stack:
        here = Path(folder)
        target_url = stack.enter_context(_target(here, cores))
        started, port = stack.enter_context(_subject(subject, here, settings, cores, target_url))
        drive = Drive(
            hook_port=port,
            hook_path="/hooks/src",
            secret=SECRET,
            target_url=target_url,
            space="dst",
            subject_pid=started.process.pid,
            records=settings.records,
            seed=settings.seed + number,
            lines=settings.lines,
            window=settings.window,
            seconds=settings.seconds,
            latency_seconds=settings.latency_seconds,
        )
        longest = 120 + 4 * settings.seconds + 2 * settings.latency_seconds
        command = ["-m", "benchmarks.load"]
        answer = run_pinned(command, core=cores.rest, given=msgspec.json.encode(drive), timeout_s=longest)
        idle = _idle_percent(started.process.pid)
        return Outcome(
            measured=msgspec.json.decode(answer, type=Measured), start_s=started.start_s, idle_cpu_percent=idle
        )


def _subject(
    subject: str, here: Path, settings: Settings, cores: Cores, target_url: str
) -> AbstractContextManager[tuple[Running, int]]:
    if subject == "gateway":
        return _gateway(here, settings, cores, target_url)
    return _floor(here, cores, target_url)


@contextmanager
def _target(here: Path, cores: Cores) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["-m", "benchmarks.target", "--port", str(port), "--token", TOKEN]
    with running(command, core=cores.rest, log=here / "target.log", ready=f"{url}/_bench/dst/progress"):
        yield url


@contextmanager
def _floor(here: Path, cores: Cores, target_url: str) -> Iterator[tuple[Running, int]]:
    port = free_port()
    command = ["-m", "benchmarks.floor", "--port", str(port), "--target", f"{target_url}/dst"]
    command += ["--token", TOKEN, "--secret", SECRET, "--data", str(here / "floor.sqlite")]
    ready = f"http://127.0.0.1:{port}/readyz"
    with running(command, core=cores.subject, log=here / "floor.log", ready=ready) as started:
        yield started, port


@contextmanager
def _gateway(here: Path, settings: Settings, cores: Cores, target_url: str) -> Iterator[tuple[Running, int]]:
    port = free_port()
    wrapper = ["-m", "benchmarks.profiled", settings.profile] if settings.profile else ["-m"]
    config = write_config(here / "config", settings.read_before_write)
    command = [*wrapper, "gateway.cli.main", "run", "--config", str(config)]
    env = {
        "BENCH_DATA": str(here / "data"),
        "BENCH_LISTEN": f"127.0.0.1:{port}",
        "BENCH_TARGET": target_url,
        "BENCH_TOKEN": TOKEN,
        "BENCH_SECRET": SECRET,
    }
    ready = f"http://127.0.0.1:{port}/readyz"
    with running(command, core=cores.subject, log=here / "gateway.log", ready=ready, env=env) as started:
        yield started, port


def write_config(folder: Path, read_before_write: str) -> Path:
    """A copy of the configuration with that setting; returns the file."""
    shutil.copytree(CONFIG, folder)
    file = folder / "lockstep.yaml"
    text = file.read_text()
    chosen = text.replace("read_before_write: auto", f"read_before_write: {read_before_write}")
    file.write_text(chosen)
    return file


def _idle_percent(pid: int) -> float:
    process = psutil.Process(pid)
    time.sleep(1.0)  # what the last changes left to do is not idling
    process.cpu_percent(None)
    time.sleep(IDLE_S)
    return float(process.cpu_percent(None))
