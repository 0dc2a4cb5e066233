"""A configuration that is right, to be spoilt in one place."""

from __future__ import annotations

from pathlib import Path

from connectors.contract.errors import ConfigError
from gateway.config import Config, load

ENV = {
    "SNOW_URL": "https://dev1.service-now.com",
    "SNOW_USER": "lockstep",
    "SNOW_PASSWORD": "s3cret-of-snow",
    "SNOW_HOOK": "s3cret-of-hook",
    "JIRA_TOKEN": "s3cret-of-jira",
}
GOOD = """\
lockstep: 1
connections:
  snow:
    connector: servicenow
    url: "${SNOW_URL}"
    auth: {basic: {user: "${SNOW_USER}", password: "${SNOW_PASSWORD}"}}
    webhook: {secret: "${SNOW_HOOK}"}
    poll: {every: 30s}
  jira:
    connector: jira
    url: https://example.atlassian.net
    auth: {basic: {user: lockstep@example.com, password: "${JIRA_TOKEN}"}}
    timeout: 5s
flows:
  incidents:
    type: incident
    members:
      snow: {object: incident, mapping: servicenow-incident}
      jira: {object: issue, mapping: jira-issue, with: {project: OPS}}
    create: {in: [jira], when: "record.priority in ['critical', 'high']"}
    merge: {default: latest, status: {authority: [jira]}, labels: union, assignee: manual}
    deliver: {summary: latest}
    authority: [snow, jira]
"""


def loaded(folder: Path, text: str = GOOD, env: dict[str, str] | None = None) -> Config:
    """The configuration of this text."""
    file = folder / "lockstep.yaml"
    file.write_text(text)
    return load(file, ENV if env is None else env)


def told(folder: Path, text: str, env: dict[str, str] | None = None) -> list[str]:
    """The problems of this text, without the folder."""
    try:
        loaded(folder, text, env)
    except ConfigError as error:
        return [problem.removeprefix(f"{folder}/lockstep.yaml:") for problem in error.problems]
    return []
