"""`lockstep mapping backtest`: what a mapping would make of what came in, compared with the one in use."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.deciding import Actor
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.mapping_asking import asked, version_named
from gateway.cli.moments import moment_of
from gateway.cli.output import document, moment, say, table, told

if TYPE_CHECKING:
    from gateway.access.rights import Principal
    from gateway.work.mapping_backtests import Looked, Report
    from gateway.work.workplace import Workplace

Facts = dict[str, Any]
TOLD_EVERY = 0.1
"""In a pipe a line for each tenth."""


def backtest(
    ref: Annotated[str, typer.Argument(metavar="[NAME@VERSION]", help="A stored version.")] = "",
    file: Annotated[
        Path | None,
        typer.Option("--file", envvar="LOCKSTEP_MAPPING_FILE", help="A text that is no stored version yet, instead."),
    ] = None,
    since: Annotated[
        str, typer.Option(envvar="LOCKSTEP_BACKTEST_SINCE", help="Changes since: 7d, or 2026-11-02T08:00Z.")
    ] = "7d",
    until: Annotated[str | None, typer.Option(envvar="LOCKSTEP_BACKTEST_UNTIL", help="Changes until.")] = None,
    connection: Annotated[
        str, typer.Option(envvar="LOCKSTEP_BACKTEST_CONNECTION", help="Only of this connection.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(envvar="LOCKSTEP_BACKTEST_OUT", help="Write every change that is not the same, a JSON line each."),
    ] = None,
    exit_changes: Annotated[
        bool, typer.Option("--exit-changes", envvar="LOCKSTEP_EXIT_CHANGES", help="Exit code 10 if anything differs.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Map all that came in with another version and count, by field, what would be otherwise. Nothing is changed.

    The version is kept with a note that its backtest was seen, which publishing asks for. Exit code 3 if something
    fails that did not.
    """
    from gateway.work import mapping_backtests, mapping_publishing
    from gateway.work.mapping_backtests import Range

    now = time.time()
    begins, ends = moment_of(since, "--since", now) or 0.0, moment_of(until, "--until", now) or now

    async def put(place: Workplace, who: Principal) -> Facts:
        version = await version_named(place, who, ref, file)
        times = Range(since=begins, until=ends, connection=connection)
        with _lines(out) as differing:
            found = await mapping_backtests.backtest(place, who, version, times, told=_telling(), differing=differing)
        await mapping_publishing.backtested(place, who, version, found)
        return found

    found = asked(config, actor, put)
    if as_json:
        document(found)
    else:
        tell(found, out)
    if found["failing"]:
        raise Ending(Code.SOME_FAILED)
    if exit_changes and found["changed"] + found["fixed"]:
        raise Ending(Code.PLAN_HAS_CHANGES)


@contextlib.contextmanager
def _lines(out: Path | None) -> Iterator[Callable[[Looked], None]]:
    """Writes what differs as it is found; nothing is gathered."""
    import orjson

    from gateway.work.mapping_backtests import facts_of

    if out is None:
        yield lambda looked: None
        return
    with out.open("wb") as file:

        def write(looked: Looked) -> None:
            file.write(orjson.dumps(facts_of(looked)) + b"\n")

        yield write


def _telling() -> Callable[[Report], Awaitable[None]]:
    """How far it is, on stderr: a line that is written over on a terminal, one for each tenth elsewhere."""
    terminal, last = sys.stderr.isatty(), [0.0]

    async def told_of(report: Report) -> None:
        share = report.done / report.total if report.total else 1.0
        if terminal:
            sys.stderr.write(f"\r{report.done} of {report.total} changes ({share:.0%})")
            sys.stderr.flush()
            if report.done >= report.total:
                sys.stderr.write("\n")
        elif share - last[0] >= TOLD_EVERY:
            last[0] = share
            say(f"{report.done} of {report.total} changes ({share:.0%})")

    return told_of


def tell(found: Facts, out: Path | None) -> None:
    """A backtest in words."""
    began, ended = moment(found["since"]), moment(found["until"])
    told(f"{found['ref']} over {found['done']} changes, {began} to {ended}; in use: {_in_use(found)}")
    counts = f"{found['same']} same, {found['changed']} different, {found['failing']} newly fail"
    told(f"{counts}, {found['fixed']} fail no more, {found['without']} without a document")
    rows = [
        {
            "field": each["field"],
            "different": each["changed"],
            "newly fail": each["failing"],
            "fail no more": each["fixed"],
            "open one": next((one["change"] for kept in each["samples"].values() for one in kept), "-"),
        }
        for each in found["fields"]
    ]
    if rows:
        table(rows, ("field", "different", "newly fail", "fail no more", "open one"))
        told("open one: lockstep mapping run NAME@VERSION --change ID")
    if out is not None:
        say(f"written to {out}")


def _in_use(found: Facts) -> str:
    return ", ".join(f"{label} ({place})" for place, label in found["before"].items())
