"""The flows of the demo: who takes part in each, and which of a stand-in's objects are meant. Data only."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.stand_ins import CRM, DIR, HR, HUB, JIRA, SNOW

FILES = Path(__file__).parent / "files"
"""Mappings, types and templates that are the demo's own."""
INCIDENTS, STAFF, CHORES = "incidents", "staff", "chores"
TODO = "todo"
"""The connection to Jira's project of tasks: an object type of a connection belongs to one flow."""
PROJECT, TASKS_PROJECT = "OPS", "HR"


@dataclass(frozen=True, slots=True)
class Part:
    """One member of a flow."""

    connection: str
    object: str
    mapping: str
    stand_in: str = ""
    """Behind which stand-in, where it is not called like the connection."""
    keys: str = ""
    """What the keys of its objects begin with, where the stand-in has others of that type."""
    made: bool = False
    """A record that starts elsewhere gets an object here."""

    @property
    def home(self) -> str:
        """Its stand-in."""
        return self.stand_in or self.connection

    def holds(self, object: str, key: str) -> bool:
        """Whether an object of this type and key is meant."""
        return object == self.object and key.startswith(self.keys)


FLOWS: Mapping[str, tuple[Part, ...]] = {
    INCIDENTS: (
        Part(SNOW, "incident", "servicenow-incident", made=True),
        Part(JIRA, "issue", "jira-issue", keys=f"{PROJECT}-", made=True),
        Part(CRM, "case", "salesforce-case"),
        Part(HUB, "issue", "github-issue"),
    ),
    STAFF: (
        Part(HR, "employee", "bamboohr-employee"),
        Part(CRM, "contact", "salesforce-contact", made=True),
        Part(DIR, "user", "scim-user", made=True),
    ),
}
"""What is kept in step."""
TASKS = Part(TODO, "issue", "jira-task.yaml", stand_in=JIRA, keys=f"{TASKS_PROJECT}-", made=True)
DUE: Mapping[bool, tuple[str, ...]] = {True: ("Account", "Laptop"), False: ("Close account", "Collect laptop")}
"""The first words of the tasks that somebody's start and somebody's leaving make: said once more, not read from the
template, so that a template that forgets one is noticed.
"""


def flows_of(systems: Container[str]) -> Iterator[tuple[str, tuple[Part, ...]]]:
    """The flows between these stand-ins, with the members that are there."""
    for name, parts in FLOWS.items():
        there = tuple(part for part in parts if part.home in systems)
        if len(there) > 1:
            yield name, there
