"""`lockstep apply`: connections, flows, connector files and mappings from files: planned, refused or put in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.apply_sides import LATER, Elsewhere, side_of
from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.deciding import Actor
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.output import cell, data, document, moment, say, table, told
from gateway.cli.refusals import as_codes

if TYPE_CHECKING:
    from gateway.work.applying import Step
    from gateway.work.registering import Handed, Plan

SIGNS = {"added": "+", "changed": "~", "removed": "-"}
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
    take_up: Annotated[
        bool, typer.Option("--take-up", envvar="LOCKSTEP_TAKE_UP", help="With --url: it works by it at once.")
    ] = False,
    reason: Annotated[str, typer.Option(envvar="LOCKSTEP_REASON", help="Why; it stands with the version.")] = "",
    yes: Yes = False,
    no_input: NoInput = False,
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Register from files: shows what is added, changed field by field and removed, and what it does to what runs.

    All is checked before anything is changed, and put beside --config, or at the gateway of --url. Gateways work by it
    from their next start on. Said again, it changes nothing. Exit code 11: a problem in a file. 9: not safe, such as
    removing a connection whose lanes hold commands. 5: something moved between the plan and your word.
    """
    if history:
        _history(config, as_json)
        return
    if not files and not remove:
        raise Ending(Code.WRONG_USE, "name the files to apply, or --remove connection/NAME")
    side = side_of(config, actor)
    handed = _handed(files or [], remove or [])
    with _placed(side, files or [], handed):
        planned = side.plan(handed)
        _tell(list(planned.steps), plan=plan, as_json=as_json)
        if planned.refused:
            raise Ending(Code.STOPPED_BY_GUARD, f"not safe, nothing was changed: {planned.refused[0]}")
        if plan or not planned.steps:
            _admins(planned)
            changes = planned.steps and plan and exit_changes
            raise Ending(Code.PLAN_HAS_CHANGES if changes else Code.DONE)
        make_sure(f"Put {len(planned.steps)} changes in place in {side.where}?", yes=yes, no_input=no_input)
        version = side.put(handed, planned, reason)
    then = side.take_up() if take_up else LATER
    if not as_json:
        kept = f"version {version}; " if version else ""
        told(f"{kept}{then}")
        _careful(side.where, planned.live)


def _careful(where: str, live: Sequence[str]) -> None:
    """That new flows write at once, and the way to look first."""
    if live:
        told(f"{', '.join(live)} will write at once. To look first: `begins: shadow` in the flow in {where}, then")
        told(
            f"lockstep run, lockstep flow preview {live[0]}, and lockstep flow live {live[0]} when it is right",
            indent=4,
        )


def _handed(files: list[Path], remove: list[str]) -> Handed:
    from gateway.config.staging import texts_of
    from gateway.work.registering import Handed, section_of

    if missing := [file for file in files if not file.is_file()]:
        raise Ending(Code.WRONG_USE, f"{missing[0]} is not there")
    with as_codes():
        for each in remove:
            section_of(each)
    return Handed(files=texts_of(files), remove=tuple(remove))


@contextmanager
def _placed(side: Elsewhere, files: list[Path], handed: Handed) -> Iterator[None]:
    """Every problem at its place: in a file that was handed in, or in what is in place."""
    from gateway.work.registering import ConfigurationInvalid

    base = files[0].resolve().parent if files else Path()
    try:
        yield
    except ConfigurationInvalid as error:
        for each in error.found:
            here = base if each.file in handed.files else side.base
            file = each.file if each.file.startswith("--") else str(here / each.file)
            data(str(replace(each, file=file)))
        raise Ending(Code.CONFIG_INVALID, str(error)) from error


def _admins(planned: Plan) -> None:
    for each in planned.admin:
        say(f"an admin has to put this in place: {each}")


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


def _history(config: Path, as_json: bool) -> None:
    import msgspec

    found = asked(config, lambda gateway: gateway.configuring.config_versions())
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
