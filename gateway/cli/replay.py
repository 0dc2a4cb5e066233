"""`lockstep replay`: look at plans, run exactly what was looked at, and watch it. Planning is in `replay_planning`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.deciding import Actor, Reason, waiting_time
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document, moment, say, table
from gateway.cli.replay_asking import all_items, all_run_items, asked, there
from gateway.cli.replay_following import followed
from gateway.cli.replay_planning import plan
from gateway.cli.replay_showing import item_line, show_diff, show_log, show_plan, show_run

if TYPE_CHECKING:
    from gateway.cli.port import Gateway
    from replay.values import Limits

app = typer.Typer(
    help="Replays: send again what could not be sent, after seeing exactly what will happen.", no_args_is_help=True
)
app.command("plan")(plan)
Facts = dict[str, Any]
PlanId = Annotated[str, typer.Argument(help="The plan: rp_...")]
RunId = Annotated[str, typer.Argument(help="The run: rr_...")]


@app.command("show")
def show(
    id: Annotated[str, typer.Argument(help="A plan (rp_...) or a run (rr_...).")],
    action: Annotated[
        str, typer.Option(envvar="LOCKSTEP_REPLAY_ACTION", help="The items of this action one by one: prove, create.")
    ] = "",
    outcome: Annotated[
        str, typer.Option(envvar="LOCKSTEP_REPLAY_OUTCOME", help="Of a run: the items with this outcome: failed.")
    ] = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Look at a plan or a run."""
    if id.startswith("rr_"):
        _show_run(config, actor, id, outcome, as_json=as_json)
        return
    if action:
        listed = asked(config, actor, lambda gateway: all_items(gateway, id, action))
        if as_json:
            document(listed)
        for item in [] if as_json else listed:
            data(item_line(item))
        return
    found, name = asked(config, actor, lambda gateway: _plan_and_name(gateway, id))
    if as_json:
        document(found)
    else:
        show_plan(found, name)


def _show_run(config: Path, actor: str, id: str, outcome: str, *, as_json: bool) -> None:
    run = there(asked(config, actor, lambda gateway: gateway.replays.run_show(id)), f"run {id}")
    items = asked(config, actor, lambda gateway: all_run_items(gateway, id, outcome)) if outcome else []
    if as_json:
        document({**run, "items": items} if outcome else run)
        return
    show_run(run)
    show_log(run)
    if items:
        table(items, ("subject", "object_key", "action", "outcome", "reason", "case"))


async def _plan_and_name(gateway: Gateway, id: str) -> tuple[Facts, str]:
    found = there(await gateway.replays.show(id), f"plan {id}")
    return found, str((await gateway.me())["gateway"])


@app.command("diff")
def diff(plan_id: PlanId, config: Config = DEFAULT_CONFIG, actor: Actor = "", as_json: Json = False) -> None:
    """Say what differs from the plan that this one was made anew of."""
    found = there(asked(config, actor, lambda gateway: gateway.replays.diff(plan_id)), f"plan {plan_id}")
    if as_json:
        document(found)
    else:
        show_diff(found)


@app.command("approve")
def approve(
    plan_id: PlanId, config: Config = DEFAULT_CONFIG, reason: Reason = "", actor: Actor = "", as_json: Json = False
) -> None:
    """Say yes to somebody else's plan, as it stands now."""

    async def approved(gateway: Gateway) -> Facts:
        found = there(await gateway.replays.show(plan_id), f"plan {plan_id}")
        return await gateway.replays.approve(plan_id, found["digest"], reason=reason)

    found = asked(config, actor, approved)
    if as_json:
        document(found)
    else:
        data(f"{plan_id} is approved by {found['approval']['by']}; run it: lockstep replay run {plan_id}")


