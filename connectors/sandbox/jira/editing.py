"""Every way an issue changes: create, edit, move, assign, comment, delete, by the workflow's rules. Raises Refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.sandbox.jira import answers, catalog
from connectors.sandbox.jira.attachments import Attachment, history_item
from connectors.sandbox.jira.catalog import DONE_CATEGORY, PROJECTS, STATUSES
from connectors.sandbox.jira.events import Events
from connectors.sandbox.jira.fields import (
    CREATE_SCREEN,
    EMPTY,
    Asked,
    Invalid,
    editable,
    history_items,
    parse_account,
    parse_comment,
    read_write,
)
from connectors.sandbox.jira.issues import Issues
from connectors.sandbox.jira.tables import Comment, Issue
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site


class Editing:
    """Each method is one change: stored, in the changelog and the edit log, queued as a webhook, or nothing of it."""

    def __init__(self, site: Site, issues: Issues, events: Events) -> None:
        self._store, self._issues, self._events = site.store, issues, events

    def create(self, payload: Mapping[str, Any], person: Person) -> Issue:
        """A new issue in To Do."""
        project = self._project(payload, person)
        rest = {name: value for name, value in (payload.get("fields") or {}).items() if name != "project"}
        written = read_write({"fields": rest, "update": payload.get("update")}, EMPTY, screen=CREATE_SCREEN)
        asked = self._with_parent(self._with_people(written))
        errors = dict(asked.errors)
        for name, message in (
            ("summary", "You must specify a summary of the issue."),
            ("issuetype", "Specify an issue type"),
        ):
            if name not in asked.values and name not in errors:
                errors[name] = message
        _refuse(errors)
        now = self._issues.now_ms()
        made = {"creator": person.account_id, "reporter": person.account_id, "statuscategorychangedate": now}
        with self._store.change():
            issue = self._issues.add(project, dict(EMPTY) | made | dict(asked.values))
            self._events.created(issue, person)
            self._set_properties(issue, payload, person)
            self._add_comments(issue, asked, person)
        return issue

    def edit(self, issue: Issue, payload: Mapping[str, Any], person: Person) -> Issue:
        """Fields on the edit screen. Without any effective change nothing happens at all."""
        written = read_write(payload, issue.fields, screen=editable(issue.fields))
        asked = self._with_parent(self._with_people(written), issue)
        _refuse(asked.errors)
        with self._store.change():
            self._set_properties(issue, payload, person)
            issue = self._change(issue, dict(asked.values), person)
            return self._add_comments(issue, asked, person)

    def _with_people(self, asked: Asked) -> Asked:
        """Only who has access to the site, and is active, gets work [M]."""
        named = {name: asked.values[name] for name in ("assignee", "reporter") if asked.values.get(name)}
        errors = {name: problem for name, account in named.items() if (problem := self._unfit(account))}
        return msgspec.structs.replace(asked, errors={**asked.errors, **errors}) if errors else asked

    def _unfit(self, account: str | None) -> str:
        found = self._issues.roster.get(account) if account else None
        if not account or (found is not None and found.active):
            return ""
        return f"User '{account}' cannot be assigned issues." if found else f"User '{account}' does not exist."

    def _with_parent(self, asked: Asked, issue: Issue | None = None) -> Asked:
        """The parent by its id. It must be there, and no issue is its own."""
        named = asked.values.get("parent")
        if named is None:
            return asked
        found = self._issues.get(named)
        if found is None or (issue is not None and found.id == issue.id):
            return msgspec.structs.replace(
                asked, errors={**asked.errors, "parent": "Please select valid parent issue."}
            )
        return msgspec.structs.replace(asked, values={**asked.values, "parent": str(found.id)})

    def move(self, issue: Issue, payload: Mapping[str, Any], person: Person) -> Issue:
        """One transition. It must be open in the present status; its required fields must be given with it."""
        wanted = str((payload.get("transition") or {}).get("id", ""))
        move = next((move for move in catalog.transitions_from(issue.fields["status"]) if move.id == wanted), None)
        if move is None:
            raise answers.refused(f"Transition id '{wanted}' is not valid for this issue.")
        asked = self._with_people(read_write(payload, issue.fields, screen=frozenset(move.required)))
        errors = dict(asked.errors)
        for name in move.required:
            if asked.values.get(name) is None and name not in errors:
                errors[name] = f"{catalog.FIELDS[name].name} is required."
        _refuse(errors)
        with self._store.change():
            issue = self._change(issue, dict(asked.values) | self._arrival(issue, move.target), person, moved=True)
            return self._add_comments(issue, asked, person)

    def assign(self, issue: Issue, payload: Mapping[str, Any], person: Person) -> Issue:
        """`{"accountId"}`; null for nobody."""
        try:
            account = parse_account(payload)
        except Invalid as error:
            raise answers.refused(errors={"assignee": str(error)}) from error
        if problem := self._unfit(account):
            raise answers.refused(errors={"assignee": problem})
        with self._store.change():
            return self._change(issue, {"assignee": account}, person)

    def delete(self, issue: Issue, person: Person) -> None:
        """Gone, with all that hangs on it."""
        with self._store.change():
            self._events.deleted(issue, person)
            self._issues.remove(issue)

    def comment(self, issue: Issue, payload: Mapping[str, Any], person: Person) -> Comment:
        """A new comment, with its properties."""
        body = _comment_body(payload)
        with self._store.change():
            comment = self._issues.add_comment(issue, person, body)
            for entry in payload.get("properties") or ():
                self._issues.set_property("comment", comment.id, entry["key"], entry.get("value"))
            issue = self._stamp(issue)
            self._events.commented("comment_created", issue, comment, person)
        return comment

    def edit_comment(self, issue: Issue, comment: Comment, payload: Mapping[str, Any], person: Person) -> Comment:
        """Another body for a comment."""
        now = self._issues.now_ms()
        body = _comment_body(payload)
        changed = msgspec.structs.replace(comment, body=body, updated=now, update_author=person.account_id)
        with self._store.change():
            self._issues.save_comment(changed)
            for entry in payload.get("properties") or ():
                self._issues.set_property("comment", comment.id, entry["key"], entry.get("value"))
            self._events.commented("comment_updated", self._stamp(issue), changed, person)
        return changed

    def delete_comment(self, issue: Issue, comment: Comment, person: Person) -> None:
        """A comment goes."""
        with self._store.change():
            self._events.commented("comment_deleted", self._stamp(issue), comment, person)
            self._issues.remove_comment(comment)

    def attach(self, issue: Issue, person: Person, name: str, mime: str, content: bytes) -> Attachment:
        """A new file; the changelog names it."""
        files = self._issues.attachments
        with self._store.change():
            made = files.add(issue.id, person, self._issues.now_ms(), name, mime, content)
            issue = self._issues.get(str(issue.id)) or issue  # the file before this one moved it
            stamped = self._stamp(issue)
            entry = self._issues.add_history(stamped, person, [history_item(made)])
            self._events.attached(stamped, made, person, entry)
        return made

    def detach(self, attachment: Attachment, person: Person) -> None:
        """A file goes; the changelog names it."""
        issue = self._issues.get(str(attachment.issue))
        assert issue is not None
        with self._store.change():
            self._issues.attachments.remove(attachment)
            stamped = self._stamp(issue)
            entry = self._issues.add_history(stamped, person, [history_item(attachment, gone=True)])
            self._events.updated(issue, stamped, person, entry)

    def _change(self, issue: Issue, values: dict[str, Any], person: Person, *, moved: bool = False) -> Issue:
        after = dict(issue.fields) | values
        items = history_items(issue.fields, after)
        if not items:
            return issue
        changed = msgspec.structs.replace(issue, fields=after, updated=self._issues.now_ms())
        self._issues.save(changed)
        entry = self._issues.add_history(changed, person, items)
        self._events.updated(issue, changed, person, entry, moved=moved)
        return changed

    def _arrival(self, issue: Issue, target: str) -> dict[str, Any]:
        """What the workflow sets by itself: a reopened issue has no resolution, a done one has a date."""
        now = self._issues.now_ms()
        values: dict[str, Any] = {"status": target}
        came, goes = STATUSES[issue.fields["status"]].category, STATUSES[target].category
        if came is not goes:
            values["statuscategorychangedate"] = now
        if goes is DONE_CATEGORY:
            values["resolutiondate"] = now
        elif came is DONE_CATEGORY:
            values |= {"resolution": None, "resolutiondate": None}
        return values

    def _stamp(self, issue: Issue) -> Issue:
        """A comment counts as an update of its issue, without an entry in the changelog."""
        changed = msgspec.structs.replace(issue, updated=self._issues.now_ms())
        self._issues.save(changed)
        return changed

    def _add_comments(self, issue: Issue, asked: Asked, person: Person) -> Issue:
        for body in asked.comments:
            comment = self._issues.add_comment(issue, person, body)
            issue = self._stamp(issue)
            self._events.commented("comment_created", issue, comment, person)
        return issue

    def _set_properties(self, issue: Issue, payload: Mapping[str, Any], person: Person) -> None:
        for entry in payload.get("properties") or ():
            self.set_property(issue, entry["key"], entry.get("value"), person)

    def set_property(self, issue: Issue, key: str, value: Any, person: Person) -> bool:
        """Sets one; whether it is new. No changelog, no webhook, no new time of update [OAS-JIRA, M]; only the edit
        log tells.
        """
        with self._store.change():
            before = self._issues.properties("issue", issue.id).get(key)
            if before != value:
                self._events.property_set(issue, key, (before, value), person)
            return self._issues.set_property("issue", issue.id, key, value)

    def _project(self, payload: Mapping[str, Any], person: Person) -> str:
        project = catalog.find_named(PROJECTS, (payload.get("fields") or {}).get("project"))
        if project is None or not catalog.may_see(person, project.id):
            raise answers.refused(errors={"project": "Specify a valid project ID or key"})
        return str(project.id)


def _comment_body(payload: Mapping[str, Any]) -> Any:
    try:
        return parse_comment(payload.get("body"))
    except Invalid as error:
        raise answers.refused(errors={"comment": str(error)}) from error


def _refuse(errors: Mapping[str, str]) -> None:
    if errors:
        raise answers.refused(errors=errors)
