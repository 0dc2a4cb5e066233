"""`lockstep notification`: the channels that tell people, a test of one, and events told once more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.moments import moment_of
from gateway.cli.output import data, document, moment, say, table

if TYPE_CHECKING:
    from gateway.cli.port import Gateway
    from gateway.work.notifications import DeliveryView

app = typer.Typer(help="The channels that tell people what needs them.", no_args_is_help=True)

LOOK_S = 0.2
_LEFT = ("waiting", "held")

Channel = Annotated[str, typer.Argument(help="The channel, as the configuration names it.")]


@app.command("list")
def list_(
    channel: Annotated[str | None, typer.Argument(help="Only this one, with its last events.")] = None,
    state: Annotated[
        str,
        typer.Option(
            "--state", envvar="LOCKSTEP_NOTIFICATION_STATE", help="Events in this state: failed, waiting, ..."
        ),
    ] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show the channels and how they do; of one channel, its last 50 events."""
    if channel is not None:
        name = channel
        found = asked(config, lambda gateway: gateway.notifications.list_deliveries(channel=name, state=state))
        _show([_facts(each) for each in found], ("at", "event", "type", "state", "attempts", "answer", "next"), as_json)
        return
    views = [_facts(each) for each in asked(config, lambda gateway: gateway.notifications.list_channels())]
    columns = ("channel", "kind", "state", "since", "waiting", "failed", "delivered", "fallback", "reason")
    _show(views, columns, as_json)
    if not views:
        say("nobody is told of anything: the configuration has no rules under notifications")


@app.command("test")
def try_(
    channel: Channel,
    config: Config = DEFAULT_CONFIG,
    wait: Annotated[
        float,
        typer.Option(
            "--wait", envvar="LOCKSTEP_NOTIFICATION_WAIT", min=0.0, help="Seconds to wait for the answer; 0: none."
        ),
    ] = 30.0,
    as_json: Json = False,
) -> None:
    """Have the running gateway send a test event; one that its receiver had disabled is tried again.

    Exit code 3 if the receiver did not take it, 4 if nothing was heard in time.
    """
    view = asked(config, lambda gateway: _tested(gateway, channel, wait))
    if as_json:
        document(_facts(view))
    else:
        data(f"{view.event} over {channel}: {view.state} ({view.answer or 'no answer yet'})")
    if view.state in _LEFT and not view.attempts and wait:
        raise Ending(Code.STILL_UNKNOWN, "not sent yet; is the gateway running? lockstep now")
    if view.state != "delivered" and wait:
        raise Ending(Code.SOME_FAILED, f"{channel} did not take it: {view.answer}")


@app.command()
def replay(
    channel: Channel,
    event: Annotated[
        list[str] | None,
        typer.Option("--event", envvar="LOCKSTEP_NOTIFICATION_EVENT", help="This one; may be repeated."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", envvar="LOCKSTEP_NOTIFICATION_SINCE", help="From: 2h, 3d, or 2026-11-02T08:00Z."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", envvar="LOCKSTEP_NOTIFICATION_UNTIL", help="Before this; as --since.")
    ] = None,
    delivered: Annotated[
        bool,
        typer.Option(
            "--delivered", envvar="LOCKSTEP_NOTIFICATION_DELIVERED", help="Of a range also what was delivered."
        ),
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", envvar="LOCKSTEP_PLAN", help="Only say which.")] = False,
    config: Config = DEFAULT_CONFIG,
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Tell events once more, under their old ids: a receiver that has one already knows it again.

    By --event, or by a range of time; of a range only what was not delivered, unless --delivered says otherwise.
    """
    now = time.time()
    wanted: dict[str, Any] = {
        "events": event or (),
        "since": moment_of(since, "--since", now),
        "until": moment_of(until, "--until", now),
        "delivered": delivered,
    }
    found = asked(config, lambda gateway: gateway.notifications.replay_deliveries(channel, **wanted, plan=True))
    if not plan and found.events:
        make_sure(f"Tell {len(found.events)} events over {channel} once more?", yes=yes, no_input=no_input)
        found = asked(config, lambda gateway: gateway.notifications.replay_deliveries(channel, **wanted))
    if as_json:
        document({"channel": channel, "events": found.events, "planned": plan})
        return
    data(f"{len(found.events)} events over {channel} {'would be told' if plan else 'are told'} once more")


async def _tested(gateway: Gateway, channel: str, wait_s: float) -> DeliveryView:
    import asyncio

    id = await gateway.notifications.try_channel(channel)
    until = time.monotonic() + wait_s
    while True:
        found = await gateway.notifications.list_deliveries(channel=channel, event_id=id)
        if found[0].attempts or found[0].state not in _LEFT or time.monotonic() >= until:
            return found[0]
        await asyncio.sleep(LOOK_S)


def _facts(view: Any) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(view)
    return found


def _show(found: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        document(found)
        return
    times = {"at": "at", "next_at": "next", "since": "since", "delivered_at": "delivered"}
    rows = [{**each, **{to: moment(each[name]) for name, to in times.items() if name in each}} for each in found]
    table(rows, columns)
