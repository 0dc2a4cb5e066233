"""`lockstep record why|show|look|history`: one record, by what either system calls it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import cell, data, document, moment, table, told

if TYPE_CHECKING:
    from gateway.storage.database import Database

app = typer.Typer(help="One record: is it in step, and why not?", no_args_is_help=True)

Connection = Annotated[str, typer.Argument(help="The connection, as the configuration names it (snow, jira).")]
Key = Annotated[str, typer.Argument(help="What that system calls the object: INC0010001, OPS-12, or its id.")]
Facts = dict[str, Any]


@app.command()
def why(connection: Connection, key: Key, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Say in one sentence whether a record is in step, and if not, what it waits for and what you can do."""
    from gateway.work.queries import record_why

    found = _ask(config, record_why, connection, key)
    if as_json:
        document(found)
        return
    verdict = "IN STEP" if found["in_step"] else f"NOT IN STEP   {found['code']}"
    told(f"{' = '.join(found['objects'])}   {verdict}")
    told(found["sentence"])
    for step in found["you_can"]:
        told(f"You can   {step}")


@app.command()
def show(connection: Connection, key: Key, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show a record: its fields as each system shows them, values that lost a conflict, the last writes."""
    from gateway.work.queries import record_show

    found = _ask(config, record_show, connection, key)
    if as_json:
        document(found)
    else:
        _tell(found)


@app.command()
def look(connection: Connection, key: Key, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Read both sides now and show them beside what the record holds. Sends nothing, changes nothing.

    Exit code 1 if a side could not be read.
    """
    from gateway.cli.deciding import topology_of
    from gateway.cli.seeing import connectors_for, tell_sides
    from gateway.cli.store import configuration
    from gateway.work.looking import record_look

    loaded = configuration(config)

    async def question(database: Database, connection: str, key: str) -> Facts | None:
        async with connectors_for(loaded) as connectors:
            return await record_look(database, topology_of(loaded), connectors, connection, key)

    found = _ask(config, question, connection, key)
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
    from gateway.work.story import record_history

    found = _ask(config, lambda database, *what: record_history(database, *what, limit=limit), connection, key)
    if as_json:
        document(found)
        return
    rows = [{**row, "at": moment(row["at"])} for row in found["steps"]]
    table(rows, ("at", "what", "who", "field", "value", "detail"))


def _ask(
    config: Config, question: Callable[[Database, str, str], Awaitable[Facts | None]], connection: str, key: str
) -> Facts:
    from gateway.cli.store import ask, configuration

    loaded = configuration(config)
    if connection not in loaded.connections:
        known = ", ".join(loaded.connections)
        raise Ending(Code.WRONG_USE, f"there is no connection {connection}; the configuration has {known}")
    found = ask(loaded, lambda database: question(database, connection, key))
    if found is None:
        raise Ending(
            Code.NOT_FOUND,
            f"{key} was not seen in {connection}; if it is there, its change did not arrive yet: lockstep now",
        )
    return found


def _tell(found: Facts) -> None:
    members: dict[str, Facts] = found["members"]
    told(
        f"{found['record']}  {found['flow']}  "
        + " = ".join(f"{name} {one['key'] or one['id'] or '-'}" for name, one in members.items())
    )
    table([_field(field, members) for field in found["fields"]], ("field", "value", "from", *members))
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


def _field(field: Facts, members: dict[str, Facts]) -> Facts:
    """A row: what is canonical, and per system `=` where it is known to hold that, else what it shows."""
    row = {"field": field["field"], "value": field["value"], "from": field["from"]}
    for name in members:
        side = field["systems"].get(name)
        row[name] = "-" if side is None else "=" if side["in_step"] else f"shows {cell(side['shows'])}"
    return row
