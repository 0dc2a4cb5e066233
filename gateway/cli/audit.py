"""`lockstep audit list`: who did what, to what, when and why. Whoever reads it is in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.admin import asked
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.moments import moment_of
from gateway.cli.output import document, moment, say, table

if TYPE_CHECKING:
    from gateway.access.rights import Principal
    from gateway.work.pages_audit import AuditPage, Entry
    from gateway.work.workplace import Workplace

app = typer.Typer(help="The audit trail: who did what, to what, when and why.", no_args_is_help=True)

COLUMNS = ("at", "actor", "what", "connection", "record", "cause", "detail")


def _option(*names: str, env: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, envvar=f"LOCKSTEP_AUDIT_{env}", help=help, **more)


@app.command("list")
def list_(
    who: Annotated[str, _option("--who", env="WHO", help="Part of the name of who did it.")] = "",
    what: Annotated[str, _option("--what", env="WHAT", help="Part of the kind: case_decided, connection_ ...")] = "",
    about: Annotated[
        str, _option("--about", env="ABOUT", help="A record, a connection, a case (FO-17), a plan or a run.")
    ] = "",
    since: Annotated[
        str | None, _option("--since", env="SINCE", metavar="TIME", help="From: 2h (so long ago), or a time.")
    ] = None,
    until: Annotated[
        str | None, _option("--until", env="UNTIL", metavar="TIME", help="Before this; as --since.")
    ] = None,
    people: Annotated[bool, _option("--people", env="PEOPLE", help="Only what people did.")] = False,
    limit: Annotated[int, _option("--limit", env="LIMIT", help="Rows.", min=1, max=1000)] = 50,
    below: Annotated[
        str, _option("--below", env="BELOW", help="Go on below this place, which the end of a list names.")
    ] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List the audit trail, newest first. This reading is in it, too."""
    from gateway.cli.store import configuration
    from gateway.work.audit_trail import read_trail
    from gateway.work.pages_audit import AuditFilter

    now = time.time()
    wanted = AuditFilter(
        who=who,
        what=what,
        about=about,
        since=moment_of(since, "--since", now),
        until=moment_of(until, "--until", now),
        people=people,
    )

    async def question(place: Workplace, reader: Principal) -> AuditPage:
        return await read_trail(place, reader, wanted, below=below, limit=limit)

    page = asked(configuration(config), question)
    if as_json:
        import msgspec

        document(msgspec.to_builtins(page))
        return
    table([_row(each) for each in page.entries], COLUMNS)
    if not page.entries:
        say("nothing fits")
    if page.next:
        say(f"{'no more in the rows looked at; older ones' if page.cut else 'more'}: --below {page.next}")


def _row(entry: Entry) -> dict[str, Any]:
    named = {name: getattr(entry, name) or None for name in ("actor", "connection", "record", "cause", "detail")}
    return {"at": moment(entry.at), "what": entry.kind, **named}
