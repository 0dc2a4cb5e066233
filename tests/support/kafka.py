"""A real Kafka broker on 127.0.0.1, in KRaft mode, from its published jars: for tests, and for people by command line.

    python -m tests.support.kafka start --dir /tmp/broker     # prints the URL for `--stream`
    python -m tests.support.kafka stop --dir /tmp/broker

Needs Java 17 or later, and Maven once, to fetch what `deploy/kafka/pom.xml` names into a cache folder
(`LOCKSTEP_KAFKA_LIBS`, else `~/.cache/lockstep/kafka`). All workers of a test run share one broker; whoever asks first
starts it, under a file lock, and the process that began the run stops it.
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import psutil
import pytest

from tests.support.real import missing

RUN_DIR_VARIABLE = "LOCKSTEP_TEST_KAFKA_DIR"
"""Folder of this run's broker, named by the process that began the run and inherited by its workers."""

LIBS_VARIABLE = "LOCKSTEP_KAFKA_LIBS"

_POM = Path(__file__).parents[2] / "deploy" / "kafka" / "pom.xml"
_OWNS_RUN = pytest.StashKey[bool]()
_READY_S = 60.0
_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "auto.create.topics.enable": "false",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "8388608",
}


class KafkaError(RuntimeError):
    """The broker, or what it is made of, could not be had; the message says what failed."""


def _version() -> str:
    found = ET.parse(_POM).findtext(".//{*}kafka.version")
    if not found:
        raise KafkaError(f"{_POM} names no kafka.version")
    return found


def library() -> Path:
    """The folder of the broker's jars, filled by Maven the first time. KafkaError when that fails."""
    base = Path(os.environ.get(LIBS_VARIABLE) or Path.home() / ".cache" / "lockstep" / "kafka")
    base.mkdir(parents=True, exist_ok=True)
    place = base / _version()
    with _locked(base / "lock"):
        if not place.exists():
            fresh = Path(tempfile.mkdtemp(dir=base))
            goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
            done = subprocess.run(
                ["mvn", "-q", "-B", "-f", str(_POM), *goal], capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                shutil.rmtree(fresh, ignore_errors=True)
                raise KafkaError(f"Maven could not fetch the broker: {(done.stdout or done.stderr).strip()[-600:]}")
            fresh.rename(place)
    return place


def why_not() -> str | None:
    """Why no broker can be started here, in one line; None when one can."""
    if shutil.which("java") is None:
        return "no Kafka broker: Java is not installed (Debian: apt-get install openjdk-17-jre-headless)"
    if shutil.which("mvn") is None and not (os.environ.get(LIBS_VARIABLE)):
        return "no Kafka broker: Maven is not installed (Debian: apt-get install maven)"
    return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _spawn(command: list[str], log: Path) -> int:
    """Start a process that outlives this one. Not by Popen, which complains when it is forgotten before its process."""
    program = shutil.which(command[0]) or command[0]
    write = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), write, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(program, command, os.environ, file_actions=files, setsid=True)


