"""`lockstep connector test` and `list`: measures what connectors promise, and shows what was measured."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document, say, table
from gateway.cli.progress import Progress

if TYPE_CHECKING:
    from connectors.conformance.place import Place
    from connectors.conformance.report import ActionReport, Report
    from connectors.conformance.subject import Subject

Facts = dict[str, Any]
"""At most so often a line is drawn anew."""


def list_(
    connector: Annotated[
        list[str] | None, typer.Argument(help="Names; all if none is given.", show_default="all")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the connectors there are, each action with its measured grade.

    A grade is what the conformance kit has seen. `not measured` is shown for what is only declared.
    """
    from connectors import grades, registry

    found = [grades.read(name) for name in connector or registry.names()]
    if as_json:
        document({"connectors": [_listed(each) for each in found]})
        return
    rows = [
        {
            "connector": each.connector,
            "action": action,
            "grade": shown,
            "measured": each.when if each.measured else None,
        }
        for each in found
        for action, shown in (each.shown or {"-": "reads only" if each.measured else grades.NOT_MEASURED}).items()
    ]
    table(rows, ("connector", "action", "grade", "measured"))


def _listed(each: Any) -> Facts:
    return {
        "connector": each.connector,
        "measured": each.measured,
        "when": each.when or None,
        "against": each.against or None,
        "actions": dict(each.shown),
        "rules_held": each.rules_held,
        "rules_broken": list(each.rules_broken),
    }


