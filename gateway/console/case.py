"""The case page, and what its forms send: every decision names the version that its maker saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from connectors.contract.errors import InputError, MappingError
from dead_letter.actions import sides_of
from dead_letter.errors import CaseNotFound, DecisionRefused, StaleDecision
from dead_letter.values import Case, CaseFilter
from dead_letter.wording import describe
from gateway.access.rights import Right
from gateway.console import sides
from gateway.console.curl import commands
from gateway.console.downloads import file
from gateway.console.frame import Asked, Misunderstood, Unseen, trouble
from gateway.console.now import changed
from gateway.console.rendering import path, show
from gateway.console.words import done_sentence, label_of
from gateway.work import cases, pages_audit, replays
from gateway.work.case_views import ActionView, CaseView
from gateway.work.pages_audit import Entry

_TONES = {"unknown_outcome": "doubt", "closed": "calm"}
_FIRST = ("error", "status", "request", "answer", "body", "sent", "looks")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "declare_applied": ("proof",),
    "declare_not_applied": ("proof",),
    "assign": ("to",),
    "delegate": ("to",),
    "escalate": ("to",),
    "park": ("until",),
    "comment": ("text",),
    "link": ("url", "title"),
    "unlink": ("url",),
    "add_task": ("kind", "title", "owner"),
    "take_task": ("task", "note"),
    "end_task": ("task", "note"),
    "drop_task": ("task", "note"),
    "resolve": ("choice",),
}


async def case_page(asked: Asked) -> web.StreamResponse:
    """`/c/FO-17`."""
    view = await _view(asked)
    case = view.case
    may_look = bool(asked.desk.connectors) and Right.WORK in asked.who.rights
    looking = "look" in asked.request.query and may_look
    record = await sides.of_record(asked, case.record, look=looking) if case.record else None
    runs = await replays.runs_of_cases(asked.desk.place, asked.who, [case.number])
    before, after = await _neighbours(asked, case)
    first = next((action for action in view.actions if action.recommended and action.allowed), None)
    return asked.page(
        "case.html",
        here="cases",
        view=view,
        run=runs.get(case.number, ""),
        record=record,
        looked=looking,
        can_look=may_look,
        evidence=_evidence(case),
        commands=commands(asked, case),
        sides=_choices(case),
        fields=[field.name for field in record.fields] if record else [],
        tone="calm" if case.state == "closed" else _TONES.get(str(case.cls), "warn"),
        first=first if Right.WORK in asked.who.rights else None,
        others=[action for action in view.actions if action is not first and action.name not in _BY_TASK],
        forbidden=(forbidden := _forbidden(view.actions)),
        rare=sum(len(each["labels"]) for each in forbidden.values() if each["rare"]),
        open_approvals=[ask for ask in view.approvals if ask.state == "pending"],
        steps=[describe(step) for step in view.history],
        moved=_moved(asked, case.number),
        just_before=[changed(each) for each in await _just_before(asked, case)],
        before=before,
        after=after,
    )


_BY_TASK = ("take_task", "end_task", "drop_task", "unlink")
"""Actions on one of several things; their forms stand beside those."""


async def _view(asked: Asked) -> CaseView:
    try:
        return await cases.get_case(asked.desk.place, asked.who, asked.request.match_info["number"])
    except CaseNotFound as error:
        raise Unseen("There is no such case, or you may not see it.") from error


def _evidence(case: Case) -> list[tuple[str, Any]]:
    """What was said first stands first; marks of what is personal are for the server."""
    order = {name: at for at, name in enumerate(_FIRST)}
    found = [(name, value) for name, value in case.evidence.items() if name not in ("personal", "sides")]
    return sorted(found, key=lambda each: (order.get(each[0], len(order)), each[0]))


def _choices(case: Case) -> list[dict[str, Any]]:
    """The sides of a conflict by the names that people know."""
    known = case.evidence.get("sides")
    values = known if isinstance(known, Mapping) else {}
    origin = str(case.evidence.get("canonical_from") or "the record")
    return [
        {"choice": side, "name": origin if side == "canonical" else side, "value": values.get(side)}
        for side in sides_of(case)
    ]


_TRIED_FIRST = frozenset({"retry", "discard", "close", "claim"})
"""What people reach for in a hurry: if it is not possible, the reason stands there at once."""


def _forbidden(actions: tuple[ActionView, ...]) -> dict[str, dict[str, Any]]:
    """Reason -> the actions it stands against: one sentence, however many."""
    found: dict[str, dict[str, Any]] = {}
    for action in actions:
        if not action.allowed and action.name not in _BY_TASK:
            entry = found.setdefault(action.why_not, {"labels": [], "rare": True})
            entry["labels"].append(label_of(action.name))
            entry["rare"] = entry["rare"] and action.name not in _TRIED_FIRST
    return found


async def _just_before(asked: Asked, case: Case) -> list[Entry]:
    """What people changed in the hour before it was first seen: there the reason often lies."""
    since, until = case.first_seen - 3600, case.first_seen
    return await pages_audit.changes(asked.desk.place, asked.who, since=since, until=until, limit=5)


async def _neighbours(asked: Asked, case: Case) -> tuple[str, str]:
    """The cases of the same group before and after this one, as the worklist shows them."""
    page = await cases.list_cases(asked.desk.place, asked.who, CaseFilter(group=case.group, limit=200))
    numbers = [each.number for each in page.cases]
    if case.number not in numbers:
        return "", ""
    at = numbers.index(case.number)
    return (numbers[at - 1] if at else "", numbers[at + 1] if at + 1 < len(numbers) else "")


def _moved(asked: Asked, number: str) -> list[str]:
    """What moved under a decision that was refused just before."""
    if asked.request.query.get("moved") != "1" or not asked.said_more:
        return []
    return asked.said_more.split(" · ")


async def act(asked: Asked) -> web.StreamResponse:
    """`POST /c/FO-17/act`: one action, at the version that the page showed."""
    number, action = asked.request.match_info["number"], asked.field("action")
    here = path("c", number)
    if action == "correct" and not asked.field("sure"):
        return await _look_at_correction(asked, number)
    try:
        body = await _body(asked, number, action)
        version, work = (
            int(asked.field(name)) if asked.field(name).isdigit() else None for name in ("version", "work")
        )
        done = await cases.act(
            asked.desk.place, asked.who, number, action, body, expected_version=version, expected_work=work
        )
    except CaseNotFound as error:
        raise Unseen("There is no such case, or you may not see it.") from error
    except StaleDecision as error:
        return asked.back(f"{here}?moved=1", str(error), tone="warn", more=" · ".join(error.moved))
    except (DecisionRefused, MappingError, InputError) as error:
        return asked.back(here, f"Not done: {error}", tone="warn")
    said = done_sentence(number, action)
    if done.approval:
        said = f"{label_of(action)} of {number} waits for a second person now."
    return asked.back(here, said, more=done.note)


async def _body(asked: Asked, number: str, action: str) -> dict[str, Any]:
    body: dict[str, Any] = {name: asked.field(name) for name in _FIELDS.get(action, ()) if asked.field(name)}
    for name in ("reason", "reason_code"):
        text = asked.field(name)
        if text and text != f"{number}:":
            body[name] = text
    if action == "resolve" and not body.get("choice"):
        body = {name: value for name, value in body.items() if name != "choice"} | {"value": asked.field("value")}
    if action == "correct":
        new, old = orjson.loads(asked.field("new_json")), orjson.loads(asked.field("old_json"))
        body |= {"field": asked.field("field"), "old": old, "new": new}
    if action == "attach":
        file = asked.sent.get("file")
        if not isinstance(file, web.FileField):
            raise Misunderstood("no file was chosen")
        body |= {"name": file.filename, "content": file.file.read()}
    return body


async def _look_at_correction(asked: Asked, number: str) -> web.StreamResponse:
    """A correction is looked at, system by system, before it is sent."""
    here = path("c", number)
    try:
        found = await cases.preview_correction(
            asked.desk.place, asked.who, number, asked.field("field"), asked.field("new")
        )
    except CaseNotFound as error:
        raise Unseen("There is no such case, or you may not see it.") from error
    except (DecisionRefused, MappingError, InputError) as error:
        return asked.back(here, f"Not done: {error}", tone="warn")
    return asked.page(
        "correction.html",
        here="cases",
        number=number,
        found=found,
        old_json=orjson.dumps(found.old).decode(),
        new_json=orjson.dumps(found.new).decode(),
        said_fields={name: asked.field(name) for name in ("version", "work", "reason", "reason_code")},
        text=show,
    )


async def answer(asked: Asked) -> web.StreamResponse:
    """`POST /c/FO-17/answer`: the second person says yes or no, or the first takes the request back."""
    number, here = asked.request.match_info["number"], path("c", asked.request.match_info["number"])
    approval, note = asked.field("approval"), asked.field("note")
    place, who = asked.desk.place, asked.who
    try:
        match asked.field("answer"):
            case "approve":
                done = await cases.approve(place, who, approval, note=note)
                said = f"Approved. {done_sentence(number, done.action)}"
            case "reject":
                await cases.reject(place, who, approval, note=note)
                said = "Rejected; nothing was done."
            case _:
                await cases.withdraw(place, who, approval, note=note)
                said = "Withdrawn; nothing was done."
    except CaseNotFound as error:
        raise Unseen("There is no such request, or you may not see it.") from error
    except StaleDecision as error:
        return asked.back(f"{here}?moved=1", str(error), tone="warn", more=" · ".join(error.moved))
    except (DecisionRefused, MappingError, InputError) as error:
        return asked.back(here, f"Not done: {error}", tone="warn")
    return asked.back(here, said)


async def attachment(asked: Asked) -> web.StreamResponse:
    """`/c/FO-17/files/ID`: a file that a person attached; always a download, never shown as a page."""
    match = asked.request.match_info
    try:
        view, content = await cases.read_attachment(asked.desk.place, asked.who, match["number"], match["file"])
    except CaseNotFound:
        return trouble(asked, 404, "Nothing to see here", "There is no such file, or you may not see it.")
    return file(view.name, content)
