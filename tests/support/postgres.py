"""A throw-away PostgreSQL cluster for the test run, shared by all its processes, and a database of its own for each
test: an empty one, or one with all tables and no row.

Whoever asks first starts the cluster, under a file lock; the process that began the run stops it. Durability is off:
these tests ask what the server decides, not what survives a power cut. PostgreSQL refuses to run as root, so root
hands the cluster to an unprivileged user.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql

from tests.support.real import missing
from tests.support.tables import script

RUN_DIR_VARIABLE = "LOCKSTEP_TEST_POSTGRES_DIR"
"""Folder of this run's cluster, named by the process that began the run and inherited by its workers."""

_NEEDED = ("initdb", "pg_ctl", "psql")
_SUPERUSER = "lockstep"
_PREFIX = "lockstep-pg-"
_MOST_USES = 50
"""After so many tests a database makes room for a new one: its catalogue has grown."""
_OWNS_RUN = pytest.StashKey[bool]()
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "unix_socket_directories": "''",
    "listen_addresses": "'127.0.0.1'",
    "log_min_messages": "warning",
    "timezone": "'UTC'",
}


_CATALOGUE = """SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
    SELECT c.relname || c.relkind::text || coalesce(a.attname || a.atttypid || a.attnotnull || a.attnum, '') AS line
    FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal) AS all_of_it"""
"""One value for all that is made in a database."""
_REMEMBER = f"DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA public IS %L', ({_CATALOGUE})); END $$"
_FORGET_ROWS = f"""DO $$ DECLARE made record; BEGIN
    IF obj_description('public'::regnamespace) IS DISTINCT FROM ({_CATALOGUE}) THEN RAISE 'tables were changed'; END IF;
    FOR made IN SELECT oid, relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace LOOP
        IF made.relkind = 'r' THEN EXECUTE format('DELETE FROM public.%I', made.relname);
        ELSIF made.relkind = 'S' THEN PERFORM setval(made.oid::regclass, 1, false); END IF;
    END LOOP; END $$"""


class PostgresError(RuntimeError):
    """A PostgreSQL tool failed; the message holds what it said."""


def server_binaries() -> Path | None:
    """Folder with the server's programs: on the PATH, where `pg_config` points, Debian's newest; None where absent."""
    candidates = []
    if on_path := shutil.which("initdb"):
        candidates.append(Path(on_path).resolve().parent)
    if pg_config := shutil.which("pg_config"):
        said = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        candidates.append(Path(said.stdout.strip()))
    debian = [place for place in Path("/usr/lib/postgresql").glob("*/bin") if place.parent.name.isdigit()]
    candidates += sorted(debian, key=lambda place: int(place.parent.name), reverse=True)
    return next((place for place in candidates if all((place / tool).is_file() for tool in _NEEDED)), None)


@cache
def _unprivileged() -> pwd.struct_passwd | None:
    """The user a root process hands the cluster to; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresError("neither the user `postgres` nor `nobody` exists, and PostgreSQL refuses to run as root")


def _run(command: Sequence[str | Path], cwd: Path) -> str:
    user = _unprivileged()
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise PostgresError(f"{Path(command[0]).name} ended with {done.returncode}: {said}")
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Cluster:
    """A running server on 127.0.0.1, every local connection trusted."""

    binaries: Path
    home: Path
    port: int

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+asyncpg://{_SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def sql(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser, each in a transaction of its own."""
        self._psql(database, *(part for statement in statements for part in ("-c", statement)))

    def _psql(self, database: str, *commands: str) -> None:
        server = ["-h", "127.0.0.1", "-p", str(self.port), "-U", _SUPERUSER, "-d", database]
        _run([self.binaries / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *server, *commands], self.home)

    def create_database(self) -> str:
        """Clone the empty template and give the clone's name. Copying files beats the log while nothing is durable."""
        name = f"t_{secrets.token_hex(8)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        return name

    def furnish(self, name: str) -> None:
        """Make the tables of today in an empty database: a second of this server's work."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql", dir=self.home, encoding="utf-8") as file:
            file.write(f"{script(postgresql.dialect())}{_REMEMBER};\n")  # type: ignore[no-untyped-call]
            file.flush()
            Path(file.name).chmod(0o644)
            self._psql(name, "-1", "-f", file.name)

    def empty_database(self, name: str) -> None:
        """Cut whatever connection a test left open, and forget all it made: a third of the time of a new database."""
        self._alone(name, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")

    def forget_rows(self, name: str) -> None:
        """The same, and the tables stay. Raises PostgresError where they are not as `furnish` made them."""
        self._alone(name, "SET session_replication_role = 'replica'", _FORGET_ROWS)

    def _alone(self, name: str, *statements: str) -> None:
        self.sql(
            "SET lock_timeout = '20s'",
            "SET client_min_messages = 'error'",
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            *statements,
            database=name,
        )

    def drop_database(self, name: str) -> None:
        """Drop it, cutting whatever connection a test left open."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def keep_commits(self) -> None:
        """From now on a commit that was answered outlives a `crash`, as it does on a server that people rely on."""
        self.sql("ALTER SYSTEM SET synchronous_commit = 'on'")
        self.sql("SELECT pg_reload_conf()")

    def crash(self) -> None:
        """End the server at once, without a shutdown; its files stay. Commits of the last moment are lost, unless
        `keep_commits` was asked for.
        """
        _run(
            [self.binaries / "pg_ctl", "stop", "-D", self.home / "data", "-m", "immediate", "-w", "-t", "60"], self.home
        )

    def start(self) -> None:
        """Start the server again on its files and port."""
        place: list[str | Path] = ["-D", self.home / "data", "-l", self.home / "log", "-o", f"-p {self.port}"]
        _run([self.binaries / "pg_ctl", "start", *place, "-w", "-t", "60"], self.home)

    def stop(self) -> None:
        """Stop the server at once and remove what it wrote."""
        self.crash()
        shutil.rmtree(self.home, ignore_errors=True)


