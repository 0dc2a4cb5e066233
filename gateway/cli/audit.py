"""`lockstep audit list|export`: who did what, to what, when and why. Whoever reads it is in it."""

from __future__ import annotations

import csv
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.case_files import safe_cell
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.moments import moment_of
from gateway.cli.output import cell, document, json_line, moment, say, table

if TYPE_CHECKING:
    from gateway.cli.port import Gateway
    from gateway.work.pages_audit import AuditFilter, Entry

app = typer.Typer(help="The audit trail: who did what, to what, when and why.", no_args_is_help=True)

COLUMNS = ("at", "actor", "what", "connection", "record", "cause", "detail")
WHOLE = ("id", *COLUMNS)
PAGE = 200
"""Rows that are read at a time for an export."""


def _option(*names: str, env: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, envvar=f"LOCKSTEP_AUDIT_{env}", help=help, **more)


Who = Annotated[str, _option("--who", env="WHO", help="Part of the name of who did it.")]
What = Annotated[str, _option("--what", env="WHAT", help="Part of the kind: case_decided, connection_ ...")]
About = Annotated[str, _option("--about", env="ABOUT", help="A record, a connection, a case (FO-17), a plan or a run.")]
Since = Annotated[
    str | None, _option("--since", env="SINCE", metavar="TIME", help="From: 2h (so long ago), or a time.")
]
Until = Annotated[str | None, _option("--until", env="UNTIL", metavar="TIME", help="Before this; as --since.")]
People = Annotated[bool, _option("--people", env="PEOPLE", help="Only what people did.")]


@app.command("list")
def list_(
    who: Who = "",
    what: What = "",
    about: About = "",
    since: Since = None,
    until: Until = None,
    people: People = False,
    limit: Annotated[int, _option("--limit", env="LIMIT", help="Rows.", min=1, max=1000)] = 50,
    below: Annotated[
        str, _option("--below", env="BELOW", help="Go on below this place, which the end of a list names.")
    ] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List the audit trail, newest first. This reading is in it, too."""
    wanted = _filter(who, what, about, since, until, people)
    page = asked(config, lambda gateway: gateway.audit.read_trail(wanted, below=below, limit=limit))
    if as_json:
        import msgspec

        document(msgspec.to_builtins(page))
        return
    table([row_of(each) for each in page.entries], COLUMNS)
    if not page.entries:
        say("nothing fits")
    if page.next:
        say(f"{'no more in the rows looked at; older ones' if page.cut else 'more'}: --below {page.next}")


@app.command()
def export(
    who: Who = "",
    what: What = "",
    about: About = "",
    since: Since = None,
    until: Until = None,
    people: People = False,
    form: Annotated[str, _option("--format", env="FORMAT", help="jsonl (with every detail) or csv.")] = "jsonl",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write every row of the filter to stdout, newest first, not only a page of them. The reading is in the trail."""
    if form not in ("jsonl", "csv"):
        raise Ending(Code.WRONG_USE, f"--format {form}: there are jsonl and csv")
    wanted = _filter(who, what, about, since, until, people)
    say(f"{asked(config, lambda gateway: _export(gateway, wanted, form))} rows")


async def _export(gateway: Gateway, wanted: AuditFilter, form: str) -> int:
    import msgspec

    sheet = csv.writer(sys.stdout)
    if form == "csv":
        sheet.writerow(WHOLE)
    count, below = 0, ""
    while True:
        page = await gateway.audit.read_trail(wanted, below=below, limit=PAGE, goes_on=bool(below))
        for each in page.entries:
            if form == "csv":
                row = {**row_of(each), "id": each.id}
                sheet.writerow([safe_cell(row[name] or "") for name in WHOLE])
            else:
                json_line(msgspec.to_builtins(each))
        count, below = count + len(page.entries), page.next
        if not below:
            sys.stdout.flush()
            return count


def _filter(who: str, what: str, about: str, since: str | None, until: str | None, people: bool) -> AuditFilter:
    from gateway.work.pages_audit import AuditFilter

    now = time.time()
    return AuditFilter(
        who=who,
        what=what,
        about=about,
        since=moment_of(since, "--since", now),
        until=moment_of(until, "--until", now),
        people=people,
    )


def row_of(entry: Entry) -> dict[str, Any]:
    """A row of the table; the detail in words."""
    named = {name: getattr(entry, name) or None for name in ("actor", "connection", "record", "cause")}
    return {"at": moment(entry.at), "what": entry.kind, **named, "detail": in_words(entry.detail) or None}


def in_words(detail: Any, *, within: str = "") -> str:
    """What a row tells besides, as people read it: `action retry, reason again`. What is empty is not told."""
    if isinstance(detail, dict):
        said = {name: value for name, value in detail.items() if name != "trace"}  # for programs, under --json
        parts = (in_words(value, within=name.replace("_", " ")) for name, value in said.items())
        told = ", ".join(part for part in parts if part)
        return f"{within}: {told}" if within and told else told
    if detail in (None, "", [], (), False):
        return ""
    if isinstance(detail, float) and within in _TIMES:
        return f"{within} {datetime.fromtimestamp(detail, UTC).strftime('%Y-%m-%d %H:%M:%SZ')}"
    if isinstance(detail, list | tuple) and any(isinstance(each, dict) for each in detail):
        return f"{within} {'; '.join(filter(None, map(in_words, detail)))}".strip()
    return f"{within} {cell(detail)}".strip() if detail is not True else within


_TIMES = frozenset({"at", "since", "until", "expires at", "ends at"})
