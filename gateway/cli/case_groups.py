"""`lockstep case groups|split|merge`: what cases have in common, and what people say about that."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.case_filter import Narrow, narrowing
from gateway.cli.deciding import Actor, Numbers, Reason, here, told_as_codes
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import age, data, document, moment, say, table

if TYPE_CHECKING:
    from dead_letter.values import CaseGroup
    from gateway.storage.database import Database

COLUMNS = ("count", "cause", "connection", "oldest", "due", "owners", "sample", "group", "title")


@narrowing
def groups(
    config: Config = DEFAULT_CONFIG,
    by: Annotated[
        str, typer.Option(envvar="LOCKSTEP_CASE_BY", help="cause, flow, connection, field or owner.")
    ] = "cause",
    as_json: Json = False,
    *,
    narrow: Narrow,
) -> None:
    """List groups of cases, the largest first."""
    from gateway.cli.store import ask, configuration
    from gateway.work import cases

    loaded = configuration(config)

    async def question(database: Database) -> list[CaseGroup]:
        place, who = here(loaded, database, "")
        with told_as_codes():
            return await cases.group_cases(place, who, narrow.filter(), by=by)

    found = ask(loaded, question)
    if as_json:
        import msgspec

        document(msgspec.to_builtins(found))
        return
    table([_row(group) for group in found], COLUMNS)
    if not found:
        say("no cases")


def _row(group: CaseGroup) -> dict[str, Any]:
    who = [*group.owners, *(["nobody"] if group.unowned else [])]
    return {
        "count": group.count,
        "cause": group.cause,
        "connection": group.connection,
        "oldest": age(time.time() - group.oldest),
        "due": moment(group.due_at),
        "owners": who,
        "sample": group.sample,
        "group": group.key,
        "title": group.title,
    }


def split(
    numbers: Numbers,
    title: Annotated[str, typer.Option(envvar="LOCKSTEP_TITLE", help="What the new group is about. Needed.")] = "",
    part: Annotated[
        str,
        typer.Option(
            "--by",
            envvar="LOCKSTEP_SPLIT_BY",
            help="Also future cases that share this: flow, connection, object, field or record.",
            show_default="the same things again",
        ),
    ] = "",
    reason: Reason = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Take cases out of their group into one of their own, with those to come that are like them."""
    from gateway.cli.store import ask, configuration
    from gateway.work import cases

    loaded = configuration(config)

    async def question(database: Database) -> str:
        place, who = here(loaded, database, actor)
        with told_as_codes():
            return await cases.split_group(place, who, numbers, title=title, reason=reason, part=part)

    key = ask(loaded, question)
    if as_json:
        document({"group": key})
    else:
        data(f"a group of their own: {key}")


def merge(
    groups: Annotated[list[str], typer.Argument(help="Keys of groups, as `case groups` lists them.")],
    into: Annotated[str, typer.Option(envvar="LOCKSTEP_INTO", help="The group that they become. Needed.")],
    title: Annotated[str, typer.Option(envvar="LOCKSTEP_TITLE", help="What it is about.")] = "",
    reason: Reason = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Make groups one, for the cases they have and those to come."""
    from gateway.cli.store import ask, configuration
    from gateway.work import cases

    loaded = configuration(config)

    async def question(database: Database) -> int:
        place, who = here(loaded, database, actor)
        with told_as_codes():
            return await cases.merge_groups(place, who, groups, into=into, title=title, reason=reason)

    moved = ask(loaded, question)
    if as_json:
        document({"group": into, "moved": moved})
    else:
        data(f"{moved} open cases moved to {into}")
