"""The configuration file of a run: the connections and flows between the stand-ins that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.demo.flows import CHORES, INCIDENTS, PROJECT, STAFF, TASKS_PROJECT, TODO, flows_of
from gateway.demo.stand_ins import CRM, HR, HUB, JIRA, NAMES, SNOW, SYSTEMS

SECRET = {name: f"demo-{name}-hook-secret" for name in SYSTEMS}
"""Shared with the stand-ins, on this machine, for this run: nothing is protected by them."""
_PASSWORD = "lockstep-secret"  # noqa: S105 - of the stand-ins, the same for everybody
_SIGNS_IN = {
    SNOW: f"basic: {{user: lockstep, password: {_PASSWORD}}}",
    JIRA: f"basic: {{user: lockstep@example.com, password: {_PASSWORD}}}",
    CRM: f"oauth2_client_credentials: {{client_id: lockstep, client_secret: {_PASSWORD}}}",
    HUB: f"bearer: {{token: {_PASSWORD}}}",
    HR: f"api_key: {{key: {_PASSWORD}}}",
}
_OPTIONS = {HUB: "    options: {owner: lockstep, repo: desk}\n"}
_HEAD = """\
# Written by `lockstep demo`. Short times, because the stand-ins settle at once; for real systems leave the defaults.
lockstep: 1
name: {name}
data: ./gateway
listen: {listen}
access:
  tokens:
    demo: {{secret: 'file:token', roles: [admin]}}
secrets: {{key: 'file:master.key'}}
signing: {{key: 'file:signing.key'}}
{places}
connections:
"""
_CONNECTION = """\
  {name}:
    connector: {system}
    label: {label}
    url: {url}
    auth: {{{auth}}}
{more}    poll: {{every: 1s}}
    timeout: 5s
    settles: 1s
    breaker: {{failures: 3, retry: 500ms, cap: 2s}}
"""
_MEMBERS = {
    SNOW: "{object: incident, mapping: servicenow-incident}",
    JIRA: f"{{object: issue, mapping: jira-issue, with: {{project: {PROJECT}, issuetype: Incident}}}}",
    CRM: "{object: case, mapping: salesforce-case}",
    HUB: "{object: issue, mapping: github-issue}",
}
_INCIDENTS = """\
  incidents:
    type: incident
    key: correlation
    members:
{members}    create: {{in: [jira, snow]}}
    merge: {{default: latest, status: {{authority: [snow, jira]}}, labels: union}}
    authority: [{order}]
"""
_STAFF = f"""\
  {STAFF}:
    type: person
    members:
      hr: {{object: employee, mapping: bamboohr-employee}}
      crm: {{object: contact, mapping: salesforce-contact}}
    create: {{in: [crm]}}
    authority: [hr, crm]
    fan_out:
      - {{tasks: staff.yaml, into: {CHORES}}}
  {CHORES}:
    type: task
    members:
      # Only what the template makes is in this flow: no issue that a person opens becomes a record of it.
      {TODO}:
        object: issue
        mapping: jira-task.yaml
        with: {{project: {TASKS_PROJECT}, issuetype: Task}}
        where: "false"
    create: {{in: [{TODO}]}}
"""


def configuration(*, name: str, listen: str, places: str, urls: Mapping[str, str]) -> str:
    """The text of the file. `urls`: of the stand-ins there are, by connection; flows are between those."""
    flows = dict(flows_of(urls))
    head = _HEAD.format(name=name, listen=listen, places=places)
    members = [part.connection for part in flows[INCIDENTS]]
    lines = "".join(f"      {each}: {_MEMBERS[each]}\n" for each in members)
    incidents = _INCIDENTS.format(members=lines, order=", ".join(members))
    return head + "".join(_connections(urls)) + "\nflows:\n" + incidents + (_STAFF if STAFF in flows else "")


def _connections(urls: Mapping[str, str]) -> Iterator[str]:
    for name, url in urls.items():
        more = _OPTIONS.get(name, "") + f"    webhook: {{secret: {SECRET[name]}}}\n"
        yield _CONNECTION.format(
            name=name, system=SYSTEMS[name], label=NAMES[name], url=url, auth=_SIGNS_IN[name], more=more
        )
    if HR in urls:
        # Jira tells one address; of the tasks, which only the gateway makes, the poll hears soon enough.
        yield _CONNECTION.format(
            name=TODO, system=SYSTEMS[JIRA], label="Jira tasks", url=urls[JIRA], auth=_SIGNS_IN[JIRA], more=""
        )
