"""`lockstep report`: what auditors and controllers ask for about a stretch of time."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.moments import moment_of
from gateway.cli.output import age, data, document, moment, say, table

if TYPE_CHECKING:
    from gateway.work.reports import Report

app = typer.Typer(
    help="Reports for auditors: completion, deadlines, approval chains, exceptions, departures, changes.",
    no_args_is_help=True,
)
FORMS = ("table", "csv", "json")


def _option(*names: str, env: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, envvar=f"LOCKSTEP_REPORT_{env}", help=help, **more)


@app.command("list")
def list_(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """List the reports there are, and what each says."""
    import msgspec

    found = asked(config, lambda gateway: gateway.reports.list_reports())
    if as_json:
        document([msgspec.to_builtins(each) for each in found])
    else:
        table([{"report": each.name, "title": each.title, "says": each.says} for each in found], ("report", "says"))


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="REPORT", help="As `report list` names it (sla).")],
    since: Annotated[str, _option("--since", env="SINCE", metavar="TIME", help="From: 30d, or a time.")] = "30d",
    until: Annotated[str | None, _option("--until", env="UNTIL", metavar="TIME", help="Before this; now.")] = None,
    form: Annotated[str, _option("--format", env="FORMAT", help="table, csv or json.")] = "table",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Show a report. Its figures come from what is stored; the reading is in the audit trail."""
    if form not in FORMS:
        raise Ending(Code.WRONG_USE, f"--format {form}: there are {', '.join(FORMS)}")
    now = time.time()
    begin = moment_of(since, "--since", now) or 0.0
    end = moment_of(until, "--until", now)
    found = asked(config, lambda gateway: gateway.reports.read_report(name, since=begin, until=end))
    if form == "json":
        import msgspec

        document(msgspec.to_builtins(found))
    elif form == "csv":
        from gateway.work.reports import as_csv

        sys.stdout.write(as_csv(found))
    else:
        _tell(found)
    if found.cut:
        say(f"more than {len(found.rows)} rows: ask for a shorter time; the totals count all of them")


def _tell(found: Report) -> None:
    data(f"{found.title}, {moment(found.since)} to {moment(found.until)}")
    data(
        "  ".join(f"{name.replace('_', ' ')} {'-' if value is None else value}" for name, value in found.totals.items())
    )
    names = [column.name for column in found.columns]
    rows = [
        {name: _cell(column.kind, value) for name, column, value in zip(names, found.columns, row, strict=True)}
        for row in found.rows
    ]
    table(rows, names)
    if not rows:
        say("nothing in this time")


def _cell(kind: str, value: Any) -> Any:
    match kind:
        case "duration":
            return None if value is None else age(value)
        case "yes":
            return "yes" if value else "no"
        case _:
            return value
