"""A command that only asks the database imports no client of a system, no tool for schemas, no terminal toolkit: each
is a part of a second that people, and scripts with a thousand calls, would wait for.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = ("aiohttp", "alembic", "httpx", "joserfc", "prompt_toolkit")
ASK = f"""
import sys
from gateway.cli import main
try:
    main.main(["case", "list", "--config", sys.argv[1]])
except SystemExit as end:
    print("code", end.code)
print("brought", *[name for name in {HEAVY!r} if name in sys.modules])
"""
CONFIG = """\
lockstep: 1
connections:
  snow: {connector: servicenow, url: http://127.0.0.1:9, auth: {basic: {user: a, password: b}}}
  jira: {connector: jira, url: http://127.0.0.1:9, auth: {basic: {user: a, password: b}}}
flows:
  incidents:
    type: incident
    members:
      snow: {object: incident, mapping: servicenow-incident}
      jira: {object: issue, mapping: jira-issue, with: {project: OPS}}
"""


def test_a_question_to_the_database_brings_nothing_heavy(tmp_path: Path) -> None:
    file = tmp_path / "lockstep.yaml"
    file.write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(file)], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert "code 8" in done.stdout, done.stdout + done.stderr  # it came as far as the database, which nobody made
    assert done.stdout.splitlines()[-1] == "brought"
