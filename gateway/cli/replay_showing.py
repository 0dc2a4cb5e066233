"""Plans and runs of replays as people read them in a terminal; a document has everything (`--json`)."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from gateway.cli.output import cell, data, say

Facts = dict[str, Any]

SIGNS = {
    "delete": "- delete",
    "create": "+ create",
    "prove": "? prove first",
    "transition": "> transition",
    "update": "~ update",
}
SKIPPED = ("no_op", "superseded", "gone")
MARK = {"delete": "- close  ", "create": "+ create ", "prove": "? prove  ", "transition": "> move   "}
MARK |= {"conflict": "! choose ", "blocked": "! blocked", "update": "~ write  "}
SHOWN = 40
"""Characters of a value in a line; --json has it whole."""
WIDTH = 10
TIMES = "\u00d7"
OUTCOMES = ("applied", "unchanged", "failed", "unknown", "conflict", "duplicate", "held", "skipped", "waiting")


def clock(at: float | None) -> str:
    """A time of day, UTC."""
    return "-" if not at else datetime.fromtimestamp(at, UTC).strftime("%H:%M:%SZ")


def short(value: Any) -> str:
    """A value, quoted where it is text, and cut."""
    text = f'"{value}"' if isinstance(value, str) else cell(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def show_plan(plan: Facts, name: str) -> None:
    """The whole preview, the dangerous first."""
    data(f"{plan['plan']} · {name} · {_said(plan)}")
    mappings = ", ".join(sorted({each.split(" ")[0] for each in plan["pins"]["mappings"].values()}))
    connectors = ", ".join(sorted(set(plan["pins"]["connectors"].values())))
    until = f"good until {clock(plan['good_until'])}"
    data(f"Pinned  {plan['count']} items · {mappings} · {connectors} · by {plan['by']} {clock(plan['at'])} · {until}")
    data("")
    data("  " + "    ".join(_totals(plan["totals"])))
    _look_first(plan)
    _alike(plan)
    _rest(plan)
    _ends(plan)


def _said(plan: Facts) -> str:
    if plan["runs"]:
        return f"run as {plan['runs'][0]}"
    return "too old to be run" if plan["stale_by_time"] else "nothing has been sent"


def _totals(totals: Facts) -> list[str]:
    told = [f"{sign} {totals.get(action, 0)}" for action, sign in SIGNS.items()]
    told.append(f"= skip {sum(totals.get(action, 0) for action in SKIPPED)}")
    told.append(f"! blocked {totals.get('blocked', 0)}")
    return told + ([f"! choose {totals['conflict']}"] if totals.get("conflict") else [])


def _look_first(plan: Facts) -> None:
    shown = [each for each in plan["first"] if each["count"]]
    if not shown:
        return
    data("")
    data("Look at these first")
    for each in shown:
        first = each["items"][0]
        more = f"   ({each['count'] - 1} more: lockstep replay show {plan['plan']} --action {each['action']})"
        data(f"  {item_line(first)}{more if each['count'] > 1 else ''}")


def item_line(item: Facts) -> str:
    """One item: what, where, from what to what."""
    name = item["object_key"] or item["record"] or item["subject"]
    changes = "  ".join(_change(diff) for diff in item["diffs"][:3])
    more = f"  and {len(item['diffs']) - 3} more" if len(item["diffs"]) > 3 else ""
    told = "   ".join(part for part in (changes + more, item["reason"]) if part)
    return f"{MARK.get(item['action'], '= skip   ')} {name} in {item['connection'] or '-'}   {told}   {item['subject']}"


def _change(diff: Facts) -> str:
    if diff.get("got") is None:
        return f"{diff['field']} {short(diff['wanted'])}"
    return f"{diff['field']} {short(diff['got'])} → {short(diff['wanted'])}"


def _alike(plan: Facts) -> None:
    if not plan["alike"]:
        return
    data("")
    data("Alike")
    for each in plan["alike"]:
        sign = SIGNS[each["action"]].split(" ", 1)[0]
        if each["different"] == 1 and each["values"]:
            told = "  ".join(_change(change) for change in each["values"][0]["changes"])
        else:
            told = f"{each['alike']:<24} {each['different']} different values"
        data(f"  {sign} {each['count']:>4} {TIMES}   {told}")


def _rest(plan: Facts) -> None:
    data("")
    for each in plan["not_in"]:
        data(f"Not in    {each['count']} {TIMES} {each['action'].replace('_', ' ')}: {each['reason']}")
    if plan["later"]:
        data(f"Not in    {plan['later']} cases came in after the selection")
    cost, limits = plan["cost"], plan["limits"]
    live = f"live keeps {(1 - cost['share']) * 100:.0f} %"
    _beside(plan)
    minutes = f"about {cost['minutes']:.0f} min" if cost["minutes"] >= 1 else "less than a minute"
    data(f"Cost      {cost['calls']} calls or more · replay share {cost['rate']:.0f}/min → {minutes} · {live}")
    creates = f"create {plan['totals'].get('create', 0)} of {limits['most_creates']}"
    deletes = f"delete {plan['totals'].get('delete', 0)} of {limits['most_deletes']}"
    stops = f"stop at {limits['in_a_row']} failures in a row or {limits['share_failed'] * 100:g} %"
    data(f"Guards    {creates} · {deletes} · {stops}")
    steps = " → ".join([*map(str, limits["ramp"]), "rest"])
    waits = f", waits for you after step {limits['wait_after']}" if limits["wait_after"] else ""
    data(f"Ramp      {steps}{waits}")


def _beside(plan: Facts) -> None:
    """Who would be told, and what live traffic would feel."""
    for each in plan["told"]["systems"]:
        who = each["who"] or "not known; its connector says nothing of mails"
        data(f"Told      {each['connection']}, of {each['count']} {TIMES} {each['action']}: {who}")
    for each in plan["told"]["ours"]:
        when = "when the run is over" if each["event"] == "run_finished" else "when the cases recover"
        data(f"Told      lockstep, {when}: {', '.join(each['to']) or 'nobody, no rule asks for it'}")
    for each in plan["live"]:
        adds = "no budget is set for it" if each["adds_s"] is None else f"at most {each['adds_s']:.0f} s longer"
        data(f"Live      {each['connection']}: oldest unfinished change {each['lag_s']:.0f} s; a fresh one: {adds}")


def _ends(plan: Facts) -> None:
    approval = plan["approval"]
    if approval["by"]:
        data(f"Approved  by {approval['by']} {clock(approval['at'])}")
    data("")
    if plan["sends"] == 0:
        skipped = sum(plan["totals"].get(action, 0) for action in SKIPPED)
        data(f"Nothing to send: {skipped} need nothing any more")
    elif approval["needed"] and not approval["by"]:
        data(f"Needs a second person: {approval['why']}")
        data(f"Somebody else:  lockstep replay approve {plan['plan']}")
    elif not plan["runs"]:
        data(f"Run exactly this:  lockstep replay run {plan['plan']}")


def show_moved(plan: str, sends: int, moved: list[Facts]) -> None:
    """Why a plan is stale."""
    say(f"Checking pins … {len(moved)} of {sends} moved")
    say("Plan is stale, nothing was sent")
    for each in moved[:20]:
        by = f"   changed {clock(each['at'])} by {each['by']}" if each["by"] else ""
        say(f"  {each['item']}  {each['what']}   pinned {short(each['was'])}, now {short(each['now'])}{by}")
    if len(moved) > 20:
        say(f"  and {len(moved) - 20} more")
    say(f"Next  lockstep replay plan --again {plan}      shows only what differs")


def show_diff(found: Facts) -> None:
    """What differs from the plan before."""
    if not found["again"]:
        data(f"{found['plan']} replaces no other plan")
        return
    data(f"{found['plan']} against {found['again']}: {found['same']} the same")
    for kind, sign in (("added", "+"), ("dropped", "-"), ("changed", "~")):
        for each in found[kind]:
            data(f"  {sign} {each['object_key'] or each['subject']}   {_side(each['was'])} → {_side(each['now'])}")


def _side(side: Facts | None) -> str:
    if side is None:
        return "not in it"
    changes = ", ".join(f"{diff['field']} {short(diff['wanted'])}" for diff in side["diffs"])
    return " ".join(part for part in (side["action"].replace("_", " "), changes or side["reason"]) if part)


def step_line(run: Facts, place: int) -> str:
    """A step of the ramp with its bar: `step 2/4  ██████████  5/5  applied 5`."""
    step = run["steps"][place]
    full = sys.stdout.encoding is not None and sys.stdout.encoding.lower().startswith("utf")
    done, empty = ("█", " ") if full else ("#", "-")
    filled = WIDTH * step["done"] // step["size"] if step["size"] else WIDTH
    bar = done * filled + empty * (WIDTH - filled)
    counts = "  ".join(f"{word} {step['counts'][word]}" for word in OUTCOMES[:-1] if step["counts"].get(word))
    head = f"step {place + 1}/{len(run['steps'])}"
    return f"{head}  {bar}  {step['done']:>{len(str(step['size']))}}/{step['size']}     {counts}".rstrip()


def speed_line(run: Facts) -> str:
    """How fast it goes, and how live traffic fares."""
    left = f"{run['left_s'] / 60:.0f} min left" if run["left_s"] >= 60 else "less than a minute left"
    lag = max(run["lag_s"].values(), default=0.0)
    before = max(run["lag_before_s"].values(), default=0.0)
    return f"{run['rate']:.0f}/min · {left} · live lag {lag:.0f} s (before {before:.0f} s)"


def show_run(run: Facts) -> None:
    """A run's sums, which add up, and what went wrong by reason."""
    data(f"{run['run']} {run['word']}" + (f": {run['reason']}" if run["reason"] else ""))
    data(f"  {run['count']} = {_sum(run) or 'nothing yet'}")
    for each in run["troubles"]:
        case = f"   {', '.join(each['cases'])}" if each["cases"] else ""
        data(f"  {each['outcome']:<9} {each['count']} {TIMES} {each['reason']}{case}")
    if run["ended_at"] and run["troubles"]:
        data(f"  take these into a new plan: lockstep replay plan --left {run['run']}")


def show_log(run: Facts) -> None:
    """What became of a run, the oldest first."""
    for line in reversed(run["log"]):
        by = f" · {line['by']}" if line["by"] else ""
        data(f"  {clock(line['at'])}  {line['text']}{by}")


def _sum(run: Facts) -> str:
    by = run["applied_by"]
    told = []
    for word in OUTCOMES:
        count = run["counts"].get(word)
        if not count:
            continue
        proof = f" ({by['read_back']} read back, {by['answer']} by answer only)" if word == "applied" else ""
        told.append(f"{count} {word}{proof}")
    return " + ".join(told)
