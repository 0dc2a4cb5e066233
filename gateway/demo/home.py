"""The demo's directory: stand-ins' files, the gateway's data, logs, and the configuration file written for this run."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from connectors.contract.errors import ConfigError
from gateway.core.key_files import key_bytes
from gateway.core.signing import Signer
from gateway.demo.configuration import configuration
from gateway.demo.flows import FILES
from gateway.demo.plan import Plan

DATABASE_VARIABLE = "LOCKSTEP_DEMO_DATABASE"
"""Holds the database's URL where that has a password: it does not belong in a file."""
TOKEN_FILE = "token"  # noqa: S105 - a name of a file
"""Beside the configuration: what the demo signs in with, made for each run."""
KEY_FILE = "master.key"
"""The key of the tokens that the gateway keeps in its database."""
SIGNING_FILE = "signing.key"
"""The key that signs the audit trail: workers that share a database have to agree on one."""
OVERRIDES = ("LOCKSTEP_DATA", "LOCKSTEP_DATABASE", "LOCKSTEP_STREAM", "LOCKSTEP_LISTEN")
"""Variables that would replace what the configuration says; the demo's gateway must not see them."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a run lives. `ours`: made for this run, so it may be removed."""

    path: Path
    ours: bool

    @classmethod
    def make(cls, wanted: Path | None) -> Home:
        """A new directory, or the one wanted. Raises ConfigError if that one is in use, or none can be made."""
        try:
            if wanted is None:
                return cls(Path(tempfile.mkdtemp(prefix="lockstep-demo-")), ours=True)
            wanted.mkdir(parents=True, exist_ok=True)
            used = any(wanted.iterdir())
        except OSError as error:
            place = f"--data {wanted}" if wanted else tempfile.gettempdir()
            problem = f"{place}: no directory can be made there: {error.strerror}; name another with --data"
            raise ConfigError([problem]) from error
        if used:
            raise ConfigError([f"--data {wanted}: it is not empty; name a new directory, or remove it first"])
        return cls(wanted.resolve(), ours=False)

    @property
    def config(self) -> Path:
        """The gateway's configuration."""
        return self.path / "lockstep.yaml"

    @property
    def signed_in(self) -> dict[str, str]:
        """Headers of a request to the gateway's API, by the token that `write_config` made."""
        return {"Authorization": f"Bearer {(self.path / TOKEN_FILE).read_text().strip()}"}

    @property
    def fingerprint(self) -> str:
        """Of the key that `write_config` made to sign with."""
        return Signer(key_bytes((self.path / SIGNING_FILE).read_text())).fingerprint

    @property
    def logs(self) -> Path:
        """What the processes said."""
        return self.path / "logs"

    def database(self, plan: Plan) -> str:
        """The gateway's database."""
        return plan.database or f"sqlite+aiosqlite:///{self.path / 'gateway' / 'lockstep.db'}"

    def write_config(self, plan: Plan, *, name: str, port: int, urls: dict[str, str]) -> None:
        """Writes the configuration and the files it names; `name` keeps the streams of different runs apart.

        `urls`: the stand-ins there are, by connection.
        """
        places = {"stream": plan.stream, "database": plan.database and f"${{{DATABASE_VARIABLE}}}"}
        shutil.copytree(FILES, self.path, dirs_exist_ok=True)
        text = configuration(
            name=name,
            listen=f"127.0.0.1:{port}",
            places="".join(f"{key}: {json.dumps(place)}\n" for key, place in places.items() if place),
            urls=urls,
        )
        self.config.write_text(text)
        for secret in (TOKEN_FILE, KEY_FILE, SIGNING_FILE):
            file = self.path / secret
            file.touch(mode=0o600)
            file.write_text(f"{secrets.token_hex(32)}\n")

    def environment(self, plan: Plan) -> dict[str, str]:
        """What the gateway needs besides the configuration."""
        return {DATABASE_VARIABLE: plan.database} | dict.fromkeys(OVERRIDES, "")

    def remove(self) -> None:
        """Removes it, if it was made for this run."""
        if self.ours:
            shutil.rmtree(self.path, ignore_errors=True)
