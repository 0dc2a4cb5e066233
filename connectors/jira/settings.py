"""What can be set for a Jira connection: once, for parser, linter and docs."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import ConfigError
from connectors.options import Options, parse

ISSUE = "issue"


class JiraOptions(Options):
    """`options:` of a connection."""

    correlation_field: str = Field(
        "", pattern=r"^(customfield_[0-9]+)?$", description="Text field for the correlation key, instead of a label."
    )
    fields: tuple[str, ...] = Field((), description="Fields to read besides the usual ones, such as customfield_10050.")
    rich_text_fields: tuple[str, ...] = Field((), description="Custom fields that take rich text.")
    page_size: int = Field(100, ge=1, le=1000, description="Issues asked for at once.")
    overlap_s: int = Field(180, ge=120, description="How far each poll reaches back; JQL knows minutes only.")


class IssueOptions(Options):
    """`with:` of a flow member."""

    project: str = Field("", pattern=r"^[A-Za-z0-9_]*$", description="Key of the project.")
    issuetype: str = Field("Task", min_length=1, description="Name, or all digits: id, of the type of new issues.")
    jql: str = Field("", description="Further condition that limits what is polled.")
    defaults: dict[str, Any] = Field({}, description="Fields set on create unless the mapping sets them.")

    @field_validator("jql")
    @classmethod
    def _is_a_condition(cls, text: str) -> str:
        if "order by" in text.lower():
            raise ValueError("may not hold ORDER BY: polls need their own order")
        return text


def parsed(settings: ConnectionSettings) -> tuple[JiraOptions, IssueOptions]:
    """Options of the connection and of its issues. Raises ConfigError."""
    where = f"connection {settings.name}"
    unknown = set(settings.objects) - {ISSUE}
    if unknown:
        problem = f"{where}: error[objects]: Jira has no object {', '.join(sorted(unknown))}; try {ISSUE}"
        raise ConfigError([problem])
    issue = parse(IssueOptions, settings.objects.get(ISSUE, {}), f"{where}, {ISSUE}")
    return parse(JiraOptions, settings.options, where), issue
