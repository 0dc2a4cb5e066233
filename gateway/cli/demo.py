"""`lockstep demo`: six systems being kept in step, on this machine, with nothing to install."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import Json
from gateway.cli.output import data, json_line, wants_colour

if TYPE_CHECKING:
    from gateway.demo.departed import Departed
    from gateway.demo.plan import Outage, Plan
    from gateway.demo.run import Result
    from gateway.demo.talk import Talk

DEFAULT_OUTAGE = "jira:5s"
NO_OUTAGE = "none"
SHOWN = 20
"""Violations told to people; the JSON has all."""


def demo(
    for_: Annotated[
        str, typer.Option("--for", envvar="LOCKSTEP_DEMO_FOR", help="How long people edit.", metavar="TIME")
    ] = "30s",
    edits: Annotated[
        float, typer.Option(min=0.1, max=500, envvar="LOCKSTEP_DEMO_EDITS", help="Edits per second.")
    ] = 5.0,
    seed: Annotated[int, typer.Option(min=0, envvar="LOCKSTEP_DEMO_SEED", help="Of chance: who edits what, when.")] = 1,
    outage: Annotated[
        list[str],
        typer.Option(
            envvar="LOCKSTEP_DEMO_OUTAGE",
            help="A system that goes down for a time; may be repeated; `none` for none.",
            metavar="SYSTEM:TIME",
        ),
    ] = [DEFAULT_OUTAGE],  # noqa: B006 - typer reads it once and never changes it
    kills: Annotated[
        int, typer.Option(min=0, envvar="LOCKSTEP_DEMO_KILLS", help="How often the gateway gets a SIGKILL meanwhile.")
    ] = 0,
    drain: Annotated[
        str,
        typer.Option(envvar="LOCKSTEP_DEMO_DRAIN", help="How long to wait for quiet after the edits.", metavar="TIME"),
    ] = "60s",
    stream: Annotated[
        str,
        typer.Option(
            envvar="LOCKSTEP_DEMO_STREAM", help="kafka://HOST:PORT instead of the embedded stream.", metavar="URL"
        ),
    ] = "",
    database: Annotated[
        str,
        typer.Option(
            envvar="LOCKSTEP_DEMO_DATABASE",
            help="postgresql+asyncpg://... (an empty database) instead of the embedded one.",
            metavar="URL",
        ),
    ] = "",
    reuse: Annotated[
        bool, typer.Option(envvar="LOCKSTEP_DEMO_REUSE", help="Take a database that has records of another run.")
    ] = False,
    directory: Annotated[
        Path | None,
        typer.Option("--data", envvar="LOCKSTEP_DEMO_DATA", help="A new directory for data, configuration and logs."),
    ] = None,
    keep: Annotated[
        bool | None,
        typer.Option(
            "--keep/--no-keep",
            envvar="LOCKSTEP_DEMO_KEEP",
            help="Keep the directory after a good run, to look around.",
            show_default="keep; with --json no-keep",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, envvar="LOCKSTEP_DEMO_PORT", help="The gateway's port; 0 takes a free one.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Show ServiceNow, Jira, Salesforce, GitHub, BambooHR and SCIM being kept in step, then judge whether they were.

    Six stand-ins and the gateway run beside this process. People edit in ServiceNow and Jira all the time, in the
    others now and then, and somebody leaves; the story says what happens and where to look. The verdict comes from the
    stand-ins' own edit logs, and from what their APIs show of the leaver: exit code 1 if anything was lost, doubled,
    out of order or left out of step, if any access is left or the certificate does not prove that it ended, or if one
    system was silent.
    """
    from gateway.demo.plan import Plan
    from gateway.demo.talk import Talk

    try:
        plan = Plan(
            for_s=_seconds("--for", for_),
            edits_per_s=edits,
            seed=seed,
            outages=_outages(outage),
            kills=kills,
            drain_s=_seconds("--drain", drain),
            stream=stream,
            database=database,
            reuse=reuse,
            data=directory,
            keep=not as_json if keep is None else keep,
            port=port,
        )
    except ValueError as error:
        raise Ending(Code.WRONG_USE, str(error)) from error
    talk = Talk(colour=wants_colour())
    result = _run(plan, talk)
    if as_json:
        json_line(result.summary)
    else:
        _tell(result, talk)
    raise Ending(Code.DONE if result.ok else Code.FAILED)


