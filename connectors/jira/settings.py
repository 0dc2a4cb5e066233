"""What can be set for a Jira connection: once, for parser, linter and docs."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import Field, field_validator

from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import ConfigError
from connectors.options import Options, parse

ISSUE, USER, GROUP = "issue", "user", "group"
OBJECTS = (ISSUE, USER, GROUP)


class JiraOptions(Options):
    """`options:` of a connection."""

    correlation_field: str = Field(
        "", pattern=r"^(customfield_[0-9]+)?$", description="Text field for the correlation key, instead of a label."
    )
    fields: tuple[str, ...] = Field((), description="Fields to read besides the usual ones, such as customfield_10050.")
    rich_text_fields: tuple[str, ...] = Field((), description="Custom fields that take rich text.")
    page_size: int = Field(100, ge=1, le=1000, description="Issues asked for at once.")
    project_roles: bool = Field(
        True, description="Whether a departure looks at every role of every project: a request for each."
    )
    takes_access: bool = Field(
        False,
        description="Whether a departure takes the account's access to the site away, for which the integration user "
        "has to be a site administrator; else a person does at admin.atlassian.com.",
    )
    privileged: tuple[str, ...] = Field(
        (), description="Names of groups and project roles that count as an administrator's, besides those that say so."
    )
    overlap_s: int = Field(180, ge=120, description="How far each poll reaches back; JQL knows minutes only.")


class IssueOptions(Options):
    """`with:` of a flow member."""

    project: str = Field("", pattern=r"^[A-Za-z0-9_]*$", description="Key of the project.")
    issuetype: str = Field("Task", min_length=1, description="Name, or all digits: id, of the type of new issues.")
    jql: str = Field("", description="Further condition that limits what is polled.")
    defaults: dict[str, Any] = Field({}, description="Fields set on create unless the mapping sets them.")
    properties: tuple[str, ...] = Field(
        (), description="Keys of entity properties, read and written as properties.KEY."
    )
    attachments: bool = Field(False, description="Files are carried over like comments.")
    largest_file: int = Field(10 * 1024 * 1024, ge=1, description="Bytes; of a larger file only name and link go over.")

    @field_validator("jql")
    @classmethod
    def _is_a_condition(cls, text: str) -> str:
        if "order by" in text.lower():
            raise ValueError("may not hold ORDER BY: polls need their own order")
        return text


class UserOptions(Options):
    """`with:` of a flow member."""

    account_types: tuple[str, ...] = Field(
        ("atlassian",), description="Kinds of accounts that are people: atlassian, app, customer."
    )
    products: tuple[str, ...] = Field((), description="Products that who is invited gets, such as jira-software.")
    page_size: int = Field(1000, ge=1, le=1000, description="People asked for at once.")


class GroupOptions(Options):
    """`with:` of a flow member."""

    names: tuple[str, ...] = Field((), description="Only these groups are polled; empty: all.")
    page_size: int = Field(50, ge=1, le=50, description="Groups asked for at once.")


class Parsed(NamedTuple):
    """The settings of one connection."""

    site: JiraOptions
    issue: IssueOptions
    user: UserOptions
    group: GroupOptions
    objects: tuple[str, ...]
    """What is synchronised: issues if nothing is said."""


def parsed(settings: ConnectionSettings) -> Parsed:
    """Options of the connection and of its objects. Raises ConfigError."""
    where, given = f"connection {settings.name}", settings.objects
    unknown = set(given) - set(OBJECTS)
    if unknown:
        problem = f"{where}: error[objects]: Jira has no object {', '.join(sorted(unknown))}; try {', '.join(OBJECTS)}"
        raise ConfigError([problem])
    return Parsed(
        issue=parse(IssueOptions, given.get(ISSUE, {}), f"{where}, {ISSUE}"),
        user=parse(UserOptions, given.get(USER, {}), f"{where}, {USER}"),
        group=parse(GroupOptions, given.get(GROUP, {}), f"{where}, {GROUP}"),
        site=parse(JiraOptions, settings.options, where),
        objects=tuple(name for name in OBJECTS if name in given) or (ISSUE,),
    )
