"""`lockstep audit`: who did what, to what, when and why. Whoever reads it is in it."""

from __future__ import annotations

import asyncio
import csv
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import audit_chain
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.moments import moment_of
from gateway.cli.output import cell, data, document, json_line, moment, say, table, told
from gateway.core.sheets import safe_cell

if TYPE_CHECKING:
    from gateway.cli.port import Gateway
    from gateway.work.audit_trail import TrailEnd
    from gateway.work.pages_audit import AuditFilter, Entry

app = typer.Typer(help="The audit trail: who did what, to what, when and why.", no_args_is_help=True)

COLUMNS = ("seq", "at", "actor", "what", "connection", "record", "cause", "outcome", "risk", "detail")
WHOLE = ("id", *COLUMNS)
END = "chain"
"""Stands where the id would, in the last row of a sheet: where the chain stood when the export began."""
TAIL_S = 1.0


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
Outcome = Annotated[
    str, _option("--outcome", env="OUTCOME", help="open (nobody knows yet how it ended), applied, failed, superseded.")
]
Risk = Annotated[str, _option("--risk", env="RISK", help="At least low, medium, high or critical.")]
From = Annotated[str, _option("--source", env="SOURCE", help="console, cli, api or system.")]
Why = Annotated[str, _option("--reason", env="WHY", help="Part of the reason that was given.")]