def _seconds(flag: str, text: str) -> float:
    from connectors.contract.written.units import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise ValueError(f"{flag} {text!r}: {error}") from error


def _outages(asked: Sequence[str]) -> tuple[Outage, ...]:
    from gateway.demo.plan import outage_in

    return tuple(outage_in(one) for one in asked if one != NO_OUTAGE)


def _run(plan: Plan, talk: Talk) -> Result:
    """The demo in an event loop of its own; SIGTERM ends it as Ctrl-C does, so that no process is left behind."""
    import asyncio
    import signal

    from gateway.demo.run import demo as perform

    async def guarded() -> Result:
        task = asyncio.ensure_future(perform(plan, talk))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            return await task
        except asyncio.CancelledError as error:
            raise Ending(Code.INTERRUPTED, "interrupted; everything was stopped") from error

    return asyncio.run(guarded())


def _tell(result: Result, talk: Talk) -> None:
    """The verdict for people."""
    from gateway.demo.verdict import Kind

    verdict = result.verdict
    talk.chapter("The verdict, from the stand-ins' own edit logs")
    data(f"{verdict.changes} edits by people, {verdict.commands} writes by the gateway, {verdict.records} records")
    for name, found in result.systems.items():
        data(f"  {name:10}  {found.edits:4} edits, {found.writes:4} writes")
    data(
        f"{verdict.in_step} of {verdict.records} records in step"
        + (f", {verdict.held} of them held by a case" if verdict.held else "")
    )
    data(
        f"{verdict.count(Kind.DUPLICATE)} duplicates, {verdict.count(Kind.LOST_EDIT)} lost edits, "
        f"{verdict.count(Kind.ORDER)} out of order, {verdict.count(Kind.INVENTED)} invented"
    )
    data(f"{verdict.tasks} tasks for people who start or leave, each once")
    if result.departed:
        _tell_of_the_leaver(result.departed)
    data(f"{verdict.ledgered} edits lost a conflict and stand in the ledger; {verdict.cases} cases open")
    for violation in verdict.violations[:SHOWN]:
        data(f"  {violation.kind}: {violation.object} {violation.field} {violation.value!r}: {violation.why}")
    if len(verdict.violations) > SHOWN:
        data(f"  and {len(verdict.violations) - SHOWN} more; --json lists all")
    if result.silent:
        data(f"nothing happened in {', '.join(result.silent)}: this run shows nothing of it")
    data("Everything is in step." if result.ok else "Something is wrong: see above.")
    if result.kept:
        talk.chapter("Look around (the gateway is stopped, its database is readable)")
        talk.look(f"export LOCKSTEP_CONFIG={result.config}", "lockstep case list", "lockstep now")
        if result.departed and (proof := result.departed.certified):
            talk.look(f"lockstep leaver verify {proof.file} --key {proof.fingerprint}")


def _tell_of_the_leaver(found: Departed) -> None:
    last_s = max(found.gone_after_s.values(), default=0.0)
    hers = f"{found.left} of it still hers" if found.left else "nothing of it hers any more"
    data(
        f"{found.who} left: {found.rights} rights and {found.work} pieces of work in {len(found.before)} systems, "
        f"{hers} after {last_s:.1f} s (deadline {found.deadline_s:g} s, {found.down} down)"
    )
    proof = found.certified
    words = "there is none" if proof is None else "signed, and proves it" if proof.proves else "it does not prove it"
    data(f"the certificate of that: {words}")
