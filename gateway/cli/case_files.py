"""`lockstep case export|file`: cases and files of theirs, out of the gateway."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.case_filter import Narrow, narrowing
from gateway.cli.deciding import Actor, Number
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config
from gateway.cli.output import json_line, say
from gateway.core.sheets import safe_cell

if TYPE_CHECKING:
    from gateway.cli.port import Gateway

COLUMNS = (
    "number",
    "state",
    "level",
    "priority",
    "cause",
    "connection",
    "flow",
    "object_key",
    "field",
    "owner",
    "count",
    "first_seen",
    "last_seen",
    "due_at",
    "ending",
    "closed_by",
    "reason",
    "title",
)


@narrowing
def export(
    config: Config = DEFAULT_CONFIG,
    form: Annotated[
        str, typer.Option("--format", envvar="LOCKSTEP_FORMAT", help="jsonl (with evidence) or csv.")
    ] = "jsonl",
    actor: Actor = "",
    *,
    narrow: Narrow,
) -> None:
    """Write every case of the filter to stdout, not only a page of them. The export is audited."""
    from gateway.cli.gateways import asked

    if form not in ("jsonl", "csv"):
        raise Ending(Code.WRONG_USE, f"--format {form}: there are jsonl and csv")
    wanted = narrow.filter()

    async def write(gateway: Gateway) -> int:
        import msgspec

        rows = csv.writer(sys.stdout)
        if form == "csv":
            rows.writerow(COLUMNS)
        count = 0
        async for case in gateway.cases.export_cases(wanted):
            found = msgspec.to_builtins(case)
            if form == "csv":
                rows.writerow([safe_cell(found[name]) for name in COLUMNS])
            else:
                json_line(found)
            count += 1
        sys.stdout.flush()
        return count

    say(f"{asked(config, write, actor=actor)} cases")


def file(
    number: Number,
    id: Annotated[str, typer.Argument(help="The file's id, as `case show` lists it.")],
    to: Annotated[Path, typer.Option("--to", envvar="LOCKSTEP_TO", help="Where to write it; never over another.")],
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
) -> None:
    """Write a file that is kept with a case. The look is audited."""
    from gateway.cli.gateways import asked

    _, content = asked(config, lambda gateway: gateway.cases.read_attachment(number, id), actor=actor)
    try:
        with to.open("xb") as opened:
            opened.write(content)
    except OSError as error:
        raise Ending(Code.WRONG_USE, f"{to}: {error.strerror}") from error
    say(f"{to}: {len(content)} bytes")
