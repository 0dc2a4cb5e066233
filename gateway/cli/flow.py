"""`lockstep flow`: which stage each flow is in, what it would write, and moving it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.flow_telling import MOST, tell_preview
from gateway.cli.gateways import asked
from gateway.cli.output import data, document, moment, say, table

if TYPE_CHECKING:
    from gateway.cli.port import Gateway
    from gateway.work.flow_preview import FlowPreview
    from gateway.work.flows import FlowView

T = TypeVar("T")
COLUMNS = ("flow", "type", "stage", "since", "records", "withheld", "systems")
app = typer.Typer(
    help="Flows: draft, shadow, live or disabled; what each would write, and moving it.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="FLOW", help="As the configuration names it (incidents).")]
Reason = Annotated[str, typer.Option(envvar="LOCKSTEP_REASON", help="Why; it stands with the move.")]
Connection = Annotated[
    str, typer.Option("--connection", envvar="LOCKSTEP_CONNECTION", help="Only what would be written to it.")
]
Samples = Annotated[
    int,
    typer.Option(
        "--samples", envvar="LOCKSTEP_SAMPLES", min=0, max=MOST, help="Shown of each action at each connection."
    ),
]


@app.command("list")
def list_(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show every flow: its stage and since when, its records, and how many writes the stage withholds."""
    import msgspec

    found = asked(config, lambda gateway: gateway.flows.list_flows())
    if as_json:
        document([msgspec.to_builtins(each) for each in found])
    else:
        table([_row(each) for each in found], COLUMNS)


@app.command()
def show(flow: Name, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show one flow: its stage, who moved it there and why, its systems and what waits for each."""
    import msgspec

    found = asked(config, lambda gateway: _known(gateway, flow, gateway.flows.get_flow(flow)))
    if as_json:
        document(msgspec.to_builtins(found))
        return
    data(f"{found.name}  {found.type}  {_stage(found)}")
    data(f"records: {found.records}")
    for each in found.members:
        waiting = f", {each.withheld} to write, withheld" if each.withheld else ""
        makes = ", makes new ones" if each.creates else ""
        data(f"{each.connection}: {each.object} by {each.mapping}{makes}{waiting}")
    data(f"can be moved to: {', '.join(found.next)}")


@app.command()
def history(flow: Name, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show who moved a flow where, when and why; the newest first."""
    import msgspec

    found = asked(config, lambda gateway: _known(gateway, flow, gateway.flows.flow_moves(flow)))
    if as_json:
        document([msgspec.to_builtins(each) for each in found])
        return
    rows = [
        {"revision": each.revision, "stage": each.stage, "at": moment(each.at), "by": each.actor, "why": each.reason}
        for each in found
    ]
    table(rows, ("revision", "stage", "at", "by", "why"))


@app.command()
def preview(
    flow: Name,
    connection: Connection = "",
    samples: Samples = 5,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show what a flow would write if it went live now: counts, and samples field by field. Asks no system.

    In shadow this is all that was mapped and planned since; a live flow withholds nothing.
    """
    import msgspec

    found = asked(config, lambda gateway: _previewed(gateway, flow, connection, samples))
    if as_json:
        document(msgspec.to_builtins(found))
    else:
        tell_preview(found)


@app.command()
def shadow(flow: Name, reason: Reason = "", config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Have a flow map and plan, and write nothing: no write begins from now on, at any worker.

    What was under way is brought to its end. What is collected is written once the flow goes live, as it is then.
    """
    _moved(config, flow, "shadow", reason, as_json)


@app.command()
def live(
    flow: Name,
    reason: Reason = "",
    plan: Annotated[
        bool, typer.Option("--plan", envvar="LOCKSTEP_PLAN", help="Only say what would be sent; change nothing.")
    ] = False,
    yes: Yes = False,
    no_input: NoInput = False,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Let a flow write. Says first what will be sent for what was collected meanwhile: each object once, as it is now.

    Exit code 5 if somebody moved the flow between the plan and your word.
    """
    import msgspec

    found = asked(config, lambda gateway: _previewed(gateway, flow, "", 2))
    if as_json and plan:
        document(msgspec.to_builtins(found))
    if not as_json:
        tell_preview(found)
    if plan:
        return
    make_sure(f"Let {flow} write {_writes(found)} now?", yes=yes, no_input=no_input)
    _moved(config, flow, "live", reason, as_json, expected=found.revision)


@app.command()
def disable(flow: Name, reason: Reason = "", config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Let a flow rest: nothing is read or written for it. What its systems tell is kept, and nothing is lost.

    `flow live` lets it go on with each change in turn, `flow shadow` shows what that would be.
    """
    _moved(config, flow, "disabled", reason, as_json)


def _moved(config: Config, flow: str, stage: str, reason: str, as_json: bool, expected: int | None = None) -> None:
    import msgspec

    async def move(gateway: Gateway) -> FlowView:
        seen = await _known(gateway, flow, gateway.flows.get_flow(flow))
        revision = seen.revision if expected is None else expected
        return await _known(gateway, flow, gateway.flows.move_flow(flow, stage, expected=revision, reason=reason))

    found = asked(config, move)
    if as_json:
        document(msgspec.to_builtins(found))
    else:
        data(f"{found.name} is {_stage(found)}")
        if found.stage == "shadow":
            say(f"what it would write: lockstep flow preview {flow}; letting it: lockstep flow live {flow}")


async def _previewed(gateway: Gateway, flow: str, connection: str, samples: int) -> FlowPreview:
    asked_for = gateway.flow_previews.preview_flow(flow, connection=connection, samples=samples)
    return await _known(gateway, flow, asked_for)


async def _known(gateway: Gateway, flow: str, wanted: Awaitable[T | None]) -> T:
    found = await wanted
    if found is None:
        known = ", ".join(each.name for each in await gateway.flows.list_flows())
        raise Ending(Code.NOT_FOUND, f"there is no flow {flow} that you may see; there are {known}")
    return found


def _writes(found: FlowPreview) -> str:
    return "what waits" if found.waiting else "from now on (nothing waits)"


def _stage(found: FlowView) -> str:
    since = f" since {moment(found.since)} by {found.actor}" if found.since else ""
    return f"{found.stage}{since}{f': {found.reason}' if found.reason else ''}"


def _row(found: FlowView) -> dict[str, Any]:
    return {
        "flow": found.name,
        "type": found.type,
        "stage": found.stage,
        "since": moment(found.since or None),
        "records": found.records,
        "withheld": sum(each.withheld for each in found.members) or None,
        "systems": ", ".join(each.connection for each in found.members),
    }
