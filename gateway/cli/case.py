"""`lockstep case list|show`: what cannot go on without a person. The verbs that decide are in `case_verbs`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import case_verbs, resolving
from gateway.cli.deciding import Number, read_case
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import age, data, document, moment, say, table, told

if TYPE_CHECKING:
    from dead_letter.actions import Action
    from dead_letter.values import Case, CasePage, CaseSummary, Step
    from gateway.storage.database import Database

app = typer.Typer(
    help="Cases: what cannot go on without a person, with evidence and allowed actions.", no_args_is_help=True
)

COLUMNS = ("number", "state", "cause", "connection", "object", "field", "age", "title")


@app.command("list")
def list_(
    config: Config = DEFAULT_CONFIG,
    state: Annotated[
        list[str] | None,
        typer.Option(
            envvar="LOCKSTEP_CASE_STATE",
            help="open, taken, parked, in_run, came_back or closed; may be repeated.",
            show_default="all but closed",
        ),
    ] = None,
    cause: Annotated[str, typer.Option(envvar="LOCKSTEP_CASE_CAUSE", help="Only this cause.")] = "",
    connection: Annotated[str, typer.Option(envvar="LOCKSTEP_CASE_CONNECTION", help="Only this connection.")] = "",
    text: Annotated[str, typer.Option(envvar="LOCKSTEP_CASE_TEXT", help="Part of title, object or cause.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, envvar="LOCKSTEP_CASE_LIMIT", help="At most so many.")] = 50,
    after: Annotated[str, typer.Option(envvar="LOCKSTEP_CASE_AFTER", help="Go on after this case.")] = "",
    as_json: Json = False,
) -> None:
    """List cases, newest first."""
    from dead_letter.values import CaseFilter, CaseState
    from dead_letter.worklist import list_cases
    from gateway.cli.store import ask, configuration

    try:
        states = tuple(CaseState(one) for one in state or ())
    except ValueError as error:
        raise Ending(Code.WRONG_USE, f"{error}; there are {', '.join(CaseState)}") from error
    filter_ = CaseFilter(states=states, cause=cause, connection=connection, text=text, limit=limit)

    async def question(database: Database) -> CasePage:
        async with database.read() as tx:
            return await list_cases(tx, filter_, after or None)

    page = ask(configuration(config), question)
    if as_json:
        import msgspec

        document(msgspec.to_builtins(page))
        return
    _list([_row(case) for case in page.cases])
    if not page.cases:
        say("no cases" + (" fit this" if states or cause or connection or text else ": nothing needs you"))
    if page.next:
        say(f"more: lockstep case list --after {page.next}")


def _list(rows: list[dict[str, Any]]) -> None:
    """Two lines each on a terminal, where eight columns would leave no room for the sentence."""
    if not sys.stdout.isatty():
        table(rows, COLUMNS)
        return
    for row in rows:
        where = " ".join(part for part in (row["connection"], row["object"], row["field"]) if part)
        told(f"{row['number']}  {row['state']}  {row['cause']}  {where}  {row['age']}")
        told(row["title"], indent=4)


def _row(case: CaseSummary) -> dict[str, Any]:
    return {
        "number": case.number,
        "state": case.state,
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
    from dead_letter.actions import actions_for
    from dead_letter.wording import next_step
    from gateway.cli.store import ask, configuration

    case, steps = ask(configuration(config), lambda database: _read(database, number))
    actions = actions_for(case, now=time.time())
    if as_json:
        import msgspec

        document(
            {
                **msgspec.to_builtins(case),
                "history": msgspec.to_builtins(steps),
                "actions": msgspec.to_builtins(actions),
                "next": next_step(case.cls, case.cause, connection=case.connection),
            }
        )
        return
    _tell(case, steps, actions)


async def _read(database: Database, number: str) -> tuple[Case, list[Step]]:
    from dead_letter.worklist import history

    case = await read_case(database, number)
    async with database.read() as tx:
        return case, await history(tx, number)


def _tell(case: Case, steps: list[Step], actions: list[Action]) -> None:
    """What it is and what to do about it first; the evidence below."""
    from dead_letter.wording import next_step

    told(f"{case.number}  {case.title}")
    where = " ".join(
        part for part in (case.connection, case.object, case.object_key or case.object_id, case.field) if part
    )
    times = "once" if case.count == 1 else f"{case.count} times, last {moment(case.last_seen)}"
    told(f"{case.state} · {case.cause} · {where} · version {case.version}")
    told(f"since {moment(case.first_seen)}, seen {times}")
    if case.state != "closed":
        told(f"Next: {next_step(case.cls, case.cause, connection=case.connection)}")
        _tell_actions(case, actions)
    data("Evidence" if case.evidence else "No evidence")
    for name, value in evidence_of(case):
        told(f"{name}: {_short(value)}", indent=2)
    data("History")
    for step in steps:
        said = " ".join(part for part in (step.action, step.choice, step.reason) if part)
        told(f"{moment(step.at)}  {step.name.replace('_', ' ')} by {step.actor}  {said}".rstrip(), indent=2)


_TRIED_FIRST = ("retry", "discard", "close")
"""What people try when they are in a hurry: if it is not possible, the reason stands here. --json has all actions."""


def _tell_actions(case: Case, actions: list[Action]) -> None:
    data("You can")
    for action in actions:
        if action.allowed:
            told(f"{'*' if action.recommended else '-'} {command_of(case, action)}", indent=2)
    if not any(action.name == "look" and action.allowed for action in actions):
        told(f"- lockstep case look {case.number}", indent=2)
    why: dict[str, list[str]] = {}
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
}


def command_of(case: Case, action: Action) -> str:
    """The action as it is typed, where it is allowed; else its name."""
    if not action.allowed:
        return str(action.name)
    if action.name == "resolve":
        origin = str(case.evidence.get("canonical_from", "canonical"))
        sides = " | ".join(f"--keep {origin if one == 'canonical' else one}" for one in action.choices)
        return f"lockstep case resolve {case.number} {sides} | --value VALUE"
    return "lockstep case " + _FLAGS.get(action.name, f"{action.name} {{number}}").format(number=case.number)


def _short(value: Any) -> str:
    from gateway.cli.output import cell

    text = cell(value)
    return text if len(text) <= 400 else f"{text[:400]}…"


app.command("look")(case_verbs.look)
app.command("retry")(case_verbs.retry)
app.command("resolve")(resolving.resolve)
app.command("declare")(case_verbs.declare)
app.command("accept")(case_verbs.accept)
app.command("discard")(case_verbs.discard)
app.command("close")(case_verbs.close)
