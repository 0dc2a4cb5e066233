"""`lockstep case groups|split|merge`: what cases have in common, and what people say about that."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.case_filter import Narrow, narrowing
from gateway.cli.deciding import Actor, Numbers, Reason
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import age, data, document, moment, say, table

if TYPE_CHECKING:
    from dead_letter.values import CaseGroup

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
    from gateway.cli.gateways import asked

    wanted = narrow.filter()
    found = asked(config, lambda gateway: gateway.cases.group_cases(wanted, by=by))
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
    from gateway.cli.gateways import asked

    _named(title, "--title", "what the new group is about")
    _named(reason, "--reason", "why they are apart")
    key = asked(
        config,
        lambda gateway: gateway.cases.split_group(numbers, title=title, reason=reason, part=part),
        actor=actor,
    )
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
    from gateway.cli.gateways import asked

    _named(reason, "--reason", "why they are one")
    done = asked(
        config,
        lambda gateway: gateway.cases.merge_groups(groups, into=into, title=title, reason=reason),
        actor=actor,
    )
    if as_json:
        document({"group": done.group, "moved": done.moved, "note": done.note})
    else:
        data(f"{done.moved} open cases moved to {into}")
        if done.note:
            say(done.note)


def _named(text: str, flag: str, what: str) -> None:
    if not text.strip():
        raise Ending(Code.WRONG_USE, f"say with {flag} {what}")
