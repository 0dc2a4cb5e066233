"""A command of each noun by a Python of its own: it brings all it needs, and says what a forked one says.

Most tests of commands fork them from a process that has imported the program (`tests.support.warm`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.nouns import app_of
from gateway.config import load
from gateway.storage.database import Database
from tests.support.edges import environment, lockstep
from tests.support.migrated import migrated
from tests.support.running import ENVIRONMENT, write_config

NOWHERE = "http://127.0.0.1:9"
QUESTIONS = {
    "apply": ("apply", "no-such-file.yaml"),
    "check": ("check",),
    "now": ("now", "--json", "--fields", "records,groups"),
    "record": ("record", "why", "jira", "OPS-404"),
    "case": ("case", "discard", "404", "--reason", "none", "--yes"),
    "connection": ("connection", "list"),
    "flow": ("flow", "list"),
    "connector": ("connector", "list", "jira"),
    "replay": ("replay", "plan", "--cause", "target.refused"),
    "mapping": ("mapping", "list"),
    "audit": ("audit", "list", "--fields", "kind,actor"),
    "report": ("report", "list"),
    "leaver": ("leaver", "list"),
    "hold": ("hold", "list"),
    "archive": ("archive", "list"),
    "siem": ("siem", "verify", "no-such-file.log"),
    "reconcile": ("reconcile", "no-such-flow", "--plan"),
    "user": ("user", "list"),
    "token": ("token", "list"),
    "secret": ("secret", "--help"),
    "notification": ("notification", "list"),
    "whoami": ("whoami",),
    "version": ("version",),
    "help": ("help", "exit-codes"),
}
ELSEWHERE = {
    "demo": "tests/integration/test_demo.py",
    "run": "tests/integration/test_processes.py",
    "sandbox": "tests/integration/test_cli_configuration.py",
    "console": "tests/integration/test_access.py",
    "login": "tests/integration/test_access.py",
}
"""What goes on until it is stopped, or waits for a browser."""


def test_every_noun_is_asked_something() -> None:
    app = app_of()
    nouns = {each.name for each in app.registered_groups if not each.hidden}
    nouns |= {each.name for each in app.registered_commands if not each.hidden}
    assert {*QUESTIONS} | {*ELSEWHERE} == nouns


@pytest.mark.parametrize("noun", QUESTIONS)
async def test_says_the_same(tmp_path: Path, noun: str) -> None:
    file, _ = write_config(tmp_path, snow=NOWHERE, jira=NOWHERE)
    database = Database(load(file, ENVIRONMENT).database)
    await migrated(database)
    await database.close()
    env = environment(XDG_CONFIG_HOME=str(tmp_path / "xdg"))
    cold = await lockstep(*QUESTIONS[noun], cwd=tmp_path, env=env, cold=True)
    assert "Traceback" not in cold.err and cold.out + cold.err, cold.err
    assert await lockstep(*QUESTIONS[noun], cwd=tmp_path, env=env) == cold
