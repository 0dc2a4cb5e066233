"""`lockstep case list|show`: what cannot go on without a person. The verbs that decide are in `case_verbs`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import case_verbs, resolving
from gateway.cli.deciding import Number, read_case
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import age, data, document, moment, say, table

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
    table([_row(case) for case in page.cases], COLUMNS)
    if not page.cases:
        say("no cases" + (" fit this" if states or cause or connection or text else ": nothing needs you"))
    if page.next:
        say(f"more: lockstep case list --after {page.next}")


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
    from dead_letter.wording import next_step

    data(f"{case.number}  {case.title}")
    where = " ".join(
        part for part in (case.connection, case.object, case.object_key or case.object_id, case.field) if part
    )
    data(f"{case.state} · {case.cause} · {where} · version {case.version} · seen {case.count} times")
    data(f"since {moment(case.first_seen)}, last {moment(case.last_seen)}")
    for name, value in case.evidence.items():
        data(f"  {name}: {_short(value)}")
    data("History")
    for step in steps:
        said = " ".join(part for part in (step.action, step.choice, step.reason) if part)
        data(f"  {moment(step.at)}  {step.name} by {step.actor}  {said}".rstrip())
    if case.state != "closed":
        data(f"Next: {next_step(case.cls, case.cause, connection=case.connection)}")
    data("You can")
    for action in actions:
        mark = "*" if action.recommended else "-" if action.allowed else "x"
        data(f"  {mark} {command_of(case, action)}" + (f": {action.why_not}" if action.why_not else ""))


_FLAGS = {
    "discard": "discard {number} --reason TEXT",
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
app.command("discard")(case_verbs.discard)
app.command("close")(case_verbs.close)
