"""`lockstep archive`: closed cases and the lineage of what has left, after their time. Read only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.moments import moment_of
from gateway.cli.output import data, document, moment, say, table

if TYPE_CHECKING:
    from gateway.work.keeping import Archived

app = typer.Typer(
    help="The archive: what was closed, after its time; read only, and proved whole.", no_args_is_help=True
)
COLUMNS = ("number", "kind", "name", "title", "connection", "closed", "kept until", "content")


def _option(*names: str, env: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, envvar=f"LOCKSTEP_ARCHIVE_{env}", help=help, **more)


@app.command("list")
def list_(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Part of a name, title, record or connection.")] = "",
    kind: Annotated[str, _option("--kind", env="KIND", help="case or lineage.")] = "",
    since: Annotated[
        str | None, _option("--since", env="SINCE", metavar="TIME", help="Closed from: 30d, a time.")
    ] = None,
    until: Annotated[str | None, _option("--until", env="UNTIL", metavar="TIME", help="Closed before this.")] = None,
    below: Annotated[int, _option("--below", env="BELOW", help="Go on below this number.", min=0)] = 0,
    limit: Annotated[int, _option("--limit", env="LIMIT", help="Rows.", min=1, max=1000)] = 50,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Search the archive, newest first."""
    if kind not in ("", "case", "lineage"):
        raise Ending(Code.WRONG_USE, f"--kind {kind}: there are case and lineage")
    now = time.time()
    begin, end = moment_of(since, "--since", now), moment_of(until, "--until", now)
    found = asked(
        config,
        lambda gateway: gateway.keeping.search_archive(
            text=text, kind=kind, since=begin, until=end, below=below, limit=limit
        ),
    )
    if as_json:
        import msgspec

        document(msgspec.to_builtins(found))
        return
    table([_row(each) for each in found.documents], COLUMNS)
    if not found.documents:
        say("nothing fits")
    if found.next:
        say(f"more: --below {found.next}")


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `archive list` names it.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Show one document whole, as JSON. The look is in the audit trail; personal values are masked."""
    import msgspec

    document(msgspec.to_builtins(asked(config, lambda gateway: gateway.keeping.read_archived(number))))


@app.command()
def verify(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Look through the whole archive: was anything changed, added, taken away or put in another order?"""
    found = asked(config, lambda gateway: gateway.keeping.verify_archive())
    if as_json:
        import msgspec

        document(msgspec.to_builtins(found))
    else:
        for each in found.findings:
            data(f"#{each.seq}: {each.why}")
        data(f"{found.documents} documents: {'as they were written' if found.sound else 'not as they were written'}")
    if not found.sound:
        raise Ending(Code.FAILED, "")


def _row(each: Archived) -> dict[str, Any]:
    names = {"number": each.seq, "kind": each.kind, "name": each.name, "title": each.title or None}
    times = {"closed": moment(each.closed_at), "kept until": moment(each.good_until)}
    return {**names, "connection": each.connection or None, **times, "content": each.gone or "there"}
