"""`lockstep case list|show`: what cannot go on without a person. What is done with cases is in `case_*` beside."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import case_approvals, case_files, case_groups, case_stats, case_verbs, case_work, resolving
from gateway.cli.case_filter import Narrow, narrowing
from gateway.cli.deciding import Number
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import age, cell, data, document, moment, say, table, told
from gateway.cli.wishes import wishes

if TYPE_CHECKING:
    from dead_letter.values import Case, CaseSummary, Step
    from gateway.work.case_views import ActionView, CaseView

app = typer.Typer(
    help="Cases: what cannot go on without a person, with evidence and allowed actions.", no_args_is_help=True
)

COLUMNS = ("number", "state", "level", "owner", "due", "cause", "connection", "object", "field", "age", "title")


@app.command("list")
@narrowing
def list_(
    config: Config = DEFAULT_CONFIG,
    sort: Annotated[
        str, typer.Option(envvar="LOCKSTEP_CASE_SORT", help="newest, priority (the highest first) or due.")
    ] = "newest",
    limit: Annotated[int, typer.Option(min=1, max=200, envvar="LOCKSTEP_CASE_LIMIT", help="At most so many.")] = 50,
    after: Annotated[
        str, typer.Option(envvar="LOCKSTEP_CASE_AFTER", help="Go on where a page ended; it says how.")
    ] = "",
    as_json: Json = False,
    *,
    narrow: Narrow,
) -> None:
    """List cases, newest first."""
    from dead_letter.values import Sort
    from gateway.cli.gateways import asked

    if sort not in {*Sort}:
        raise Ending(Code.WRONG_USE, f"--sort {sort}: there are {', '.join(Sort)}")
    wanted = narrow.filter(sort=Sort(sort), limit=limit)
    page = asked(config, lambda gateway: gateway.cases.list_cases(wanted, cursor=after or None))
    if as_json:
        import msgspec

        document(msgspec.to_builtins(page))
        return
    _list([_row(case) for case in page.cases])
    if not page.cases:
        say("no cases" + (" fit this" if narrow.given else ": nothing needs you"))
    if page.next:
        say(f"more: lockstep case list --after {page.next}")


def _list(rows: list[dict[str, Any]]) -> None:
    """Two lines each on a terminal, where eight columns would leave no room for the sentence."""
    if not sys.stdout.isatty() or wishes().fields:
        table(rows, COLUMNS)
        return
    for row in rows:
        where = " ".join(part for part in (row["connection"], row["object"], row["field"]) if part)
        who = f"  {row['owner']}" if row["owner"] else ""
        told(f"{row['number']}  {row['state']}  {row['level']}  {row['cause']}  {where}  {row['age']}{who}")
        told(row["title"], indent=4)


def _row(case: CaseSummary) -> dict[str, Any]:
    return {
        "number": case.number,
        "state": case.state,
        "level": case.level,
        "owner": case.owner,
        "due": moment(case.due_at) if case.due_at and case.state != "closed" else None,
        "cause": case.cause,
        "connection": case.connection,
        "object": case.object_key or case.object_id,
        "field": case.field,
        "age": age(time.time() - case.first_seen),
        "title": case.title,
    }


@app.command()
def show(number: Number, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show a case: what happened, the evidence, what you can do."""
    from gateway.cli.gateways import asked

    view = asked(config, lambda gateway: gateway.cases.get_case(number))
    if as_json:
        import msgspec

        found = msgspec.to_builtins(view)
        found |= found.pop("case") | {"next": found.pop("next_step")}
        document(found)
        return
    _tell(view)


def _tell(view: CaseView) -> None:
    """What it is and what to do about it first; the evidence below."""
    case = view.case
    told(f"{case.number}  {case.title}")
    where = " ".join(
        part for part in (case.connection, case.object, case.object_key or case.object_id, case.field) if part
    )
    times = "once" if case.count == 1 else f"{case.count} times, last {moment(case.last_seen)}"
    told(f"{case.state} · {case.cause} · {where} · version {case.version}")
    told(f"since {moment(case.first_seen)}, seen {times}")
    if case.vendor_code or case.vendor_text:
        told(f"{case.connection or 'the system'} said {case.vendor_code}: {case.vendor_text}".rstrip(": "))
    if case.state != "closed":
        _tell_work(view)
        told(f"Next: {view.next_step}")
        _tell_actions(case, view.actions)
    _tell_beside(view)
    data("Evidence" if case.evidence else "No evidence")
    for name, value in evidence_of(case):
        told(f"{name}: {_short(value)}", indent=2)
    data("History")
    for step in view.history:
        told(f"{moment(step.at)}  {_said(step)}", indent=2)


def _said(step: Step) -> str:
    what = step.name.replace("_", " ") if step.name != "worked" else step.action.replace("_", " ")
    action = step.action if step.name != "worked" else ""
    agreed = f"agreed by {step.approver}" if step.approver else ""
    said = " ".join(part for part in (action, step.choice, step.reason, agreed) if part)
    return f"{what} by {step.actor}  {said}".rstrip()


