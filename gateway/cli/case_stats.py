"""`lockstep case stats`: what people's work on cases comes to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.moments import moment_of
from gateway.cli.output import age, data, document, moment, table

if TYPE_CHECKING:
    from gateway.work.case_metrics import Metrics


def stats(
    config: Config = DEFAULT_CONFIG,
    since: Annotated[
        str, typer.Option(envvar="LOCKSTEP_CASE_SINCE", metavar="TIME", help="From when on: 7d, or a time.")
    ] = "7d",
    as_json: Json = False,
) -> None:
    """Count what came, what was decided, how long it took, what was late."""
    from gateway.cli.gateways import asked

    begin = moment_of(since, "--since", time.time()) or 0.0
    found = asked(config, lambda gateway: gateway.figures.metrics(since=begin))
    if as_json:
        import msgspec

        document(msgspec.to_builtins(found))
        return
    _tell(found)


def _tell(found: Metrics) -> None:
    data(f"since {moment(found.since)}")
    data(f"created {found.created} (came back {found.came_back}), closed {found.closed}, by people {found.by_decision}")
    data(f"overdue {found.breaches}, reassigned {found.reassigned}, asked {found.requests}, rejected {found.rejected}")
    for name, counts in (("decided", found.decided), ("worked", found.worked), ("obsolete", found.obsolete)):
        for what, count in counts.items():
            data(f"{name}: {what or 'without a reason'} {count}")
    table(
        [_closed(each) for each in found.resolved],
        ("closed", "cause", "connection", "ending", "mean", "longest", "late"),
    )
    table([_open(each) for each in found.open], ("open", "cause", "connection", "oldest", "late", "unowned"))


def _closed(each: Any) -> dict[str, Any]:
    return {
        "closed": each.count,
        "cause": each.cause,
        "connection": each.connection,
        "ending": each.ending,
        "mean": age(each.mean_s),
        "longest": age(each.longest_s),
        "late": each.late,
    }


def _open(each: Any) -> dict[str, Any]:
    return {
        "open": each.count,
        "cause": each.cause,
        "connection": each.connection,
        "oldest": age(each.oldest_s),
        "late": each.late,
        "unowned": each.unowned,
    }
