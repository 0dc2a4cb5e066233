"""Runs a command beside a fresh Kafka broker and PostgreSQL server, and takes both away again.

    python -m scripts.real_parts lockstep demo --for 30s --stream {stream} --database {database}

`{stream}` and `{database}` in the arguments become their URLs. Exit code: the command's; 1 when a server cannot be had.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import kafka, postgres


@dataclass(frozen=True)
class Servers:
    """Both servers, to be stopped and started again at will, and an empty database."""

    broker: kafka.Broker
    cluster: postgres.Cluster
    database: str

    @property
    def urls(self) -> dict[str, str]:
        """What the placeholders become."""
        return {"{stream}": self.broker.url, "{database}": self.cluster.url(self.database)}


@contextmanager
def servers(home: Path) -> Iterator[Servers]:
    """Both servers, in an empty folder. Raises KafkaError or PostgresError with the reason."""
    if reason := kafka.why_not():
        raise kafka.KafkaError(reason)
    binaries = postgres.server_binaries()
    if binaries is None:
        raise postgres.PostgresError("PostgreSQL's server programs are not installed")
    home.chmod(0o755)  # PostgreSQL's user walks through it
    (home / "postgres").mkdir()
    broker, cluster = kafka.Broker(home / "kafka"), postgres.start_cluster(binaries, home / "postgres")
    try:
        broker.start()
        yield Servers(broker, cluster, cluster.create_database())
    finally:
        broker.kill()
        cluster.stop()


def filled(argument: str, urls: dict[str, str]) -> str:
    """The argument with each placeholder replaced; other braces stay."""
    for placeholder, url in urls.items():
        argument = argument.replace(placeholder, url)
    return argument


def main(command: Sequence[str]) -> int:
    """Run it; see the module."""
    if not command:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    # An end from outside becomes an exit, so that the servers are taken away then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="lockstep-real-", ignore_cleanup_errors=True) as folder:
        try:
            with servers(Path(folder)) as both:
                return subprocess.run([filled(argument, both.urls) for argument in command], check=False).returncode
        except (kafka.KafkaError, postgres.PostgresError) as error:
            sys.stderr.write(f"{error}\n")
            return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
