"""What the site's administrator set up: projects, issue types, statuses, workflow, priorities, resolutions, fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.sandbox.people import Person


class Named(msgspec.Struct, frozen=True):
    """Something with an id and a name."""

    id: str
    name: str
    description: str = ""


class Category(msgspec.Struct, frozen=True):
    """A status category; the three are the same on every site."""

    id: int
    key: str
    name: str
    color: str
    search_name: str
    """What `/statuses/search` calls it."""


TO_DO_CATEGORY = Category(2, "new", "To Do", "blue-gray", "TODO")
ACTIVE_CATEGORY = Category(4, "indeterminate", "In Progress", "yellow", "IN_PROGRESS")
DONE_CATEGORY = Category(3, "done", "Done", "green", "DONE")


class Status(msgspec.Struct, frozen=True):
    """A status of the workflow."""

    id: str
    name: str
    category: Category


class Transition(msgspec.Struct, frozen=True):
    """A move of the workflow, from one status to one other."""

    id: str
    name: str
    source: str
    target: str
    required: tuple[str, ...] = ()
    """Fields on its screen that must be given."""


class Project(msgspec.Struct, frozen=True):
    """A project; `members` may see it (None: everybody who signed in)."""

    id: str
    key: str
    name: str
    members: frozenset[str] | None = None


class FieldSpec(msgspec.Struct, frozen=True):
    """A field as `GET /field` lists it."""

    id: str
    name: str
    type: str
    clauses: tuple[str, ...] = ()
    items: str | None = None
    custom: str | None = None
    """Type key of a custom field."""


TO_DO, IN_PROGRESS, IN_REVIEW, DONE, ON_HOLD = "10000", "10001", "10002", "10003", "10004"

STATUSES: Mapping[str, Status] = {
    status.id: status
    for status in (
        Status(TO_DO, "To Do", TO_DO_CATEGORY),
        Status(IN_PROGRESS, "In Progress", ACTIVE_CATEGORY),
        Status(IN_REVIEW, "In Review", ACTIVE_CATEGORY),
        Status(DONE, "Done", DONE_CATEGORY),
        Status(ON_HOLD, "On Hold", ACTIVE_CATEGORY),
    )
}

# Names are not unique, as on real sites: whoever picks a transition has to go by its target (facts.md 2.3).
TRANSITIONS = (
    Transition("11", "Start progress", TO_DO, IN_PROGRESS),
    Transition("12", "Stop progress", IN_PROGRESS, TO_DO),
    Transition("21", "Ready for review", IN_PROGRESS, IN_REVIEW),
    Transition("22", "Back to work", IN_REVIEW, IN_PROGRESS),
    Transition("31", "Done", IN_REVIEW, DONE, required=("resolution",)),
    Transition("41", "Reopen", DONE, IN_PROGRESS),
    Transition("51", "Put on hold", IN_PROGRESS, ON_HOLD),
    Transition("52", "Back to work", ON_HOLD, IN_PROGRESS),
)

PRIORITIES: Mapping[str, Named] = {
    item.id: item
    for item in (
        Named("1", "Highest", "This problem will block progress."),
        Named("2", "High", "Serious problem that could block progress."),
        Named("3", "Medium", "Has the potential to affect progress."),
        Named("4", "Low", "Minor problem or easily worked around."),
        Named("5", "Lowest", "Trivial problem with little or no impact on progress."),
    )
}
DEFAULT_PRIORITY = "3"
PRIORITY_COLORS: Mapping[str, str] = {"1": "#d04437", "2": "#f15c75", "3": "#f79232", "4": "#707070", "5": "#999999"}

RESOLUTIONS: Mapping[str, Named] = {
    item.id: item
    for item in (
        Named("10000", "Done", "Work has been completed on this issue."),
        Named("10001", "Won't Do", "This issue won't be actioned."),
        Named("10002", "Duplicate", "The problem is a duplicate of an existing issue."),
        Named("10003", "Cannot Reproduce", "All attempts at reproducing this issue failed."),
    )
}

ISSUE_TYPES: Mapping[str, Named] = {
    item.id: item
    for item in (
        Named("10002", "Task", "A small, distinct piece of work."),
        Named("10003", "Bug", "A problem or error."),
        Named("10004", "Incident", "Something is broken for a customer."),
    )
}

PROJECTS: Mapping[str, Project] = {
    project.id: project
    for project in (
        Project("10000", "OPS", "Operations"),
        Project("10001", "SEC", "Security", members=frozenset({"ann", "admin"})),
        Project("10002", "HR", "People"),
    )
}

CORRELATION_FIELD = "customfield_10050"
NUMBER_FIELD = "customfield_10016"

FIELDS: Mapping[str, FieldSpec] = {
    field.id: field
    for field in (
        FieldSpec("statuscategorychangedate", "Status Category Changed", "datetime", ("statusCategoryChangedDate",)),
        FieldSpec("issuetype", "Issue Type", "issuetype", ("issuetype", "type")),
        FieldSpec("project", "Project", "project", ("project",)),
        FieldSpec("summary", "Summary", "string", ("summary",)),
        FieldSpec("description", "Description", "string", ("description",)),
        FieldSpec("environment", "Environment", "string", ("environment",)),
        FieldSpec("priority", "Priority", "priority", ("priority",)),
        FieldSpec("labels", "Labels", "array", ("labels",), items="string"),
        FieldSpec("status", "Status", "status", ("status",)),
        FieldSpec("resolution", "Resolution", "resolution", ("resolution",)),
        FieldSpec("resolutiondate", "Resolved", "datetime", ("resolutiondate", "resolved")),
        FieldSpec("assignee", "Assignee", "user", ("assignee",)),
        FieldSpec("reporter", "Reporter", "user", ("reporter",)),
        FieldSpec("creator", "Creator", "user", ("creator",)),
        FieldSpec("created", "Created", "datetime", ("created", "createdDate")),
        FieldSpec("updated", "Updated", "datetime", ("updated", "updatedDate")),
        FieldSpec("duedate", "Due date", "date", ("due", "duedate")),
        FieldSpec("parent", "Parent", "issuelink", ("parent",)),
        FieldSpec("comment", "Comment", "comments-page", ("comment",)),
        FieldSpec(
            NUMBER_FIELD,
            "Story point estimate",
            "number",
            ("cf[10016]", "Story point estimate"),
            custom="com.pyxis.greenhopper.jira:jsw-story-points",
        ),
        FieldSpec(
            CORRELATION_FIELD,
            "External reference",
            "string",
            ("cf[10050]", "External reference"),
            custom="com.atlassian.jira.plugin.system.customfieldtypes:textfield",
        ),
    )
}

EMPTY_FIELDS: Mapping[str, Any] = {
    "aggregateprogress": {"progress": 0, "total": 0},
    "aggregatetimeestimate": None,
    "aggregatetimeoriginalestimate": None,
    "aggregatetimespent": None,
    "attachment": [],
    "components": [],
    "fixVersions": [],
    "issuelinks": [],
    "issuerestriction": {"issuerestrictions": {}, "shouldDisplay": False},
    "lastViewed": None,
    "progress": {"progress": 0, "total": 0},
    "security": None,
    "subtasks": [],
    "timeestimate": None,
    "timeoriginalestimate": None,
    "timespent": None,
    "timetracking": {},
    "versions": [],
    "workratio": -1,
}
"""Fields a recorded issue has and this site does not use [HAR-JIRA]."""


def transitions_from(status: str) -> list[Transition]:
    """The moves that are open in this status."""
    return [move for move in TRANSITIONS if move.source == status]


def may_see(person: Person | None, project: str) -> bool:
    """Whether somebody may browse a project; nobody may without signing in."""
    members = PROJECTS[project].members
    return person is not None and (members is None or person.name in members)


def find_named(items: Mapping[str, Any], wanted: Any) -> Any:
    """The item that `{"id"}`, `{"name"}`, `{"key"}` or `{"value"}` means; None where there is none."""
    if not isinstance(wanted, Mapping):
        return None
    if wanted.get("id") is not None:
        return items.get(str(wanted["id"]))
    for name in ("key", "name", "value"):
        if wanted.get(name) is not None:
            text = str(wanted[name]).lower()
            return next((item for item in items.values() if str(getattr(item, name, item.name)).lower() == text), None)
    return None
