"""What the parts of a connector file say about each other. Everything is told at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors.contract.written.conditions import check_condition
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from connectors.declared.deciding import OF_ANSWERS, OF_CHECKS, OF_PARTS, OF_ROWS, OF_WEBHOOKS, holds
from connectors.declared.lint_access import lint_access
from connectors.declared.lint_records import lint_record
from connectors.declared.lint_slots import lint_slots
from connectors.declared.model.auth import OAuth, Session
from connectors.declared.model.file import ConnectorFile
from connectors.declared.model.records import Record
from connectors.declared.settings import allowed

At = tuple[str | int, ...]
_UNANSWERED: dict[str, Any] = {"status": 0, "body": None, "header": {}, "sent": True, "answered": False}


def lint(source: Source, file: ConnectorFile, gone: frozenset[str]) -> list[Problem]:
    """All problems of a file whose shape is right. `gone`: keys that could not be read and were told already."""
    problems = [*_conditions(source, file), *lint_slots(source, file), *_auth(source, file), *_webhooks(source, file)]
    for name, record in file.records.items():
        problems += lint_record(source, file, name, record)
    problems += lint_access(source, file, _condition)
    problems += [*_tests(source, file), *_check(source, file, gone)]
    return problems


def _conditions(source: Source, file: ConnectorFile) -> Iterator[Problem]:
    for number, rule in enumerate(file.errors):
        at: At = ("errors", number, "when")
        faults = list(_condition(source, at, rule.when, OF_ANSWERS))
        yield from faults
        if not faults and rule.do != "unknown" and holds(rule.when, _UNANSWERED):
            text = "a request that nobody answered may have had its effect, whatever a rule says"
            yield source.problem(at, "unanswered", text, "adding 'answered &&'")
    for number, check in enumerate(file.check):
        yield from _condition(source, ("check", number, "pass"), check.pass_, OF_CHECKS)
    for number, event in enumerate(file.webhooks.events if file.webhooks else ()):
        yield from _condition(source, ("webhooks", "events", number, "when"), event.when, OF_WEBHOOKS)
        if event.comment is not None and event.comment.skip is not None:
            at = ("webhooks", "events", number, "comment", "skip")
            yield from _condition(source, at, event.comment.skip, OF_ROWS)
    for name, record in file.records.items():
        yield from _of_record(source, ("records", name), record)


def _of_record(source: Source, at: At, record: Record) -> Iterator[Problem]:
    if record.comments is not None and record.comments.skip is not None:
        yield from _condition(source, (*at, "comments", "skip"), record.comments.skip, OF_ROWS)
    if record.skip is not None:
        yield from _condition(source, (*at, "skip"), record.skip, OF_ROWS)
    for name, part in (record.one.also if record.one else {}).items():
        if part.where is not None:
            yield from _condition(source, (*at, "one", "also", name, "where"), part.where, OF_PARTS)


def _condition(source: Source, at: At, text: str, variables: tuple[str, ...]) -> Iterator[Problem]:
    for fault in check_condition(text, variable=variables[0], others=variables):
        line, col = source.inside(at, fault.line, fault.col)
        yield Problem(source.file, line, col, "condition", fault.text, fault.hint)


def _auth(source: Source, file: ConnectorFile) -> Iterator[Problem]:
    seen: set[str] = set()
    listed = isinstance(source.data.get("auth"), list)
    for number, kind in enumerate(file.auth):
        at: At = ("auth", number) if listed else ("auth",)
        if kind.kind in seen:
            yield source.problem((*at, "kind"), "duplicate-value", f"{kind.kind} is listed twice", "removing one")
        seen.add(kind.kind)
        key = "login_url" if isinstance(kind, Session) else "token_url"
        url = kind.login_url if isinstance(kind, Session) else kind.token_url if isinstance(kind, OAuth) else "/"
        host = urlsplit(url).hostname
        if host is not None and not allowed(file, host):
            text = f"credentials would go to {host}, which http.only_hosts does not name"
            yield source.problem((*at, key), "host", text, f"adding '{host}' there, with the system's own hosts")


def _webhooks(source: Source, file: ConnectorFile) -> Iterator[Problem]:
    for number, event in enumerate(file.webhooks.events if file.webhooks else ()):
        at: At = ("webhooks", "events", number)
        record = file.records.get(event.record)
        if event.ignore is not None:
            continue
        if record is None:
            yield _no_record(source, (*at, "record"), event.record, file.records)
        elif event.then == "comment" and record.comments is None and event.comment is None:
            text = f"the record {event.record} has no comments"
            yield source.problem((*at, "then"), "comments", text, f"'comments:' in records.{event.record}")
        if event.when == "true" and file.webhooks and number < len(file.webhooks.events) - 1:
            text = "this event takes every webhook, those below it are never reached"
            yield source.problem(at, "unreachable", text, "a 'when:', or moving it to the end")


def _tests(source: Source, file: ConnectorFile) -> Iterator[Problem]:
    names: set[str] = set()
    for number, test in enumerate(file.tests):
        if test.name in names:
            yield source.problem(
                ("tests", number, "name"), "duplicate-value", f"'{test.name}' is the name of two tests"
            )
        names.add(test.name)
        if test.do.record and test.do.record not in file.records:
            yield _no_record(source, ("tests", number, "do", test.do.verb), test.do.record, file.records)
        if test.do.verb in ("accounts", "holdings", "end") and file.access is None:
            yield source.problem(("tests", number, "do", test.do.verb), "access", "this file says nothing of access")
        elif test.do.end is not None and file.access is not None and test.do.end not in file.access.has:
            hint, text = nearest(test.do.end, file.access.has), f"there is no '{test.do.end}' under access.has"
            yield source.problem(("tests", number, "do", "end"), "access", text, hint)
        if test.do.verb == "webhook" and file.webhooks is None:
            yield source.problem(("tests", number, "do", "webhook"), "webhooks", "this file describes no webhooks")


def _check(source: Source, file: ConnectorFile, gone: frozenset[str]) -> Iterator[Problem]:
    signs_in = any(each.kind != "none" for each in file.auth)
    if signs_in and "check" not in gone and not any(each.proves == "sign-in" for each in file.check):
        text = "without a proof of the sign-in, an empty answer to a dead token would count as 'not there'"
        yield source.problem(("check",), "check", text, "a check with 'proves: sign-in'", key=True)


def _no_record(source: Source, at: At, name: str, records: Mapping[str, Any]) -> Problem:
    return source.problem(at, "unknown-record", f"there is no record '{name}'", nearest(name, records))
