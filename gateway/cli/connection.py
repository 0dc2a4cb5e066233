"""`lockstep connection`: how each stands, pausing one, and a look now for what neither webhook nor poll told of."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import pausing, rotating, switching
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document, moment, say, table

if TYPE_CHECKING:
    from gateway.config import Config as Loaded
    from gateway.storage.database import Database

app = typer.Typer(help="Connections: how they stand, pauses, sweeps for what nobody told of.", no_args_is_help=True)
app.command("list")(pausing.list_)
app.command()(pausing.show)
app.command()(pausing.pause)
app.command()(pausing.resume)
app.command()(rotating.rotate)
app.command()(switching.disable)
app.command()(switching.enable)

Facts = dict[str, Any]
KINDS = ("ids", "leavers", "readback", "schema")
LOOK_S = 0.2
LOST = {
    "gone": "deletions: {}",
    "not_known": "objects not known before: {}",
    "late": "objects of records that have left: {}",
    "differing": "edited objects: {}",
    "comments": "comments: {}",
}


@app.command()
def sweep(
    connection: Annotated[str, typer.Argument(help="The connection, as the configuration names it (snow, jira).")],
    config: Config = DEFAULT_CONFIG,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", envvar="LOCKSTEP_SWEEP_ONLY", help="ids, leavers, readback or schema; may be repeated."),
    ] = None,
    most_gone: Annotated[
        int | None,
        typer.Option(
            "--most-gone",
            envvar="LOCKSTEP_SWEEP_MOST_GONE",
            min=0,
            help="So many objects may be gone in this round; you have looked that they are.",
        ),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            "--share", envvar="LOCKSTEP_SWEEP_SHARE", min=0.0, max=1.0, help="Of the objects to read back; 1 for all."
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            "--wait", envvar="LOCKSTEP_SWEEP_WAIT", min=0.0, help="Seconds to wait for the end; 0 only asks for it."
        ),
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Have the running gateway sweep a connection now, and show what it found.

    ids: deletions and new objects that nobody told of; leavers: objects created late for records that have left;
    readback: edits that nobody told of; schema: fields and options that changed. Exit code 4 when it was not finished
    in time; it goes on by itself.
    """
    from gateway.cli.store import ask, configuration

    loaded = configuration(config, judged=True)
    kinds = _kinds(loaded, connection, only)
    wishes = {"by": "cli", "most_gone": most_gone, "share": share}
    given = {name: value for name, value in wishes.items() if value is not None}
    found = ask(loaded, lambda database: _asked(database, connection, kinds, given, wait))
    rows = [row for row in found if row["kind"] in kinds]
    if as_json:
        document({"connection": connection, "sweeps": rows})
    else:
        _tell(connection, rows)
    waiting = [row["kind"] for row in rows if row["asked"]]
    if waiting and wait:
        raise Ending(
            Code.STILL_UNKNOWN, f"not finished yet: {', '.join(waiting)}; is the gateway running? lockstep now"
        )
    if any(row["found"].get("stopped") for row in rows if not row["asked"]):
        raise Ending(Code.STOPPED_BY_GUARD, "more objects are missing than the guard lets pass: lockstep case list")


def _kinds(loaded: Loaded, connection: str, only: list[str] | None) -> list[str]:
    if connection not in loaded.connections:
        known = ", ".join(loaded.connections)
        raise Ending(Code.WRONG_USE, f"there is no connection {connection}; the configuration has {known}")
    wrong = [kind for kind in only or () if kind not in KINDS]
    if wrong:
        raise Ending(Code.WRONG_USE, f"there is no sweep {wrong[0]}; there are {', '.join(KINDS)}")
    sweeps = loaded.connections[connection].sweeps
    on = {
        "ids": sweeps and sweeps.ids_every_s,
        "leavers": sweeps and sweeps.leavers_every_s,
        "readback": sweeps and sweeps.readback_share,
        "schema": sweeps and sweeps.schema_every_s,
    }
    kinds = [kind for kind in only or KINDS if on[kind]]
    if not kinds:
        raise Ending(Code.WRONG_USE, f"the configuration switches these sweeps of {connection} off")
    return kinds


async def _asked(
    database: Database, connection: str, kinds: list[str], wishes: Facts, wait_s: float
) -> list[dict[str, Any]]:
    import asyncio

    from gateway.sweeps.book import ask, states

    await ask(database, connection, kinds, wishes, now=time.time())
    until = time.monotonic() + wait_s
    while True:
        found = await states(database, connection)
        if time.monotonic() >= until or not any(row["asked"] for row in found if row["kind"] in kinds):
            return found
        await asyncio.sleep(LOOK_S)


def _tell(connection: str, rows: list[Facts]) -> None:
    columns = ("sweep", "state", "finished", "found")
    table([_row(row) for row in rows], columns)
    done = [row for row in rows if not row["asked"]]
    if any(row["found"].get("changes") or row["found"].get("breaks") for row in done if row["kind"] == "schema"):
        data(f"What changed, and the mappings that feel it: lockstep connection show {connection}")
    if all(row["kind"] == "schema" for row in done):
        return
    if not any(found_lost(row["found"]) for row in done):
        say("nothing was missed")
    else:
        data("What was missed goes through the lanes now: lockstep now")


def _row(row: Facts) -> Facts:
    state = "running" if row["running"] else "asked for" if row["asked"] else "done"
    return {
        "sweep": row["kind"],
        "state": state,
        "finished": moment(row["finished_at"]),
        "found": ", ".join(f"{name} {n}" for name, n in row["found"].items()) or None,
    }


def found_lost(found: Facts) -> str:
    """What a round found that nobody had told of, in words; empty where there was nothing."""
    return ", ".join(words.format(found[name]) for name, words in LOST.items() if found.get(name))
