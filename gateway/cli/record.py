"""`lockstep record why|show|look|history`: one record, by what either system calls it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.deciding import Actor
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import cell, data, document, moment, table, told

if TYPE_CHECKING:
    from gateway.cli.port import Gateway

app = typer.Typer(help="One record: is it in step, and why not?", no_args_is_help=True)

Connection = Annotated[str, typer.Argument(help="The connection, as the configuration names it (snow, jira).")]
Key = Annotated[str, typer.Argument(help="What that system calls the object: INC0010001, OPS-12, or its id.")]
Facts = dict[str, Any]
T = TypeVar("T")
ANY = "-"
"""Whatever that system calls this kind of object."""


@app.command()
def why(connection: Connection, key: Key, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Say in one sentence whether a record is in step, and if not, what it waits for and what you can do."""
    from gateway.work.waiting import awaited_in_words, tasks_in_words

    found = _ask(config, connection, key, lambda gateway: gateway.records.why(connection, ANY, key))
    if as_json:
        document(msgspec.to_builtins(found))
        return
    verdict = "IN STEP" if found.in_step else f"NOT IN STEP   {found.code}"
    told(f"{' = '.join(found.objects)}   {verdict}")
    told(found.sentence)
    waits = [] if found.code == "awaits" else awaited_in_words(found.waiting, moment)
    for each in [*waits, *tasks_in_words(found.waiting, moment)]:
        told(f"Waits     {each}")
    for step in found.you_can:
        told(f"You can   {step}")


