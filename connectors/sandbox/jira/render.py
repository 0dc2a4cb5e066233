"""How the site shows issues, people, comments and changelogs: v3 for REST, v2 (plain text) for webhooks, times in a
person's own zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.jira import adf, catalog
from connectors.sandbox.jira.attachments import Attachment
from connectors.sandbox.jira.catalog import EMPTY_FIELDS, PROJECTS, STATUSES, Project, Status, Transition
from connectors.sandbox.jira.fields import NAMED, PEOPLE_FIELDS, RICH_FIELDS, TIME_FIELDS
from connectors.sandbox.jira.issues import Issues
from connectors.sandbox.jira.roster import Account
from connectors.sandbox.jira.tables import Comment, History, Issue
from connectors.sandbox.people import Person

_SIZES = {"48x48": "", "24x24": "?size=small", "16x16": "?size=xsmall", "32x32": "?size=medium"}


class Renderer:
    """Shows things to one person. `version` is the API version, 3 or 2."""

    def __init__(self, issues: Issues, base_url: str, *, version: int = 3, time_zone: str = "UTC") -> None:
        self._issues, self._base, self._version = issues, base_url, version
        self._zone = ZoneInfo(time_zone)

    def url(self, path: str) -> str:
        """A `self` link."""
        return f"{self._base}/rest/api/{self._version}/{path}"

    def time(self, ms: int | None) -> str | None:
        """Milliseconds and an offset without colon, in the person's zone (facts.md 2.2 [HAR-JIRA])."""
        if ms is None:
            return None
        at = datetime.fromtimestamp(ms // 1000, UTC).astimezone(self._zone)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}{at:%z}"

    def user(self, account: str | None) -> dict[str, Any] | None:
        """A person by account id; None for one without access to the site."""
        found = self._issues.roster.get(account) if account else None
        return self.account(found) if found else None

    def account(self, account: Account) -> dict[str, Any]:
        """A person. Whoever hides the e-mail address shows without it (facts.md 2.3)."""
        name = account.email.partition("@")[0]
        shown = {
            "self": self.url(f"user?accountId={account.id}"),
            "accountId": account.id,
            "accountType": account.kind,
            "emailAddress": account.email,
            "avatarUrls": self._avatars(f"initials/{name}.png"),
            "displayName": account.name,
            "active": account.active,
            "timeZone": account.zone,
        }
        if account.hidden:
            del shown["emailAddress"]
        return shown

    def status(self, status: Status) -> dict[str, Any]:
        """A status with its category."""
        category = status.category
        return {
            "self": self.url(f"status/{status.id}"),
            "description": "",
            "iconUrl": f"{self._base}/",
            "name": status.name,
            "id": status.id,
            "statusCategory": {
                "self": self.url(f"statuscategory/{category.id}"),
                "id": category.id,
                "key": category.key,
                "colorName": category.color,
                "name": category.name,
            },
        }

    def priority(self, number: str) -> dict[str, Any]:
        """A priority as issues show it."""
        item = catalog.PRIORITIES[number]
        icon = f"{self._base}/images/icons/priorities/{item.name.lower()}.svg"
        return {"self": self.url(f"priority/{item.id}"), "iconUrl": icon, "name": item.name, "id": item.id}

    def resolution(self, number: str) -> dict[str, Any]:
        """A resolution."""
        item = catalog.RESOLUTIONS[number]
        link = self.url(f"resolution/{item.id}")
        return {"self": link, "id": item.id, "description": item.description, "name": item.name}

    def issue_type(self, number: str) -> dict[str, Any]:
        """An issue type."""
        item = catalog.ISSUE_TYPES[number]
        return {
            "self": self.url(f"issuetype/{item.id}"),
            "id": item.id,
            "description": item.description,
            "iconUrl": f"{self._base}/rest/api/2/universal_avatar/view/type/issuetype/avatar/10318?size=medium",
            "name": item.name,
            "subtask": False,
            "avatarId": 10318,
            "hierarchyLevel": 0,
        }

    def project(self, project: Project) -> dict[str, Any]:
        """A project as issues show it."""
        return {
            "self": self.url(f"project/{project.id}"),
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "software",
            "simplified": False,
            "avatarUrls": self._avatars("avatar/10419"),
        }

    def issue(self, issue: Issue, wanted: Wanted, expand: Iterable[str] = ()) -> dict[str, Any]:
        """An issue with the fields wanted."""
        shown: dict[str, Any] = {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
            "id": str(issue.id),
            "self": self.url(f"issue/{issue.id}"),
            "key": issue.key,
        }
        if "changelog" in expand:
            histories = self._issues.histories(issue.id)[::-1][:100]
            shown["changelog"] = {
                "startAt": 0,
                "maxResults": len(histories),
                "total": self._issues.count_histories(issue.id),
                "histories": [self.history(entry) for entry in histories],
            }
        if "transitions" in expand:
            shown["transitions"] = [self.transition(move) for move in catalog.transitions_from(issue.fields["status"])]
        if "names" in expand:
            shown["names"] = {spec.id: spec.name for spec in catalog.FIELDS.values() if wanted.has(spec.id)}
        shown["fields"] = self.fields(issue, wanted)
        return shown

    def fields(self, issue: Issue, wanted: Wanted) -> dict[str, Any]:
        """The fields wanted, each as the API shows it."""
        shown = {name: value for name, value in EMPTY_FIELDS.items() if wanted.has(name)}
        for name, stored in issue.fields.items():
            if name == "parent":
                if stored is not None and wanted.has(name):
                    shown[name] = self.parent(stored)
            elif wanted.has(name):
                shown[name] = self.field(name, stored)
        computed: dict[str, Callable[[], Any]] = {
            "project": lambda: self.project(PROJECTS[issue.project]),
            "created": lambda: self.time(issue.created),
            "updated": lambda: self.time(issue.updated),
            "comment": lambda: self._comment_page(issue),
            "attachment": lambda: [self.attachment(each) for each in self._issues.attachments.of(issue.id)],
            "votes": lambda: {"self": self.url(f"issue/{issue.key}/votes"), "votes": 0, "hasVoted": False},
            "watches": lambda: {"self": self.url(f"issue/{issue.key}/watchers"), "watchCount": 1, "isWatching": False},
            "worklog": lambda: {"startAt": 0, "maxResults": 20, "total": 0, "worklogs": []},
        }
        return shown | {name: compute() for name, compute in computed.items() if wanted.has(name)}

    def parent(self, number: str) -> dict[str, Any] | None:
        """Left out of an issue that has none [fixture jira/http.issue.get-expand-transitions]."""
        found = self._issues.get(number)
        if found is None:
            return None
        shows = ("summary", "status", "priority", "issuetype")
        fields = {name: self.field(name, found.fields[name]) for name in shows}
        return {"id": str(found.id), "key": found.key, "self": self.url(f"issue/{found.id}"), "fields": fields}

    def field(self, name: str, stored: Any) -> Any:
        """One stored value."""
        if stored is None:
            return None
        if name in NAMED:
            shows = {"priority": self.priority, "resolution": self.resolution, "issuetype": self.issue_type}
            return self.status(STATUSES[stored]) if name == "status" else shows[name](stored)
        if name in PEOPLE_FIELDS:
            return self.user(stored)
        if name in TIME_FIELDS:
            return self.time(stored)
        if name in RICH_FIELDS and self._version == 2:
            return adf.to_text(stored)
        return stored

    def comment(self, issue: int, comment: Comment, *, properties: bool = False) -> dict[str, Any]:
        """A comment."""
        shown = {
            "self": self.url(f"issue/{issue}/comment/{comment.id}"),
            "id": str(comment.id),
            "author": self.user(comment.author),
            "body": adf.to_text(comment.body) if self._version == 2 else comment.body,
            "updateAuthor": self.user(comment.update_author),
            "created": self.time(comment.created),
            "updated": self.time(comment.updated),
            "jsdPublic": True,
        }
        if properties:
            found = self._issues.properties("comment", comment.id)
            shown["properties"] = [{"key": key, "value": value} for key, value in found.items()]
        return shown

    def attachment(self, attachment: Attachment) -> dict[str, Any]:
        """A file without its bytes."""
        return {
            "self": self.url(f"attachment/{attachment.id}"),
            "id": str(attachment.id),
            "filename": attachment.filename,
            "author": self.user(attachment.author),
            "created": self.time(attachment.created),
            "size": attachment.size,
            "mimeType": attachment.mime,
            "content": self.url(f"attachment/content/{attachment.id}"),
        }

    def history(self, entry: History) -> dict[str, Any]:
        """One entry of the changelog."""
        return {
            "id": str(entry.id),
            "author": self.user(entry.author),
            "created": self.time(entry.created),
            "items": list(entry.items),
        }

    def transition(self, move: Transition, *, fields: bool = False) -> dict[str, Any]:
        """A move, with its screen if asked."""
        shown: dict[str, Any] = {
            "id": move.id,
            "name": move.name,
            "to": self.status(STATUSES[move.target]),
            "hasScreen": bool(move.required),
            "isGlobal": False,
            "isInitial": False,
            "isAvailable": True,
            "isConditional": False,
            "isLooped": False,
        }
        if fields:
            shown["fields"] = {name: self._screen_field(name) for name in move.required}
        return shown

    def _screen_field(self, name: str) -> dict[str, Any]:
        return {
            "required": True,
            "schema": {"type": name, "system": name},
            "name": catalog.FIELDS[name].name,
            "key": name,
            "hasDefaultValue": False,
            "operations": ["set"],
            "allowedValues": [self.resolution(number) for number in catalog.RESOLUTIONS],
        }

    def _comment_page(self, issue: Issue) -> dict[str, Any]:
        comments = [self.comment(issue.id, comment) for comment in self._issues.comments(issue.id)]
        link = self.url(f"issue/{issue.id}/comment")
        return {"comments": comments, "self": link, "maxResults": len(comments), "total": len(comments), "startAt": 0}

    def _avatars(self, path: str) -> dict[str, str]:
        return {size: f"{self._base}/secure/{path}{query}" for size, query in _SIZES.items()}


class Wanted:
    """Which fields a request asked for: names, `*all`, `*navigable`, and `-name` to leave one out."""

    def __init__(self, names: Sequence[str]) -> None:
        self._without = frozenset(name[1:] for name in names if name.startswith("-"))
        self.names = frozenset(name for name in names if not name.startswith("-"))
        only_exclusions = bool(self._without) and not self.names
        self._all = only_exclusions or bool(self.names & {"*all", "*navigable"})

    def has(self, name: str) -> bool:
        """Whether this field was asked for."""
        return name not in self._without and (self._all or name in self.names)


ALL = Wanted(["*all"])


def for_person(issues: Issues, base_url: str, person: Person | None) -> Renderer:
    """REST answers for whoever asks."""
    return Renderer(issues, base_url, time_zone=person.time_zone if person else "UTC")


def brief(value: Any) -> Any:
    """A rendered field without pictures and links, for logs."""
    if not isinstance(value, Mapping):
        return value
    kept = ("id", "key", "name", "accountId", "displayName", "emailAddress", "statusCategory")
    return {name: brief(value[name]) for name in kept if name in value} or dict(value)