@dataclass(frozen=True)
class Broker:
    """One broker that lives in the folder `home`. Any process may start, stop or kill it: its state is there."""

    home: Path

    @property
    def hosts(self) -> str:
        """`127.0.0.1:port`; the same after a restart."""
        return f"127.0.0.1:{self._state()['port']}"

    @property
    def url(self) -> str:
        """What `open_stream` takes."""
        return f"kafka://{self.hosts}"

    def start(self) -> None:
        """Start it and return when it takes connections. The data of an earlier life is still there."""
        if self._process() is not None:
            return
        self.home.mkdir(parents=True, exist_ok=True)
        jars = f"{library()}/*"
        if not (self.home / "server.properties").exists():
            self._format(jars)
        pid = _spawn(
            ["java", *_JVM, "-cp", jars, "kafka.Kafka", str(self.home / "server.properties")], self.home / "log"
        )
        self._save(self._state() | {"pid": pid, "born": psutil.Process(pid).create_time()})
        self._wait_ready()

    def stop(self) -> None:
        """End it in an orderly way and wait for that."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut would end the process."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start, on the same port and data."""
        self.stop()
        self.start()

    def _format(self, jars: str) -> None:
        port, controller = _free_port(), _free_port()
        settings = _SETTINGS | {
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": str(self.home / "data"),
        }
        config = self.home / "server.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [
            "java",
            *_JVM,
            "-cp",
            jars,
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            "-c",
            str(config),
        ]
        done = subprocess.run(tool, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            config.unlink()
            raise KafkaError(
                f"the broker's storage could not be formatted: {(done.stderr or done.stdout).strip()[-600:]}"
            )
        self._save({"port": port})

    def _wait_ready(self) -> None:
        port, deadline = self._state()["port"], time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), timeout=1):
                return
            if self._process() is None:
                break
            time.sleep(0.05)
        said = (self.home / "log").read_text(encoding="utf-8", errors="replace")
        raise KafkaError(f"the broker does not come up: {said.strip()[-600:]}")

    def _process(self) -> psutil.Process | None:
        state = self._state()
        with suppress(KeyError, psutil.NoSuchProcess):
            process = psutil.Process(int(state["pid"]))
            if process.create_time() == state["born"] and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def _end(self, how: signal.Signals) -> None:
        process = self._process()
        if process is None:
            return
        process.send_signal(how)
        with suppress(psutil.TimeoutExpired):
            process.wait(timeout=20)
        if self._process() is not None:
            process.kill()
            process.wait(timeout=20)
        with suppress(ChildProcessError):  # another process started it, and collects it
            os.waitpid(process.pid, 0)

    def _state(self) -> dict[str, float]:
        state = self.home / "broker.json"
        return dict(json.loads(state.read_text(encoding="utf-8"))) if state.exists() else {}

    def _save(self, state: dict[str, float]) -> None:
        (self.home / "broker.json").write_text(json.dumps(state), encoding="utf-8")


def shared_broker(run_dir: Path) -> Broker:
    """The broker of this run: started by whoever comes first, found by all others. A failed start fails for all."""
    with _locked(run_dir / "lock"):
        broker, failed = Broker(run_dir / "broker"), run_dir / "failed"
        if failed.exists():
            raise KafkaError(failed.read_text(encoding="utf-8"))
        try:
            broker.start()
        except KafkaError as error:
            failed.write_text(str(error), encoding="utf-8")
            raise
        return broker


def begin_run() -> bool:
    """Name this run's folder before any worker starts. False when an outer run has named one: then that run ends it."""
    if RUN_DIR_VARIABLE in os.environ:
        return False
    os.environ[RUN_DIR_VARIABLE] = tempfile.mkdtemp(prefix="lockstep-kafka-")
    return True


def end_run() -> None:
    """Stop what the run started, also when a worker died. Called by the process whose `begin_run` said True."""
    run_dir = Path(os.environ.pop(RUN_DIR_VARIABLE))
    Broker(run_dir / "broker").kill()
    shutil.rmtree(run_dir, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[_OWNS_RUN] = begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(_OWNS_RUN, False):
        end_run()


@pytest.fixture(scope="session")
def kafka() -> Broker:
    """The run's broker; leave it running. Skips (in CI fails) where there is no Java or no Maven."""
    if reason := why_not():
        missing(reason)
    return shared_broker(Path(os.environ[RUN_DIR_VARIABLE]))


@pytest.fixture
def own_kafka(kafka: Broker, tmp_path: Path) -> Iterator[Broker]:
    """A broker of this test's own, to stop and to kill."""
    broker = Broker(tmp_path / "kafka")
    broker.start()
    yield broker
    broker.kill()


def main(arguments: list[str] | None = None) -> int:
    """The command line. Exit 1, with the reason on stderr, when the broker cannot be had."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.kafka", description="Start or stop a local Kafka broker."
    )
    parser.add_argument("verb", choices=["start", "stop"])
    parser.add_argument("--dir", required=True, type=Path, help="folder of the broker's data and state")
    chosen = parser.parse_args(arguments)
    broker = Broker(chosen.dir.resolve())
    if chosen.verb == "stop":
        broker.stop()
        return 0
    try:
        if reason := why_not():
            raise KafkaError(reason)
        broker.start()
    except KafkaError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{broker.url}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