@app.command()
def show(connection: Connection, key: Key, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show a record: its fields as each system shows them, values that lost a conflict, the last writes."""
    found = _ask(config, connection, key, lambda gateway: gateway.records.show(connection, ANY, key))
    if as_json:
        document(found)
    else:
        _tell(found)


@app.command()
def look(connection: Connection, key: Key, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Read both sides now and show them beside what the record holds. Sends nothing, changes nothing.

    Exit code 1 if a side could not be read.
    """
    from gateway.cli.seeing import tell_sides

    found = _ask(config, connection, key, lambda gateway: gateway.looks.look_at_record(connection, ANY, key))
    if as_json:
        document(found)
    else:
        tell_sides(found)
    if any(one["exists"] is None for one in found["members"].values()):
        raise Ending(Code.FAILED)


@app.command()
def history(
    connection: Connection,
    key: Key,
    config: Config = DEFAULT_CONFIG,
    limit: Annotated[
        int, typer.Option(min=1, max=1000, envvar="LOCKSTEP_RECORD_LIMIT", help="At most so many, the newest.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """Tell what happened to a record, oldest first: values decided, values that lost, writes, cases."""
    found = _ask(config, connection, key, lambda gateway: gateway.records.timeline(connection, ANY, key, limit=limit))
    steps = msgspec.to_builtins(found)
    if as_json:
        document(steps)
        return
    rows = [{**row, "at": moment(row["at"])} for row in steps["steps"]]
    table(rows, ("at", "what", "who", "field", "value", "detail"))


@app.command()
def resync(
    connection: Connection, key: Key, config: Config = DEFAULT_CONFIG, actor: Actor = "", as_json: Json = False
) -> None:
    """Plan to bring a record in step anew, from what was accepted of it. Nothing is sent before the plan is run."""
    from gateway.cli.replay_showing import show_plan

    async def planned(gateway: Gateway) -> tuple[Facts, str] | None:
        from replay.values import Source, Wish

        found = await gateway.records.why(connection, ANY, key)
        if found is None:
            return None
        selected = await gateway.replays.select(Wish(source=Source.JOURNAL, record=found.record))
        plan = await gateway.replays.plan_within(selected["selection"], selected["count"], {})
        return plan, (await gateway.me())["gateway"]

    plan, name = _ask(config, connection, key, planned, actor=actor)
    if as_json:
        document(plan)
    else:
        show_plan(plan, name)


def _ask(
    config: Path,
    connection: str,
    key: str,
    question: Callable[[Gateway], Awaitable[T | None]],
    *,
    actor: str = "",
) -> T:
    """The answer. Ends with code 2 for a connection that there is not, 7 for an object that is not known."""
    from gateway.cli.gateways import asked

    async def put(gateway: Gateway) -> T:
        found = await question(gateway)
        if found is not None:
            return found
        known = [each.name for each in await gateway.connections.list_connections()]
        if connection not in known:
            there = ", ".join(known)
            raise Ending(Code.WRONG_USE, f"there is no connection {connection}; the configuration has {there}")
        text = (
            f"{key} was not seen in {connection}; if it is there, its change did not arrive yet (lockstep now), or was "
            "before the first start (lockstep reconcile FLOW --plan)"
        )
        raise Ending(Code.NOT_FOUND, text)

    return asked(config, put, actor=actor)


def _tell(found: Facts) -> None:
    members: dict[str, Facts] = found["members"]
    told(
        f"{found['record']}  {found['flow']}  "
        + " = ".join(f"{name} {one['key'] or one['id'] or '-'}" for name, one in members.items())
    )
    table([_field(field, members) for field in found["fields"]], ("field", "value", "from", *members))
    _tell_waiting(found)
    if found["ledger"]:
        data("\nLost a conflict, kept here")
        table(
            [{**row, "at": moment(row["at"])} for row in found["ledger"]],
            ("at", "connection", "field", "value", "reason"),
        )
    if found["attempts"]:
        data("\nLast writes")
        rows = [{**row, "at": moment(row["started_at"])} for row in found["attempts"]]
        table(rows, ("at", "connection", "kind", "fields", "outcome"))
    for case in found["cases"]:
        data("")
        told(f"Case {case['number']}: {case['title']}")
        told(f"lockstep case show {case['number']}", indent=2)


def _tell_waiting(found: Facts) -> None:
    """What it was made of, the records it waits for, and the tasks that are made of it."""
    if found["made_of"]:
        told(f"a task, made of {_place(found['made_of'])}")
    if found["awaits"]:
        data("\nWaits for records that it names")
        rows = [
            {**row, "record": _place(row["at"]) or f"{row['value']}, not seen yet"}
            | {"since": moment(row["since"]), "a case from": moment(row["until"])}
            for row in found["awaits"]
        ]
        table(rows, ("connection", "field", "record", "since", "a case from"))
    if found["tasks"]:
        data("\nTasks made of it")
        table([_task(row) for row in found["tasks"]], ("task", "stands", "at", "waits for", "due", "since"))


def _task(row: Facts) -> Facts:
    its_time = "its time" if row["standing"] == "waiting" else ""
    return {
        "task": row["task"],
        "stands": row["standing"],
        "at": _place(row["at"]),
        "waits for": row["undecided"] or ", ".join(row["after"]) or its_time,
        "due": moment(row["due"]) if row["due"] else "",
        "since": moment(row["since"]) if row["since"] else "",
    }


def _place(at: Facts | None) -> str:
    return f"{at['system']} {at['key']}" if at else ""


def _field(field: Facts, members: dict[str, Facts]) -> Facts:
    """A row: what is canonical, and per system `=` where it is known to hold that, else what it shows."""
    row = {"field": field["field"], "value": field["value"], "from": field["from"]}
    for name in members:
        side = field["systems"].get(name)
        row[name] = "-" if side is None else "=" if side["in_step"] else f"shows {cell(side['shows'])}"
    return row


@app.command()
def erase(
    connection: Connection,
    key: Key,
    reason: Annotated[str, typer.Option("--reason", envvar="LOCKSTEP_REASON", help="Why; it is in the trail.")] = "",
    yes: Yes = False,
    no_input: NoInput = False,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Erase for good what is known of a record that has left. Its tombstone stays, and so do all proofs."""
    make_sure(f"Erase everything that is known of {key}? This cannot be undone.", yes=yes, no_input=no_input)
    target = f"{connection}/{ANY}/{key}"
    from gateway.cli.gateways import asked

    found = asked(config, lambda gateway: gateway.keeping.erase_record(target, reason=reason))
    if as_json:
        document(msgspec.to_builtins(found))
        return
    told(f"{key}: {', '.join(f'{count} {name.replace(chr(95), chr(32))}' for name, count in found.gone.items())}")
