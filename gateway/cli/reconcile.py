"""`lockstep reconcile`: compare whole systems, show the drift as a plan, and have the lanes repair it."""

from __future__ import annotations

import getpass
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.drift import document_of, items_of, show_plan, show_results, sum_of
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.following import Follow, follow
from gateway.cli.moments import moment_of
from gateway.cli.output import document, say

if TYPE_CHECKING:
    from gateway.access.rights import Principal
    from gateway.config import Config as Loaded
    from gateway.reconcile.values import Run, Wish
    from gateway.storage.database import Database

Facts = dict[str, Any]


def reconcile(
    flow: Annotated[str, typer.Argument(help="The flow, as the configuration names it.")],
    since: Annotated[
        str | None,
        typer.Option(
            "--since", envvar="LOCKSTEP_RECONCILE_SINCE", help="Changed since: 2h, 3d, or 2026-11-02T08:00Z; inclusive."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", envvar="LOCKSTEP_RECONCILE_UNTIL", help="Changed until; as --since.")
    ] = None,
    connection: Annotated[
        list[str] | None,
        typer.Option("--connection", envvar="LOCKSTEP_RECONCILE_CONNECTION", help="Only this system; may be repeated."),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", envvar="LOCKSTEP_PLAN", help="Only show what differs. Nothing changes.")
    ] = False,
    exit_changes: Annotated[
        bool,
        typer.Option("--exit-changes", envvar="LOCKSTEP_EXIT_CHANGES", help="Exit code 10 if the plan has changes."),
    ] = False,
    most_gone: Annotated[
        int | None,
        typer.Option(
            "--most-gone",
            envvar="LOCKSTEP_RECONCILE_MOST_GONE",
            min=0,
            help="So many objects per system may be gone or have left; you have looked that it is so.",
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate", envvar="LOCKSTEP_RECONCILE_RATE", help="At most so many requests a minute, such as 60/min."
        ),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", envvar="LOCKSTEP_RECONCILE_RUN", help="A plan made before: run it, or follow it."),
    ] = None,
    stop: Annotated[
        bool, typer.Option("--stop", envvar="LOCKSTEP_RECONCILE_STOP", help="Stop the run that --run names.")
    ] = False,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait", envvar="LOCKSTEP_RECONCILE_WAIT", min=0.0, help="Seconds to wait for it; without, to its end."
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Compare what the systems of a flow show, and repair what drifted.

    The running gateway reads every object (of the window) and lists what differs, the dangerous first. After a yes the
    lanes repair it: each reads its object again before anything is believed or written. Exit codes: 3 some failed,
    4 not ended or outcomes unknown, 9 stopped by a guard.
    """
    from gateway.cli.store import ask, configuration

    loaded = configuration(config, judged=True)
    _known_flow(loaded, flow, connection)
    if stop and run is None:
        raise Ending(Code.WRONG_USE, "which run? Name it with --run")
    if run is not None and any(each is not None for each in (since, until, connection, most_gone, rate)):
        raise Ending(Code.WRONG_USE, "--run names a plan that has its own window, systems and limits; leave theirs out")
    wish = _wish(since, until, connection, most_gone, rate)
    following = Follow(loaded, wait, f"lockstep reconcile {flow} --run {{run}}")
    if stop:
        ask(loaded, lambda database: _stop(database, str(run)))
    found = ask(loaded, lambda database: _planned(database, flow, wish, run, following))
    if not as_json and not stop:
        show_plan(found)
    if plan and not stop:
        if as_json:
            _document(loaded, found)
        raise Ending(Code.PLAN_HAS_CHANGES if exit_changes and found["changes"] else Code.DONE)
    if found["state"] == "planned":
        found = _carried_out(loaded, found, following, yes=yes, no_input=no_input)
    elif found["state"] not in ("done", "stopped"):
        found = ask(loaded, lambda database: follow(database, found["run"], following))
    if as_json:
        _document(loaded, found)
    else:
        show_results(found)
    _end(found)


def _document(loaded: Loaded, found: Facts) -> None:
    from gateway.cli.store import ask

    document(document_of(found, ask(loaded, lambda database: items_of(database, found["run"]))))


def _carried_out(loaded: Loaded, found: Facts, following: Follow, *, yes: bool, no_input: bool) -> Facts:
    from gateway.cli.store import ask

    if not found["groups"]:
        return found
    if found["changes"]:
        make_sure(f"Repair {found['changes']} differences?", yes=yes, no_input=no_input)
    return ask(loaded, lambda database: _run(database, found["run"], following))


def _known_flow(loaded: Loaded, flow: str, connections: list[str] | None) -> None:
    if flow not in loaded.flows:
        raise Ending(Code.WRONG_USE, f"there is no flow {flow}; the configuration has {', '.join(loaded.flows)}")
    members = loaded.flows[flow].members
    for each in connections or ():
        if each not in members:
            raise Ending(Code.WRONG_USE, f"{each} is no member of {flow}; its members are {', '.join(members)}")


def _wish(
    since: str | None, until: str | None, connections: list[str] | None, most_gone: int | None, rate: str | None
) -> Wish:
    from gateway.reconcile.values import Wish

    now = time.time()
    start, end = moment_of(since, "--since", now), moment_of(until, "--until", now)
    if start is not None and end is not None and start > end:
        raise Ending(Code.WRONG_USE, "--since is later than --until")
    return Wish(start, end, tuple(connections or ()), most_gone, _rate(rate))


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        rate = float(text.removesuffix("/min"))
    except ValueError:
        rate = 0.0
    if not 0.0 < rate < 1e6:
        raise Ending(Code.WRONG_USE, f"--rate should be requests per minute, such as 60/min; not {text}")
    return rate


async def _planned(database: Database, flow: str, wish: Wish, run: str | None, following: Follow) -> Facts:
    """The plan, once it is whole: a new one, or the one that `run` names."""
    from gateway.reconcile import store

    if run is None:
        run = await store.ask(database, flow, wish, now=time.time())
    else:
        await _named(database, run, flow)
    return await follow(database, run, following, planning=True)


async def _named(database: Database, run: str, flow: str = "") -> Run:
    from gateway.reconcile import store

    found = await store.runs(database, run=run)
    if not found or flow not in ("", found[0].flow):
        raise Ending(Code.NOT_FOUND, f"there is no plan {run} of {flow or 'any flow'}; plans are kept for 30 days")
    return found[0]


async def _run(database: Database, run: str, following: Follow) -> Facts:
    from gateway.work.reconciling import start_repair

    await start_repair(database, _account(), await _named(database, run), now=time.time())
    return await follow(database, run, following)


async def _stop(database: Database, run: str) -> None:
    """What was handed to the lanes goes on; nothing more is."""
    from gateway.work.reconciling import stop_repair

    if not await stop_repair(database, _account(), await _named(database, run), now=time.time()):
        say(f"{run} was over or stopping already")


def _account() -> Principal:
    from gateway.access.rights import local

    return local(getpass.getuser())


def _end(found: Facts) -> None:
    """The exit code, with what is to be done."""
    results = found["results"]
    if found["stopped"] and results.get("skipped"):
        why = "; ".join(f"{connection}: {text}" for connection, text in found["stopped"].items())
        most = max(int(n) for n in found["guarded"].values())
        again = f"lockstep reconcile {found['flow']} --most-gone {most}"
        raise Ending(Code.STOPPED_BY_GUARD, f"not taken for deleted: {why}. Look there, then: {again}")
    if results.get("unknown"):
        raise Ending(Code.STILL_UNKNOWN, f"{results['unknown']} outcomes are unknown: lockstep case list")
    if results.get("failed"):
        raise Ending(Code.SOME_FAILED, f"{results['failed']} of {sum_of(results)} failed: lockstep case list")
