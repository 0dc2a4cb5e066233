"""The configuration file of a run: the connections and flows between the stand-ins that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gateway.demo.flows import CHORES, INCIDENTS, PROJECT, STAFF, TASKS_PROJECT, TODO, Part, flows_of
from gateway.demo.stand_ins import CRM, DIR, HOOKED, HR, HUB, JIRA, NAMES, SNOW, SYSTEMS

SECRET = {name: f"demo-{name}-hook-secret" for name in HOOKED}
"""Shared with the stand-ins, on this machine, for this run: nothing is protected by them."""
USUAL_S, PRIVILEGED_S = 120.0, 60.0
"""After the end of an employment: what may be there no longer."""
_PASSWORD = "lockstep-secret"  # noqa: S105 - of the stand-ins, the same for everybody
_SIGNS_IN = {
    SNOW: f"basic: {{user: lockstep, password: {_PASSWORD}}}",
    JIRA: f"basic: {{user: lockstep@example.com, password: {_PASSWORD}}}",
    CRM: f"oauth2_client_credentials: {{client_id: lockstep, client_secret: {_PASSWORD}}}",
    HUB: f"bearer: {{token: {_PASSWORD}}}",
    HR: f"api_key: {{key: {_PASSWORD}}}",
    DIR: f"bearer: {{token: {_PASSWORD}}}",
}
_OPTIONS = {HUB: "    options: {owner: lockstep, repo: desk}\n"}
_BELOW = {DIR: "/scim/v2"}
"""Where a stand-in's API begins, if not at its root."""
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
_PEOPLE = {
    HR: "{object: employee, mapping: bamboohr-employee}",
    CRM: "{object: contact, mapping: salesforce-contact}",
    DIR: "{object: user, mapping: scim-user}",
}
_STAFF = f"""\
  {STAFF}:
    type: person
    members:
{{members}}    create: {{{{in: [{{made}}]}}}}
    authority: [{{order}}]
    fan_out:
      - {{{{tasks: staff.yaml, into: {CHORES}}}}}
  {CHORES}:
    type: task
    members:
      # Only what the template makes is in this flow: no issue that a person opens becomes a record of it.
      {TODO}:
        object: issue
        mapping: jira-task.yaml
        with: {{{{project: {TASKS_PROJECT}, issuetype: Task}}}}
        where: "false"
    create: {{{{in: [{TODO}]}}}}
leavers:
  from: [{{{{flow: {STAFF}}}}}]
  due: {{{{usual: {USUAL_S:g}s, privileged: {PRIVILEGED_S:g}s}}}}
  checks: [1s, 2s]
  systems:
    {TODO}: false  # the same accounts as in jira
"""


def configuration(*, name: str, listen: str, places: str, urls: Mapping[str, str]) -> str:
    """The text of the file. `urls`: of the stand-ins there are, by connection; flows are between those."""
    flows = dict(flows_of(urls))
    head = _HEAD.format(name=name, listen=listen, places=places)
    text = head + "".join(_connections(urls)) + "\nflows:\n" + _flow(_INCIDENTS, _MEMBERS, flows[INCIDENTS])
    return text + (_flow(_STAFF, _PEOPLE, flows[STAFF]) if STAFF in flows else "")


def _flow(text: str, members: Mapping[str, str], parts: Iterable[Part]) -> str:
    there = [part.connection for part in parts]
    lines = "".join(f"      {each}: {members[each]}\n" for each in there)
    made = ", ".join(part.connection for part in parts if part.made)
    return text.format(members=lines, made=made, order=", ".join(there))


def _connections(urls: Mapping[str, str]) -> Iterator[str]:
    for name, url in urls.items():
        more = _OPTIONS.get(name, "")
        if name in SECRET:
            more += f"    webhook: {{secret: {SECRET[name]}}}\n"
        yield _CONNECTION.format(
            name=name,
            system=SYSTEMS[name],
            label=NAMES[name],
            url=url + _BELOW.get(name, ""),
            auth=_SIGNS_IN[name],
            more=more,
        )
    if HR in urls:
        # Jira tells one address; of the tasks, which only the gateway makes, the poll hears soon enough.
        yield _CONNECTION.format(
            name=TODO, system=SYSTEMS[JIRA], label="Jira tasks", url=urls[JIRA], auth=_SIGNS_IN[JIRA], more=""
        )
