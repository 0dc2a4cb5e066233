"""`lockstep mapping publish` and `approve`: what is lacking is told before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.deciding import Actor
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.mapping_asking import asked
from gateway.cli.output import document, told

if TYPE_CHECKING:
    from gateway.access.rights import Principal
    from gateway.work.workplace import Workplace

Facts = dict[str, Any]
Ref = Annotated[str, typer.Argument(metavar="NAME@VERSION", help="A stored version; its backtest stores a new one.")]
Reason = Annotated[str, typer.Option("--reason", envvar="LOCKSTEP_REASON", help="Why; it stands in the audit trail.")]


def publish(
    ref: Ref,
    reason: Reason = "",
    yes: Yes = False,
    no_input: NoInput = False,
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Make a version the one that gateways work by from their next start on (mappings: {managed_by: database}).

    It needs green tests, a backtest of exactly this text, and another person's approval where the flow asks for it.
    Where files manage mappings, this says what to do with the file. Exit code 6 if something is lacking.
    """
    from gateway.work import mapping_publishing

    async def look(place: Workplace, who: Principal) -> Facts:
        return await mapping_publishing.standing(place, who, ref)

    found = asked(config, actor, look)
    if found["lacking"]:
        raise Ending(Code.NOT_ALLOWED, "\n".join([f"{found['ref']} cannot be published yet", *found["lacking"]]))
    make_sure(f"Publish {found['ref']}, instead of {found['current'][:12]}?", yes=yes, no_input=no_input)

    async def put(place: Workplace, who: Principal) -> Facts:
        return await mapping_publishing.publish(place, who, ref, expected=found["revision"], reason=reason)

    done = asked(config, actor, put)
    if as_json:
        document(done)
    else:
        told(f"{done['ref']} is published; {done['next']}")


def approve(
    ref: Ref,
    reason: Reason = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Say yes to exactly this text, as the second person. Whoever backtested or publishes it cannot."""
    from gateway.work import mapping_publishing

    async def put(place: Workplace, who: Principal) -> Facts:
        standing = await mapping_publishing.standing(place, who, ref)
        return await mapping_publishing.approve(place, who, ref, digest=standing["digest"], reason=reason)

    found = asked(config, actor, put)
    if as_json:
        document(found)
    else:
        told(f"{found['ref']} is approved by {found['approval']['by']}")