def measure(
    connector: Annotated[
        list[str] | None,
        typer.Argument(help="Names as `connector:` says them, dotted paths or YAML files.", show_default=False),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", envvar="LOCKSTEP_TEST_ALL", help="All connectors that the kit knows how to test.")
    ] = False,
    connection: Annotated[
        str,
        typer.Option(
            envvar="LOCKSTEP_TEST_CONNECTION",
            help="Test against this configured connection, a staging system, instead of a stand-in.",
        ),
    ] = "",
    config: Config = DEFAULT_CONFIG,
    stand_in: Annotated[
        str, typer.Option("--stand-in", envvar="LOCKSTEP_TEST_STAND_IN", help="URL of a stand-in that runs already.")
    ] = "",
    allow_writes: Annotated[
        bool,
        typer.Option(
            "--allow-writes",
            envvar="LOCKSTEP_TEST_ALLOW_WRITES",
            help="The staging system may be written to: objects whose text begins with `conformance`.",
        ),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", envvar="LOCKSTEP_TEST_ONLY", help="Only this rule, or rules of this beginning (read, write.429)."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", envvar="LOCKSTEP_TEST_CHECK", help="Fail if a grade is lower than committed.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", envvar="LOCKSTEP_TEST_WRITE", help="Write quality.yaml beside the connector.")
    ] = False,
    trials: Annotated[
        bool, typer.Option("--trials", envvar="LOCKSTEP_TEST_TRIALS", help="Show every trial of every write.")
    ] = False,
    seed: Annotated[int, typer.Option(envvar="LOCKSTEP_TEST_SEED", help="Of the texts that are written.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure what connectors promise, and grade each action by what was seen.

    Exit code 0: every rule holds (with --check: and no grade fell). 1: a rule is broken or a grade fell. 3: with
    some of the connectors. 6: writing to the staging system was not allowed.
    """
    subjects, place = _asked(connector or [], every, connection, config, stand_in, allow_writes=allow_writes)
    rules = _rules(only or [])
    if write and (rules or place.staging):
        raise Ending(Code.WRONG_USE, "--write needs a whole run against a stand-in: without --only and --connection")
    reports = [(subject, _measured(subject, place, rules, seed)) for subject in subjects]
    bad = {
        subject.name: problems for subject, report in reports if (problems := _problems(subject, report, check=check))
    }
    if as_json:
        document({"connectors": [_document(report, bad.get(subject.name, [])) for subject, report in reports]})
    else:
        for _, report in reports:
            _show(report, trials=trials)
    for subject, report in reports:
        _kept(subject, report, write=write and subject.name not in bad)
    for name, problems in bad.items():
        for problem in problems:
            say(f"{name}: {problem}")
    if bad:
        raise Ending(Code.FAILED if len(bad) == len(reports) else Code.SOME_FAILED, f"failed: {', '.join(bad)}")


def _asked(
    names: list[str], every: bool, connection: str, config: Path, stand_in: str, *, allow_writes: bool
) -> tuple[list[Subject], Place]:
    from connectors.conformance.place import Place
    from connectors.conformance.subject import subject, with_fixtures

    if connection:
        from gateway.cli.store import configuration

        known = configuration(config, judged=True).connections
        if names or every:
            raise Ending(Code.WRONG_USE, "--connection names the connector by itself; leave the others out")
        if connection not in known:
            raise Ending(
                Code.WRONG_USE, f"there is no connection {connection}; the configuration has {', '.join(known)}"
            )
        if not allow_writes:
            tip = "say --allow-writes if this is a staging system"
            raise Ending(Code.NOT_ALLOWED, f"a test creates, edits and deletes objects in {connection}; {tip}")
        settings = known[connection].settings
        return [subject(settings.connector)], Place(staging=settings)
    chosen = with_fixtures() if every else names
    if not chosen:
        tip = f"name a connector ({', '.join(with_fixtures())}) or say --all"
        raise Ending(Code.WRONG_USE, tip)
    return [subject(name) for name in dict.fromkeys(chosen)], Place(stand_in=stand_in)


def _rules(only: list[str]) -> list[str]:
    from connectors.conformance.run import names

    for each in only:
        if not any(name == each or name.startswith(f"{each}.") for name in names()):
            raise Ending(Code.WRONG_USE, f"there is no rule {each}; there are {', '.join(names())}")
    return only


def _measured(subject: Subject, place: Place, only: list[str], seed: int) -> Report:
    import asyncio

    from connectors.conformance.run import measure as run
    from connectors.contract.clock import SystemClock

    progress = Progress(subject.name)
    try:
        return asyncio.run(run(subject, place, clock=SystemClock(), seed=seed, only=only, progress=progress.tell))
    finally:
        progress.end()


def _problems(subject: Subject, report: Report, *, check: bool) -> list[str]:
    from connectors import grades
    from connectors.conformance.quality import falls

    found = [f"{rule} ({on}): {how}" for rule, on, how in report.broken]
    if check and report.whole and subject.quality is not None:
        before = grades.said_by(subject.quality)
        if before.get("measured") is not True:
            found.append(f"{subject.quality.name} was never measured; lockstep connector test {subject.name} --write")
        found += falls(before, report)
    return found


def _kept(subject: Subject, report: Report, *, write: bool) -> None:
    from connectors import grades
    from connectors.conformance import quality
    from connectors.contract.clock import SystemClock

    if report.left or report.taken_away:
        left = ", ".join(report.left) or "nothing"
        say(f"{subject.name}: objects taken away again: {report.taken_away}; left behind: {left}")
    if subject.quality is None or not report.whole:
        return
    if write:
        quality.write(report, subject.quality, SystemClock())
        say(f"{subject.name}: {subject.quality} written")
    elif report.ok:
        for rise in quality.rises(grades.said_by(subject.quality), report):
            say(f"{subject.name}: {rise}; --write keeps it")


def _show(report: Report, *, trials: bool) -> None:
    rows = [
        {"rule": each.rule, "on": each.object, "state": _state(each.ok, each.applies), "seen": each.evidence}
        for each in report.held
    ]
    rows += [
        {
            "rule": trial.rule,
            "on": action.action,
            "state": _state(trial.ok, True),
            "seen": "; ".join(trial.complaints) or trial.tells(),
        }
        for action in report.actions
        for trial in action.trials
        if trials or not trial.ok
    ]
    table(rows, ("rule", "on", "state", "seen"), title=f"{report.connector} against {report.against}")
    if report.whole:
        data("")
        table([_graded(each) for each in report.actions], ("action", "grade", "proof", "trials"))
    counted = Counter(report.rules().values())
    say(f"{report.connector}: " + ", ".join(f"rules {state}: {count}" for state, count in counted.items()))


def _graded(each: ActionReport) -> Facts:
    bad = sum(not trial.ok for trial in each.trials)
    told = f"{len(each.trials)}, broken {bad}" if bad else f"{len(each.trials)}"
    return {"action": each.action, "grade": each.grade, "proof": each.proof, "trials": told}


def _state(ok: bool, applies: bool) -> str:
    return ("held" if applies else "does not apply") if ok else "BROKEN"


def _document(report: Report, problems: list[str]) -> Facts:
    from connectors.conformance.quality import document as measured
    from connectors.contract.clock import SystemClock

    told = measured(report, SystemClock())
    return {**told, "whole": report.whole, "ok": not problems, "problems": problems, "left": list(report.left)}
