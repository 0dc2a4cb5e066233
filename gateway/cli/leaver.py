"""`lockstep leaver`: who leaves, how it stands in each system, and what people decide about it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import leaver_guard, leaver_statement
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.leaver_telling import show_detail, show_list, show_plan, show_rows
from gateway.cli.output import data, document, say
from gateway.offboarding.values import Event, LeaverState

if TYPE_CHECKING:
    from gateway.cli.port import Gateway
    from gateway.work.leaver_views import LeaverView

app = typer.Typer(help="Leavers: who leaves, what ends where until when, and what proves it.", no_args_is_help=True)
app.add_typer(leaver_guard.app, name="guard")

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="LV-17, or 17.")]
Person = Annotated[
    str, typer.Argument(metavar="PERSON", help="A user name, an e-mail address, an employee number, or a record's id.")
]
Reason = Annotated[str, typer.Option("--reason", envvar="LOCKSTEP_REASON", help="Why; it stands in the trail.")]
Expect = Annotated[
    int,
    typer.Option("--expect", envvar="LOCKSTEP_EXPECT", help="The version you decided on; refused if it moved. 0: any."),
]
To = Annotated[
    str, typer.Option("--successor", envvar="LOCKSTEP_SUCCESSOR", help="Who takes over open work: address, user name.")
]
Kind = Annotated[Event, typer.Option("--event", envvar="LOCKSTEP_EVENT", help="What happens.")]
Department = Annotated[
    str, typer.Option("--department", envvar="LOCKSTEP_DEPARTMENT", help="Of who moves: the new one.")
]
Title = Annotated[str, typer.Option("--title", envvar="LOCKSTEP_TITLE", help="Of who moves: the new one.")]


@app.command("list")
def list_(
    past_due: Annotated[
        bool, typer.Option("--past-due", envvar="LOCKSTEP_PAST_DUE", help="Only those with a deadline that passed.")
    ] = False,
    privileged: Annotated[
        bool, typer.Option("--privileged", envvar="LOCKSTEP_PRIVILEGED", help="Only those with privileged access.")
    ] = False,
    system: Annotated[
        str, typer.Option("--system", envvar="LOCKSTEP_SYSTEM", help="Only those with a part in this system.")
    ] = "",
    state: Annotated[
        LeaverState | None, typer.Option("--state", envvar="LOCKSTEP_STATE", help="Only those that stand so.")
    ] = None,
    over: Annotated[bool, typer.Option("--all", envvar="LOCKSTEP_ALL", help="Those that are over, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", envvar="LOCKSTEP_LIMIT", min=1, max=1000, help="At most.")] = 50,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show who leaves, one line each: past due and privileged first, with a word for each system."""
    import msgspec

    from gateway.work.leavers import LeaverFilter

    wanted = LeaverFilter(
        states=(state,) if state else (), connection=system, past_due=past_due, privileged=privileged, over=over
    )
    found = asked(config, lambda gateway: gateway.leavers.list_leavers(wanted, limit=limit))
    if as_json:
        document([msgspec.to_builtins(each) for each in found.leavers])
        return
    show_list(found.leavers)
    if found.next:
        say(f"more than {limit}; see them with --limit")