@app.command("list")
def list_(
    who: Who = "",
    what: What = "",
    about: About = "",
    since: Since = None,
    until: Until = None,
    people: People = False,
    outcome: Outcome = "",
    risk: Risk = "",
    source: From = "",
    reason: Why = "",
    limit: Annotated[int, _option("--limit", env="LIMIT", help="Rows.", min=1, max=1000)] = 50,
    below: Annotated[
        str, _option("--below", env="BELOW", help="Go on below this place, which the end of a list names.")
    ] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List the audit trail, newest first. This reading is in it, too."""
    wanted = _filter(who, what, about, since, until, people, outcome, risk, source, reason)
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
def show(
    entry: Annotated[str, typer.Argument(help="Its id (au...), or its place in the chain: 88214.")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show an entry whole, and what it closes or what closes it. This reading is in the trail, too."""
    found = asked(config, lambda gateway: gateway.audit.show_entry(entry))
    if not found:
        raise Ending(Code.NOT_FOUND, f"there is no entry {entry} that you may see; lockstep audit list")
    if as_json:
        import msgspec

        document(msgspec.to_builtins(found))
        return
    for each in found:
        row = row_of(each)
        told(f"#{each.seq} {each.kind}  {each.id}")
        lines = [(name, row[name]) for name in ("at", "actor", "connection", "record", "cause", "outcome", "risk")]
        detail = each.detail if isinstance(each.detail, dict) else {}
        lines += [(name.replace("_", " "), in_words(value)) for name, value in detail.items()]
        lines += [("closes", each.closes), ("closed by", each.closed_by)]
        table([{"": name, "is": value} for name, value in lines if value], ("", "is"))


@app.command()
def tail(
    who: Who = "",
    what: What = "",
    about: About = "",
    people: People = False,
    outcome: Outcome = "",
    risk: Risk = "",
    source: From = "",
    reason: Why = "",
    after: Annotated[
        int | None,
        _option("--after", env="AFTER", help="From this place in the chain on. Default: from now on.", min=0),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Tell entries as they come, in the order of the chain, until Ctrl-C. This reading is in the trail, too."""
    wanted = _filter(who, what, about, None, None, people, outcome, risk, source, reason)
    asked(config, lambda gateway: _tailed(gateway, wanted, after, as_json=as_json))


async def _tailed(gateway: Gateway, wanted: AuditFilter, after: int | None, *, as_json: bool) -> None:
    import msgspec

    if after is None:
        head = (await gateway.audit.chain_state()).head
        after = head.seq if head else 0
    goes_on = False
    while True:
        found = await gateway.audit.follow_trail(wanted, after=after, goes_on=goes_on)
        goes_on = True
        for each in found:
            after = each.seq
            if as_json:
                json_line(msgspec.to_builtins(each))
            else:
                data(f"#{each.seq} {moment(each.at)} {each.text}{f' ({each.outcome})' if each.outcome else ''}")
        sys.stdout.flush()
        if not found:
            await asyncio.sleep(TAIL_S)


@app.command()
def export(
    who: Who = "",
    what: What = "",
    about: About = "",
    since: Since = None,
    until: Until = None,
    people: People = False,
    outcome: Outcome = "",
    risk: Risk = "",
    source: From = "",
    reason: Why = "",
    form: Annotated[str, _option("--format", env="FORMAT", help="jsonl (with every detail) or csv.")] = "jsonl",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write every row of the filter to stdout, newest first, and at last where the chain stood when it began.

    The export is in the trail, open until its last row.
    """
    if form not in ("jsonl", "csv"):
        raise Ending(Code.WRONG_USE, f"--format {form}: there are jsonl and csv")
    wanted = _filter(who, what, about, since, until, people, outcome, risk, source, reason)
    say(f"{asked(config, lambda gateway: _export(gateway, wanted, form))} rows")


async def _export(gateway: Gateway, wanted: AuditFilter, form: str) -> int:
    import msgspec

    from gateway.work.audit_trail import TrailEnd

    sheet, count = csv.writer(sys.stdout), 0
    if form == "csv":
        sheet.writerow(WHOLE)
    async for each in gateway.audit.export_trail(wanted):
        count += not isinstance(each, TrailEnd)
        if form == "jsonl":
            json_line(msgspec.to_builtins(each))
        elif isinstance(each, TrailEnd):
            sheet.writerow(end_row(each))
        else:
            row = {**row_of(each), "id": each.id}
            sheet.writerow([safe_cell(row[name] or "") for name in WHOLE])
    sys.stdout.flush()
    return count


def end_row(end: TrailEnd) -> list[Any]:
    """The last row of a sheet."""
    said = f"link {end.head.link}, signed by {end.head.key}: {end.head.signature}" if end.head else "nothing is signed"
    row: dict[str, Any] = {"id": END, "seq": end.head.seq if end.head else 0, "detail": said, "cause": end.entry}
    return [row.get(name, "") for name in WHOLE]


def _filter(
    who: str,
    what: str,
    about: str,
    since: str | None,
    until: str | None,
    people: bool,
    outcome: str,
    risk: str,
    source: str,
    reason: str,
) -> AuditFilter:
    from gateway.core.kinds import WORDS
    from gateway.core.origin import SOURCES
    from gateway.work.pages_audit import AuditFilter

    for flag, said, known in (("--risk", risk, [*WORDS][1:]), ("--source", source, SOURCES)):
        if said and said not in known:
            raise Ending(Code.WRONG_USE, f"{flag} {said}: there are {', '.join(known)}")
    now = time.time()
    return AuditFilter(
        who=who,
        what=what,
        about=about,
        since=moment_of(since, "--since", now),
        until=moment_of(until, "--until", now),
        people=people,
        outcome=outcome,
        risk=risk,
        source=source,
        reason=reason,
    )


def row_of(entry: Entry) -> dict[str, Any]:
    """A row of the table; the detail in words."""
    from gateway.core.kinds import word_of

    named = {name: getattr(entry, name) or None for name in ("actor", "connection", "record", "cause")}
    told = {"outcome": entry.stands or None, "risk": word_of(entry.risk) if entry.risk else None}
    row = {"seq": entry.seq or None, "at": moment(entry.at), "what": entry.kind, **named, **told}
    return {**row, "detail": in_words(entry.detail) or None}


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

app.command("verify")(audit_chain.verify)
app.command("chain")(audit_chain.chain)
app.command("key")(audit_chain.key)
app.command("accept")(audit_chain.accept)