def start_cluster(binaries: Path, home: Path) -> Cluster:
    """Make and start a cluster in the empty folder `home`. Another port is tried when one is taken in between."""
    user = _unprivileged()
    if user:
        os.chown(home, user.pw_uid, user.pw_gid)
    data = home / "data"
    _run([binaries / "initdb", "-D", data, "-U", _SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N"], home)
    with (data / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.writelines(f"{name} = {value}\n" for name, value in _SETTINGS.items())
    for attempt in range(5):
        port = _free_port()
        options: list[str | Path] = ["-D", data, "-l", home / "log", "-o", f"-p {port}", "-w", "-t", "60"]
        try:
            _run([binaries / "pg_ctl", "start", *options], home)
        except PostgresError:
            if attempt == 4:
                raise
            continue
        return Cluster(binaries, home, port)
    raise AssertionError("the last attempt raises")


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    with (place / "lock").open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def shared_cluster(binaries: Path, run_dir: Path) -> Cluster:
    """The cluster of this run: started by whoever comes first, found by all others. A failed start fails for all."""
    with _locked(run_dir):
        state, failed = run_dir / "port", run_dir / "failed"
        if failed.exists():
            raise PostgresError(failed.read_text(encoding="utf-8"))
        home = run_dir / "cluster"
        if state.exists():
            return Cluster(binaries, home, int(state.read_text(encoding="utf-8")))
        home.mkdir()
        try:
            cluster = start_cluster(binaries, home)
        except PostgresError as error:
            failed.write_text(str(error), encoding="utf-8")
            raise
        state.write_text(str(cluster.port), encoding="utf-8")
        return cluster


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(run_dir: Path) -> None:
    state, binaries = run_dir / "port", server_binaries()
    if binaries and state.exists():
        # The server may be gone already: then there is only the folder to remove.
        with suppress(PostgresError):
            Cluster(binaries, run_dir / "cluster", int(state.read_text(encoding="utf-8"))).stop()
    shutil.rmtree(run_dir, ignore_errors=True)


def end_orphans(place: Path) -> None:
    """Stop the servers of runs that were killed: no process of theirs is left to do it."""
    for owner in place.glob(f"{_PREFIX}*/owner"):
        with suppress(OSError, ValueError):
            if not _alive(int(owner.read_text(encoding="utf-8"))):
                _end(owner.parent)


def begin_run() -> bool:
    """Name this run's folder before any worker starts. False when an outer run has named one: then that run ends it."""
    if RUN_DIR_VARIABLE in os.environ:
        return False
    end_orphans(Path(tempfile.gettempdir()))
    run_dir = Path(tempfile.mkdtemp(prefix=_PREFIX))
    run_dir.chmod(0o755)  # the unprivileged user walks through it
    (run_dir / "owner").write_text(str(os.getpid()), encoding="utf-8")
    os.environ[RUN_DIR_VARIABLE] = str(run_dir)
    return True


def end_run() -> None:
    """Stop what the run started, also when a worker died. Called by the process whose `begin_run` said True."""
    _end(Path(os.environ.pop(RUN_DIR_VARIABLE)))


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[_OWNS_RUN] = begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(_OWNS_RUN, False):
        end_run()


@pytest.fixture(scope="session")
def postgres_cluster() -> Cluster:
    """The run's PostgreSQL server; skips (in CI fails) where PostgreSQL is not installed."""
    binaries = server_binaries()
    if binaries is None:
        missing("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    return shared_cluster(binaries, Path(os.environ[RUN_DIR_VARIABLE]))


@dataclass
class Pool:
    """Databases that tests of this process are done with, and how often each was used."""

    cluster: Cluster
    furnished: bool
    idle: list[tuple[str, int]] = field(default_factory=list)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The URL of one that is nobody else's: empty, or with all tables and no row."""
        name, uses = self.idle.pop() if self.idle else (self._new(), 0)
        yield self.cluster.url(name)
        try:
            if uses < _MOST_USES:
                (self.cluster.forget_rows if self.furnished else self.cluster.empty_database)(name)
                self.idle.append((name, uses + 1))
                return
        except PostgresError:
            pass  # a server that was killed, a table that is locked or was changed: the next test gets a new one
        self.cluster.drop_database(name)

    def _new(self) -> str:
        name = self.cluster.create_database()
        if self.furnished:
            self.cluster.furnish(name)
        return name


@pytest.fixture(scope="session")
def empty_databases(postgres_cluster: Cluster) -> Pool:
    """Those of `postgres_url`."""
    return Pool(postgres_cluster, furnished=False)


@pytest.fixture(scope="session")
def furnished_databases(postgres_cluster: Cluster) -> Pool:
    """Those of `furnished_url`."""
    return Pool(postgres_cluster, furnished=True)


@pytest.fixture
def postgres_url(empty_databases: Pool) -> Iterator[str]:
    """`postgresql+asyncpg://...` of an empty database that is this test's own."""
    with empty_databases.lent() as url:
        yield url


@pytest.fixture
def furnished_url(furnished_databases: Pool) -> Iterator[str]:
    """The same with all tables and no row: making them costs as much as the rest of a test."""
    with furnished_databases.lent() as url:
        yield url
