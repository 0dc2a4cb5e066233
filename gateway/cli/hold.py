"""`lockstep hold`: legal holds, over a case, a record, all records of a flow, or everything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.moments import moment_of
from gateway.cli.output import document, moment, say, table

if TYPE_CHECKING:
    from gateway.keeping.holds import Hold

app = typer.Typer(help="Legal holds: what is neither forgotten nor erased, however old it is.", no_args_is_help=True)
COLUMNS = ("hold", "over", "since", "by", "reason", "look again", "released")
Reason = Annotated[str, typer.Option("--reason", envvar="LOCKSTEP_REASON", help="Why; it stands in the audit trail.")]


@app.command("list")
def list_(
    released: Annotated[
        bool, typer.Option("--released", envvar="LOCKSTEP_HOLD_RELEASED", help="Those that were released, too.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List the holds in force, newest first."""
    import msgspec

    found = asked(config, lambda gateway: gateway.keeping.list_holds(released=released))
    if as_json:
        document([msgspec.to_builtins(each) for each in found])
        return
    table([_row(each) for each in found], COLUMNS)
    if not found:
        say("nothing is held")


@app.command()
def add(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="case, record, flow or all.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="FO-17; system/object/key; a flow.")] = "",
    reason: Reason = "",
    until: Annotated[
        str | None,
        typer.Option("--until", envvar="LOCKSTEP_HOLD_UNTIL", help="When to look at it again; it does not end then."),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Hold something until it is released: retention passes it over, and it cannot be erased."""
    if kind not in ("case", "record", "flow", "all"):
        raise Ending(Code.WRONG_USE, f"{kind}: there are case, record, flow and all")
    ends = moment_of(until, "--until", time.time())
    wanted: Any = kind
    found = asked(config, lambda gateway: gateway.keeping.add_hold(wanted, target, reason=reason, ends=ends))
    _told(found, as_json)


@app.command()
def release(
    number: Annotated[str, typer.Argument(metavar="HOLD", help="As `hold list` names it (LH-3).")],
    reason: Reason = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """End a hold. What is old enough goes with the next sweep."""
    _told(asked(config, lambda gateway: gateway.keeping.release_hold(number, reason=reason)), as_json)


def _told(found: Hold, as_json: bool) -> None:
    if as_json:
        import msgspec

        document(msgspec.to_builtins(found))
    else:
        table([_row(found)], COLUMNS)


def _row(each: Hold) -> dict[str, Any]:
    released = f"{moment(each.released_at)} by {each.released_by}" if each.released_at else None
    over = f"{each.kind} {each.label}" if each.target else each.label
    seen = {"hold": each.number, "over": over, "since": moment(each.set_at), "by": each.set_by, "reason": each.reason}
    return {**seen, "look again": moment(each.ends_at) if each.ends_at else None, "released": released}