@app.command()
def show(number: Number, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show one departure: each step with its proof, what waits and why, and what happened."""
    import msgspec

    found = asked(config, lambda gateway: gateway.leavers.get_leaver(number))
    if as_json:
        document(msgspec.to_builtins(found))
    else:
        show_detail(found)


@app.command()
def plan(
    person: Person,
    event: Kind = Event.LEAVER,
    department: Department = "",
    title: Title = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show what would be done if this person left now. Asks the systems; writes and sends nothing."""
    import msgspec

    after = _role(department, title)
    found = asked(config, lambda gateway: gateway.leaver_plans.plan_leaver(person, event=event, after=after))
    if as_json:
        document(msgspec.to_builtins(found))
    else:
        show_plan(found)


@app.command()
def now(
    person: Person,
    reason: Reason = "",
    successor: To = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Take this one person's access away now: before all others, past every hold and every flood."""
    _tell(config, {"person": person, "reason": reason, "successor": successor, "urgent": True}, as_json=as_json)


@app.command()
def tell(
    person: Person,
    reason: Reason = "",
    event: Kind = Event.LEAVER,
    last_day: Annotated[
        str,
        typer.Option("--last-day", envvar="LOCKSTEP_LAST_DAY", help="2026-11-30: its end there counts. Default: now."),
    ] = "",
    zone: Annotated[
        str, typer.Option("--zone", envvar="LOCKSTEP_ZONE", help="Europe/Berlin. Default: the configuration's.")
    ] = "",
    name: Annotated[str, typer.Option("--name", envvar="LOCKSTEP_NAME", help="As it is shown.")] = "",
    email: Annotated[str, typer.Option("--email", envvar="LOCKSTEP_EMAIL", help="E-mail address.")] = "",
    employee_number: Annotated[
        str, typer.Option("--employee-number", envvar="LOCKSTEP_EMPLOYEE_NUMBER", help="Employee number.")
    ] = "",
    department: Department = "",
    title: Title = "",
    successor: To = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Tell that somebody leaves, moves or is away, now or later. The same again is nothing; another day corrects."""
    said = {"person": person, "reason": reason, "event": event, "last_day": last_day, "zone": zone, "name": name}
    said |= {"email": email, "employee_number": employee_number, "successor": successor}
    _tell(config, {**said, "after": _role(department, title)}, as_json=as_json)


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV with names on top, or JSON lines."),
    ],
    reason: Reason = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Tell of the people of a file: person, last_day, zone, event, reason, email, user_name, employee_number, ...

    Exit code 3 if a row was refused; the others count. Said again, nothing more happens.
    """
    import msgspec

    from gateway.work.leaver_telling import wishes_in

    text = file.read_text(encoding="utf-8-sig")

    async def bring(gateway: Gateway) -> Any:
        return await gateway.leaver_telling.import_leavers(wishes_in(text), reason=reason)

    found = asked(config, bring)
    if as_json:
        document([msgspec.to_builtins(each) for each in found])
    else:
        show_rows(found)
    if any(each.became == "refused" for each in found):
        raise Ending(Code.SOME_FAILED)


@app.command()
def hold(
    number: Number,
    until: Annotated[str, typer.Option("--until", envvar="LOCKSTEP_UNTIL", help="2h, 3d, or 2026-11-30T18:00Z.")] = "",
    reason: Reason = "",
    expect: Expect = 0,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Take nothing away until then; what was taken stays so. A hold has an end and a reason."""
    at = _until(until)
    _act(
        config,
        as_json,
        lambda gateway: gateway.leaver_acts.hold_leaver(number, until=at, reason=reason, expected=expect),
    )


@app.command()
def release(
    number: Number, reason: Reason = "", expect: Expect = 0, config: Config = DEFAULT_CONFIG, as_json: Json = False
) -> None:
    """Let a departure that is held go on before the hold ends."""
    _act(config, as_json, lambda gateway: gateway.leaver_acts.release_leaver(number, reason=reason, expected=expect))


@app.command()
def cancel(
    number: Number, reason: Reason = "", expect: Expect = 0, config: Config = DEFAULT_CONFIG, as_json: Json = False
) -> None:
    """Withdraw a departure whose time has not come. Later, `leaver answer NUMBER rehired` is what there is."""
    _act(config, as_json, lambda gateway: gateway.leaver_acts.cancel_leaver(number, reason=reason, expected=expect))


@app.command()
def recheck(
    number: Number,
    system: Annotated[str, typer.Option("--system", envvar="LOCKSTEP_SYSTEM", help="Only this one.")] = "",
    expect: Expect = 0,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Look at everything again now: what failed is tried again, what came back is taken away again."""
    _act(
        config, as_json, lambda gateway: gateway.leaver_acts.recheck_leaver(number, connection=system, expected=expect)
    )


@app.command()
def which(
    number: Number,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="The connection that asks.")],
    account: Annotated[
        list[str] | None,
        typer.Option("--account", envvar="LOCKSTEP_ACCOUNT", help="Id of an account that is the person's; repeat it."),
    ] = None,
    none: Annotated[bool, typer.Option("--none", envvar="LOCKSTEP_NONE", help="None of them is.")] = False,
    reason: Reason = "",
    expect: Expect = 0,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Say which of several accounts are the person's; nothing is taken from any of them before."""
    chosen = tuple(account or ())
    if bool(chosen) == none:
        raise Ending(Code.WRONG_USE, "name accounts with --account ID, or say --none")
    _act(
        config,
        as_json,
        lambda gateway: gateway.leaver_acts.choose_account(
            number, connection=system, accounts=chosen, reason=reason, expected=expect
        ),
    )


@app.command()
def answer(
    number: Number,
    word: Annotated[
        str, typer.Argument(metavar="ANSWER", help="rehired, goes-on, another-person or withdraw; `show` says which.")
    ],
    reason: Reason = "",
    expect: Expect = 0,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Answer what a departure asks. `rehired` lifts the tombstones and gives nothing back by itself."""
    _act(
        config,
        as_json,
        lambda gateway: gateway.leaver_acts.answer_leaver(number, answer=word, reason=reason, expected=expect),
    )


@app.command()
def done(
    number: Number,
    step: Annotated[str, typer.Argument(metavar="STEP", help="Id of the step, as `leaver show` names it.")],
    note: Annotated[str, typer.Option("--note", envvar="LOCKSTEP_NOTE", help="What was done, and where.")] = "",
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", envvar="LOCKSTEP_FILE", exists=True, dir_okay=False, help="What shows it; at most 1 MB."
        ),
    ] = None,
    expect: Expect = 0,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Say that you did one step by hand, with a note or a file. Where we can read there, it is read back."""
    content = file.read_bytes() if file is not None else b""
    _act(
        config,
        as_json,
        lambda gateway: gateway.leaver_acts.done_by_hand(
            number,
            step,
            note_text=note,
            file_name=file.name if file is not None else "",
            content=content,
            expected=expect,
        ),
    )


app.command("statement")(leaver_statement.statement)
app.command("verify")(leaver_statement.verify)


def _tell(config: Path, said: dict[str, Any], *, as_json: bool) -> None:
    import msgspec

    from gateway.work.leaver_telling import LeaverWish

    wish = msgspec.convert(said, LeaverWish)
    found = asked(config, lambda gateway: gateway.leaver_telling.tell_leaver(wish))
    if as_json:
        document(msgspec.to_builtins(found))
        return
    data(f"{found.leaver.label} {found.became}: {found.leaver.name}, {found.leaver.state}")
    say(f"how it goes on: lockstep leaver show {found.leaver.label}")


def _act(config: Path, as_json: bool, act: Callable[[Gateway], Awaitable[LeaverView]]) -> None:
    import msgspec

    found = asked(config, act)
    if as_json:
        document(msgspec.to_builtins(found))
    else:
        data(f"{found.label} is {found.state}{f': {found.question}' if found.question else ''}")


def _role(department: str, title: str) -> dict[str, str]:
    return {name: value for name, value in (("department", department), ("title", title)) if value}


def _until(text: str) -> float:
    from connectors.contract.written.units import seconds
    from gateway.cli.moments import time_of

    try:
        return time.time() + seconds(text)
    except ValueError:
        return time_of(text, "--until", "a span like 2h or 3d, or a time like 2026-11-30T18:00Z")
