"""The folder of a run: configuration, logs, the stand-ins' files; kept and told of when the run failed."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.keys import VARIABLE
from gateway.demo.configuration import SECRET
from gateway.demo.flows import PROJECT
from gateway.demo.home import OVERRIDES
from gateway.demo.stand_ins import JIRA, SNOW

PARTITIONS = 8
TOKEN = "token-of-a-whole-run-0123456789"
SIGNING_KEY = "d29ya2VycyBvZiBhIHdob2xlIHJ1biBzaWduIHRoaXM="
"""All workers of a database sign its trail with one key."""
SIGNED_IN = {"Authorization": f"Bearer {TOKEN}"}
TIMEOUT_S = 2.5
"""Of one request; a lease is four times as long, and a frozen worker is away for longer than that."""
_CONFIG = """\
# Written by a chaos run of the whole system. Short times, because the stand-ins settle at once.
lockstep: 1
name: {name}
data: ./worker
listen: 127.0.0.1:1
stream: {stream}
partitions: {partitions}
database: {database}
access:
  tokens:
    whole: {{secret: 'file:token', roles: [admin]}}
connections:
  snow:
    connector: servicenow
    label: ServiceNow
    url: {snow}
    auth: {{basic: {{user: lockstep, password: lockstep-secret}}}}
    webhook: {{secret: {snow_secret}}}
{times}
  jira:
    connector: jira
    label: Jira
    url: {jira}
    auth: {{basic: {{user: lockstep@example.com, password: lockstep-secret}}}}
    webhook: {{secret: {jira_secret}}}
{times}
flows:
  incidents:
    type: incident
    key: correlation
    members:
      snow: {{object: incident, mapping: servicenow-incident}}
      jira: {{object: issue, mapping: jira-issue, with: {{project: {project}, issuetype: Incident}}}}
    create: {{in: [jira, snow]}}
    merge: {{default: latest, status: {{authority: [snow, jira]}}, labels: union}}
    authority: [snow, jira]
    max_tries: 25
"""
_TIMES = f"""\
    poll: {{every: 1s}}
    timeout: {TIMEOUT_S}s
    settles: 2s
    breaker: {{failures: 3, retry: 500ms, cap: 2s}}"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run lives."""

    path: Path

    @classmethod
    def make(cls) -> Place:
        """A new folder. PostgreSQL's user walks through it."""
        path = Path(tempfile.mkdtemp(prefix="lockstep-whole-"))
        path.chmod(0o755)
        (path / "logs").mkdir()
        return cls(path)

    @property
    def config(self) -> Path:
        """One file for all workers; what differs is in their environment."""
        return self.path / "lockstep.yaml"

    @property
    def logs(self) -> Path:
        """What the processes said."""
        return self.path / "logs"

    def write_config(self, *, stream: str, database: str, urls: dict[str, str]) -> None:
        """Before the first worker."""
        (self.path / "token").write_text(TOKEN)
        self.config.write_text(
            _CONFIG.format(
                name=self.path.name,
                stream=stream,
                database=database,
                partitions=PARTITIONS,
                times=_TIMES,
                project=PROJECT,
                snow=urls[SNOW],
                jira=urls[JIRA],
                snow_secret=SECRET[SNOW],
                jira_secret=SECRET[JIRA],
            )
        )

    def environment(self, worker: int, port: int) -> dict[str, str]:
        """What makes one worker another one."""
        own = {"LOCKSTEP_DATA": str(self.path / f"worker-{worker}"), "LOCKSTEP_LISTEN": f"127.0.0.1:{port}"}
        own[VARIABLE] = SIGNING_KEY
        return dict.fromkeys(OVERRIDES, "") | own

    def remove(self) -> None:
        """After a good run."""
        shutil.rmtree(self.path, ignore_errors=True)