@app.command("run")
def run(
    plan_id: Annotated[str, typer.Argument(help="The plan to run, or a run to follow.")],
    wait: Annotated[
        str,
        typer.Option(
            envvar="LOCKSTEP_WAIT", metavar="TIME", help="Follow it so long (0s: not at all); without, to its end."
        ),
    ] = "",
    rate: Annotated[
        float | None, typer.Option(envvar="LOCKSTEP_REPLAY_RATE", min=0.1, help="Fewer items a minute than planned.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    reason: Reason = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Run exactly this plan and follow it. Leaving with ^C does not stop it.

    Exit codes: 3 some failed, 4 outcomes unknown or not over yet, 5 the plan is stale, 9 stopped by its guard.
    """
    from gateway.work.replay_views import limits_of

    wait_s = waiting_time(wait) if wait else None

    async def started(gateway: Gateway) -> Facts:
        if plan_id.startswith("rr_"):
            return there(await gateway.replays.run_show(plan_id), f"run {plan_id}")
        found = there(await gateway.replays.show(plan_id), f"plan {plan_id}")
        limits = _planned_limits(found)
        wanted = limits_of({"rate": rate}, limits) if rate is not None else None
        return await gateway.replays.run(plan_id, found["digest"], limits=wanted, reason=reason)

    found = asked(config, actor, started)
    if wait_s != 0.0 and not found["ended_at"]:
        found = _followed(config, actor, found, wait_s)
    if as_json:
        document(found)
    else:
        show_run(found)
    _end(found)


def _followed(config: Path, actor: str, run_: Facts, wait_s: float | None) -> Facts:
    """The run once it is over. Interrupted, it says how to come back: the run goes on."""
    id = run_["run"]
    try:
        say(f"{id}: {run_['count']} items; ^C leaves, the run goes on; pause and stop: lockstep replay pause {id}")
        return asked(config, actor, lambda gateway: followed(gateway, id, wait_s=wait_s))
    except KeyboardInterrupt:
        say(f"\n{id} goes on; see it: lockstep replay show {id}; end it: lockstep replay stop {id}")
        raise


def _planned_limits(plan_: Facts) -> Limits:
    import msgspec

    from replay.values import Limits

    return msgspec.convert(plan_["limits"], Limits)


def _end(found: Facts) -> None:
    """The exit code that is true of the run."""
    counts = found["counts"]
    if not found["ended_at"] or counts.get("unknown"):
        raise Ending(Code.STILL_UNKNOWN)
    if found["stopped_by"] == "guard":
        raise Ending(Code.STOPPED_BY_GUARD)
    if any(counts.get(word) for word in ("failed", "conflict", "duplicate", "held", "skipped")):
        raise Ending(Code.SOME_FAILED)


def _turned(verb: str, run_id: str, config: Path, reason: str, actor: str, *, as_json: bool) -> None:

    async def turned(gateway: Gateway) -> Facts:
        turns = {"pause": gateway.replays.pause, "resume": gateway.replays.resume, "stop": gateway.replays.stop}
        return await turns[verb](run_id, reason=reason)

    found = asked(config, actor, turned)
    if as_json:
        document(found)
    else:
        show_run(found)


@app.command("pause")
def pause(
    run_id: RunId, config: Config = DEFAULT_CONFIG, reason: Reason = "", actor: Actor = "", as_json: Json = False
) -> None:
    """Hand nothing more over until `resume`."""
    _turned("pause", run_id, config, reason, actor, as_json=as_json)


@app.command("resume")
def resume(
    run_id: RunId, config: Config = DEFAULT_CONFIG, reason: Reason = "", actor: Actor = "", as_json: Json = False
) -> None:
    """Go on, after a pause or after a step that waits for you."""
    _turned("resume", run_id, config, reason, actor, as_json=as_json)


@app.command("stop")
def stop(
    run_id: RunId, config: Config = DEFAULT_CONFIG, reason: Reason = "", actor: Actor = "", as_json: Json = False
) -> None:
    """Hand nothing more over for good; what the lanes have goes on."""
    _turned("stop", run_id, config, reason, actor, as_json=as_json)


@app.command("list")
def list_(
    plans: Annotated[bool, typer.Option("--plans", envvar="LOCKSTEP_REPLAY_PLANS", help="Plans, not runs.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, envvar="LOCKSTEP_REPLAY_LIMIT", help="At most so many.")] = 20,
    after: Annotated[str, typer.Option(envvar="LOCKSTEP_REPLAY_AFTER", help="Go on where a page ended.")] = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """List runs, or plans, newest first."""

    async def listed(gateway: Gateway) -> Facts:
        verb = gateway.replays.plans if plans else gateway.replays.runs
        return await verb(after=after, limit=limit)

    found = asked(config, actor, listed)
    if as_json:
        document(found)
        return
    if plans:
        table([{**each, "at": moment(each["at"])} for each in found["plans"]], ("plan", "state", "at", "by", "sends"))
    else:
        rows = [{**each, "at": moment(each["at"]), "counts": _told(each)} for each in found["runs"]]
        table(rows, ("run", "plan", "word", "at", "by", "counts"))
    if found["next"]:
        say(f"more: --after {found['next']}")


def _told(run_: Facts) -> str:
    return " + ".join(f"{count} {word}" for word, count in run_["counts"].items())
