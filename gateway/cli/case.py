"""`lockstep case list|show|retry|discard`: what cannot go on without a person."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import age, data, document, moment, say, table

if TYPE_CHECKING:
    from dead_letter.actions import Action, Decided
    from dead_letter.values import Case, CasePage, CaseSummary, Step
    from gateway.storage.database import Database

app = typer.Typer(
    help="Cases: what cannot go on without a person, with evidence and allowed actions.", no_args_is_help=True
)

Number = Annotated[str, typer.Argument(help="The case's number: FO-17, or 17.")]
Actor = Annotated[
    str, typer.Option("--as", envvar="LOCKSTEP_ACTOR", help="Who decides.", show_default="your account's name")
]
Expect = Annotated[
    int,
    typer.Option(
        "--expect",
        envvar="LOCKSTEP_EXPECT",
        help="The version you decided on; refused if the case moved since. 0: as it is now.",
    ),
]
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
            }
        )
        return
    _tell(case, steps, actions)


async def _read(database: Database, number: str) -> tuple[Case, list[Step]]:
    from dead_letter.worklist import get_case, history

    async with database.read() as tx:
        case = await get_case(tx, number)
        if case is None:
            raise Ending(Code.NOT_FOUND, f"there is no case {number}; look at: lockstep case list")
        return case, await history(tx, number)


def _tell(case: Case, steps: list[Step], actions: list[Action]) -> None:
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
    data("You can")
    for action in actions:
        mark = "*" if action.recommended else "-" if action.allowed else "x"
        data(f"  {mark} {action.name}" + (f": {action.why_not}" if action.why_not else ""))


def _short(value: Any) -> str:
    from gateway.cli.output import cell

    text = cell(value)
    return text if len(text) <= 400 else f"{text[:400]}…"


@app.command()
def retry(
    number: Number,
    config: Config = DEFAULT_CONFIG,
    reason: Annotated[str, typer.Option(envvar="LOCKSTEP_REASON", help="Why; it goes into the history.")] = "",
    actor: Actor = "",
    expect: Expect = 0,
    as_json: Json = False,
) -> None:
    """Try again, with what the record holds now."""
    _decide(config, number, "retry", reason, actor, expect, as_json=as_json)


@app.command()
def discard(
    number: Number,
    reason: Annotated[str, typer.Option(envvar="LOCKSTEP_REASON", help="Why; it goes into the history.")],
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    expect: Expect = 0,
    as_json: Json = False,
) -> None:
    """Give up what could not be written; it is not sent until it changes again."""
    _decide(config, number, "discard", reason, actor, expect, as_json=as_json)


def _decide(config: Config, number: str, action: str, reason: str, actor: str, expect: int, *, as_json: bool) -> None:
    from gateway.cli.store import ask, configuration

    loaded = configuration(config)
    who = actor or getpass.getuser()

    async def decision(database: Database) -> Decided:
        from connectors.contract.clock import SystemClock
        from dead_letter.actions import decide
        from gateway.app.compose import connectors_of, topology_of
        from gateway.sync.lane_port import Lanes

        case, _ = await _read(database, number)
        topology = topology_of(loaded, connectors_of(loaded, SystemClock()))
        now = time.time()
        async with database.begin() as tx:
            return await decide(
                tx,
                case.number,
                action,
                actor=who,
                reason=reason,
                expected_version=expect or case.version,
                lanes=Lanes(tx, topology, now=now, actor=who),
                now=now,
            )

    decided = _refusals_told(lambda: ask(loaded, decision))
    if as_json:
        import msgspec

        document(msgspec.to_builtins(decided))
    else:
        data(f"{decided.number} is {decided.state} now (version {decided.version})")
        if action == "retry":
            say(f"the running gateway sends it; follow it with: lockstep case show {decided.number}")


def _refusals_told(decision: Callable[[], Decided]) -> Decided:
    """A refusal of the domain as an exit code."""
    from dead_letter.errors import CaseNotFound, DecisionRefused, StaleDecision

    try:
        return decision()
    except CaseNotFound as error:
        raise Ending(Code.NOT_FOUND, str(error)) from error
    except DecisionRefused as error:
        raise Ending(Code.NOT_ALLOWED, str(error)) from error
    except StaleDecision as error:
        raise Ending(Code.PLAN_STALE, str(error)) from error