def _tell_work(view: CaseView) -> None:
    """Who has it, how urgent it is and why, what it waits for, how many are like it."""
    case = view.case
    told(f"{case.owner or 'nobody'} has it · {case.level} ({case.priority}) · {view.sla}")
    told("because " + ", ".join(f"{each.text} (+{each.points})" for each in case.reasons))
    if case.parked_until:
        told(f"parked until {case.parked_until}")
    if view.grouped.open > 1:
        told(f"one of {view.grouped.open} in the group {view.grouped.title or view.grouped.key}")
    if view.verdict[1]:
        told(view.verdict[1])
    for each in view.approvals:
        if each.state == "pending":
            told(f"waits for a second person: {each.id}, {each.requested_by} asks for {each.text}")


def _tell_beside(view: CaseView) -> None:
    """The way to certainty, tasks, files, links, and how cases like it ended."""
    for step in view.guide:
        told(f"[{'x' if step.done else ' '}] {step.text}", indent=2)
    for task in view.tasks:
        came = f": {task.note}" if task.note else ""
        told(f"task {task.id} {task.state} {task.kind} {task.title} ({task.owner or 'nobody'}){came}", indent=2)
    for file in view.attachments:
        told(f"file {file.id} {file.name} ({file.size} bytes, {file.by})", indent=2)
    for link in view.links:
        told(f"link {link.url} {link.title}".rstrip(), indent=2)
    for other in view.similar:
        told(f"before: {other.number} {other.ending.replace('_', ' ')} by {other.closed_by} {other.reason}", indent=2)


_TRIED_FIRST = ("retry", "discard", "close")
"""What people try when they are in a hurry: if it is not possible, the reason stands here. --json has all actions."""


def _tell_actions(case: Case, actions: Sequence[ActionView]) -> None:
    data("You can")
    for action in [each for each in actions if each.kind == "decision"]:
        if action.allowed:
            told(f"{'*' if action.recommended else '-'} {command_of(case, action)}", indent=2)
    if not any(action.name == "look" and action.allowed for action in actions):
        told(f"- lockstep case look {case.number}", indent=2)
    why: dict[str, list[str]] = {}
    more = [each.name for each in actions if each.kind == "work" and each.allowed]
    if more:
        told(f"also: {', '.join(more).replace('_', ' ')}", indent=2)
    for action in actions:
        if not action.allowed and action.name in _TRIED_FIRST:
            why.setdefault(action.why_not, []).append(str(action.name))
    for reason, names in why.items():
        told(f"x {', '.join(names)}: {reason}", indent=2)


_FIRST = ("error", "status", "body", "sent")


def evidence_of(case: Case) -> list[tuple[str, Any]]:
    """The evidence as people need it: both sides by the names of their systems, times as times, what was said first."""
    found = dict(case.evidence)
    origin = str(found.pop("canonical_from", "") or "the record")
    sides = found.pop("sides", None)
    lines = [(origin if side == "canonical" else side, value) for side, value in sides.items()] if sides else []
    if isinstance(settles_at := found.get("settles_at"), int | float):
        found["settles_at"] = moment(settles_at)
    order = {name: number for number, name in enumerate(_FIRST)}
    return lines + sorted(found.items(), key=lambda item: order.get(item[0], len(order)))


_FLAGS = {
    "discard": "discard {number} --reason TEXT",
    "accept": "accept {number} --reason TEXT",
    "close": "close {number} --reason TEXT",
    "declare_applied": "declare {number} --applied --proof TEXT --reason TEXT",
    "declare_not_applied": "declare {number} --not-applied --proof TEXT --reason TEXT",
    "correct": "correct {number} --field FIELD --new VALUE --reason TEXT",
}


def command_of(case: Case, action: ActionView) -> str:
    """The action as it is typed, where it is allowed; else its name."""
    if not action.allowed:
        return str(action.name)
    if action.name == "resolve":
        origin = str(case.evidence.get("canonical_from", "canonical"))
        sides = " | ".join(f"--keep {origin if one == 'canonical' else one}" for one in action.choices)
        return f"lockstep case resolve {case.number} {sides} | --value VALUE"
    return "lockstep case " + _FLAGS.get(action.name, f"{action.name} {{number}}").format(number=case.number)


def _short(value: Any) -> str:
    text = cell(value)
    return text if len(text) <= 400 else f"{text[:400]}…"


app.command("look")(case_verbs.look)
app.command("retry")(case_verbs.retry)
app.command("resolve")(resolving.resolve)
app.command("declare")(case_verbs.declare)
app.command("accept")(case_verbs.accept)
app.command("discard")(case_verbs.discard)
app.command("close")(case_verbs.close)
app.command("correct")(case_approvals.correct)
app.command("claim")(case_work.claim)
app.command("release")(case_work.release)
app.command("delegate")(case_work.delegate)
app.command("assign")(case_work.assign)
app.command("escalate")(case_work.escalate)
app.command("park")(case_work.park)
app.command("unpark")(case_work.unpark)
app.command("note")(case_work.note)
app.command("link")(case_work.link)
app.command("attach")(case_work.attach)
app.add_typer(case_work.tasks, name="task")
app.command("file")(case_files.file)
app.command("approvals")(case_approvals.approvals)
app.command("approve")(case_approvals.approve)
app.command("reject")(case_approvals.reject)
app.command("withdraw")(case_approvals.withdraw)
app.command("groups")(case_groups.groups)
app.command("split")(case_groups.split)
app.command("merge")(case_groups.merge)
app.command("export")(case_files.export)
app.command("stats")(case_stats.stats)
