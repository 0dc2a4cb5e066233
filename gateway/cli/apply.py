"""`lockstep apply`: connections, flows, connector files and mappings from files: planned, refused or put in place."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.deciding import Actor
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import cell, data, document, moment, say, table, told

if TYPE_CHECKING:
    from gateway.config import Config as Loaded
    from gateway.config.written import Change
    from gateway.work.applying import ConfigVersion, Step

SIGNS = {"added": "+", "changed": "~", "removed": "-"}
KINDS = {"connection": "connections", "flow": "flows"}
MOST = 30
"""Fields of one change that are shown; `--json` has all."""


def apply(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help="A whole lockstep.yaml, parts with only connections: and flows:, connector files, mappings, types.",
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", envvar="LOCKSTEP_PLAN", help="Only show what would change; change nothing.")
    ] = False,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", envvar="LOCKSTEP_REMOVE", help="connection/NAME or flow/NAME; may be repeated."),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", envvar="LOCKSTEP_HISTORY", help="Show who applied what, the newest first.")
    ] = False,
    exit_changes: Annotated[
        bool, typer.Option("--exit-changes", envvar="LOCKSTEP_EXIT_CHANGES", help="With --plan: exit 10 if any.")
    ] = False,
    reason: Annotated[str, typer.Option(envvar="LOCKSTEP_REASON", help="Why; it stands with the version.")] = "",
    yes: Yes = False,
    no_input: NoInput = False,
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Register from files: shows what is added, changed field by field and removed, and what it does to what runs.

    All is checked before anything is changed, and put beside --config; gateways work by it from their next start on.
    Said again, it changes nothing. Exit code 11: a problem in a file. 9: not safe, such as removing a connection whose
    lanes hold commands.
    """
    if history:
        _history(config, as_json)
        return
    removed = [_named(each) for each in remove or ()]
    if not files and not removed:
        raise Ending(Code.WRONG_USE, "name the files to apply, or --remove connection/NAME")
    from gateway.config.staging import put

    with tempfile.TemporaryDirectory(prefix="lockstep-apply-") as aside:
        wanted, then, after = _staged(config, files or [], removed, Path(aside))
        now, steps = _steps(config, then, after)
    _tell(steps, plan=plan, as_json=as_json)
    refused = [each for each in steps if each.refused]
    if refused:
        raise Ending(Code.STOPPED_BY_GUARD, f"not safe, nothing was changed: {refused[0].refused}")
    if plan or not steps:
        raise Ending(Code.PLAN_HAS_CHANGES if steps and plan and exit_changes else Code.DONE)
    make_sure(f"Put {len(steps)} changes in place in {config}?", yes=yes, no_input=no_input)
    put(config, wanted)
    version = _kept(config, now, after, actor, reason)
    if not as_json:
        told(f"{f'version {version}; ' if version else ''}gateways work by it from their next start on")
        _careful(config, [each.change for each in steps], then)


def _careful(config: Path, changes: list[Change], then: Loaded) -> None:
    """How new flows begin, and the way to look first."""
    from gateway.work.applying import begin_live

    live = begin_live(changes, then)
    if live:
        told(f"{', '.join(live)} will write at once. To look first: `begins: shadow` in the flow in {config}, then")
        told(
            f"lockstep run, lockstep flow preview {live[0]}, and lockstep flow live {live[0]} when it is right",
            indent=4,
        )


def _named(text: str) -> tuple[str, str]:
    kind, _, name = text.partition("/")
    if kind not in KINDS or not name:
        raise Ending(Code.WRONG_USE, f"--remove {text}: write connection/NAME or flow/NAME")
    return KINDS[kind], name


def _staged(config: Path, files: list[Path], removed: list[tuple[str, str]], aside: Path) -> tuple[Any, Loaded, Any]:
    """What is to be put in place, the configuration that it makes, and how that is written."""
    from gateway.config import written
    from gateway.config.staging import staged, wanted

    missing = [file for file in files if not file.is_file()]
    if missing:
        raise Ending(Code.WRONG_USE, f"{missing[0]} is not there")
    found = wanted(config, files, removed)
    then, problems = staged(config, found, aside.resolve(), os.environ)
    if then is None:
        for problem in problems:
            data(problem)
        raise Ending(
            Code.CONFIG_INVALID, f"{len(problems)} problem{'s' if len(problems) > 1 else ''}; nothing was changed"
        )
    return found, then, written.document(then)


def _steps(config: Path, then: Loaded, after: Any) -> tuple[Loaded | None, list[Step]]:
    """The present configuration, None if there is none, and each change with what it does."""
    from gateway.config import written
    from gateway.work.applying import noted, plan

    if not config.is_file():
        return None, [noted(each, then) for each in written.differences({}, after)]
    from gateway.config import load

    now = load(config, os.environ)
    changes = written.differences(written.document(now), after)
    return now, asyncio.run(_judged(now, then, changes, plan))


async def _judged(now: Loaded, then: Loaded, changes: list[Change], plan: Any) -> list[Step]:
    from gateway.cli.store import database_of
    from gateway.work.applying import noted

    try:
        async with database_of(now) as database, database.read() as tx:
            return list(await plan(tx, now, then, changes))
    except Ending as ending:
        if any(each.change != "added" for each in changes):
            say(f"{ending.message}; what changes do to lanes is not known")
        return [noted(each, then) for each in changes]


def _tell(steps: list[Step], *, plan: bool, as_json: bool) -> None:
    import msgspec

    if as_json:
        document({"changes": [msgspec.to_builtins(each) for each in steps]})
        return
    if not steps:
        data("nothing to change: the configuration says all of it already")
    for step in steps:
        change = step.change
        data(f"{SIGNS[change.change]} {change.kind} {change.name}")
        fields = () if change.kind == "file" else change.fields  # of a file only a digest is known
        for each in fields[:MOST]:
            was = f"{cell(each.before)} -> " if change.change == "changed" else ""
            told(f"{each.field or 'value'}: {was}{cell(each.after)}", indent=4)
        if len(fields) > MOST:
            told(f"and {len(fields) - MOST} more: --json", indent=4)
        for does in step.does:
            told(f"! {does}", indent=4)
        if step.refused:
            told(f"refused: {step.refused}", indent=4)
    if plan and steps:
        say("nothing was changed")


def _kept(config: Path, now: Loaded | None, after: Any, actor: str, reason: str) -> int:
    """Keeps the version where there is a database; before the first start the start keeps it. Its number, or 0."""
    from gateway.work.applying import applied

    if now is None:
        return 0

    async def keep() -> int:
        from gateway.cli.local import opened

        try:
            async with opened(now, actor) as here:
                return int((await applied(here.place, here.who, after, reason=reason)).version)
        except Ending:
            return 0

    return asyncio.run(keep())


def _history(config: Path, as_json: bool) -> None:
    import msgspec

    from gateway.cli.local import opened
    from gateway.cli.store import configuration
    from gateway.work.applying import config_versions

    async def listed() -> list[ConfigVersion]:
        async with opened(configuration(config), "") as here:
            return await config_versions(here.place, here.who)

    found = asyncio.run(listed())
    if as_json:
        document([msgspec.to_builtins(each) for each in found])
        return
    rows = [
        {
            "version": each.version,
            "at": moment(each.at),
            "how": each.kind,
            "by": each.actor,
            "why": each.reason or None,
            "changes": ", ".join(f"{SIGNS[c.change]} {c.kind} {c.name}" for c in each.changes) or None,
        }
        for each in found
    ]
    table(rows, ("version", "at", "how", "by", "why", "changes"))
