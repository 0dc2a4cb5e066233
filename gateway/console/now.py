"""Now: the answer to the 3 a.m. question, in the order in which it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from dead_letter.values import CaseGroup
from dead_letter.wording import next_step
from gateway.access.rights import Right
from gateway.console import drawings
from gateway.console.drawings import Ages, Drawn, Errors, Waits
from gateway.console.frame import Asked
from gateway.console.panels import Panel, Panels
from gateway.console.rendering import age, many, moment, number, path
from gateway.console.words import connection_look
from gateway.delivery.pauses import Pause
from gateway.work import cases, pages_cases, pages_charts, pages_now, pausing, replays
from gateway.work.case_views import Approval
from gateway.work.needs import trend
from gateway.work.now import pressing
from gateway.work.pages_audit import Entry, lately
from gateway.work.pages_now import MINUTES, Flow, Side

T = TypeVar("T")
SHOWN = 5
NO_FLOW = Flow(began=0.0, came=(0,) * MINUTES, went=(0,) * MINUTES)


@dataclass(frozen=True, slots=True)
class Need:
    """A group of cases as a card."""

    key: str
    title: str
    tone: str
    count: int
    where: str
    oldest: float
    trend: str
    owned: str
    sla: str
    next: str
    href: str
    go: str
    go_href: str
    take: bool


@dataclass(frozen=True, slots=True)
class Line:
    """Something that is wrong besides cases."""

    tone: str
    shape: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A connection in the strip."""

    name: str
    label: str
    state: str
    since: float
    reason: str
    in_s: float
    out_s: float
    waiting: int
    speed: str
    held: str
    """Records that do not go on by themselves now, in words."""
    tries: int
    failed: int
    paused: list[str]


@dataclass(frozen=True, slots=True)
class Running:
    """A run in progress."""

    id: str
    state: str
    share: float
    said: str


@dataclass(frozen=True, slots=True)
class Cases:
    """What needs somebody."""

    groups: list[CaseGroup]
    recent: Mapping[str, int]
    """Group -> cases that it got within the hour."""


@dataclass(slots=True)
class Page:
    """All of it: each panel with what was read, or why it was not."""

    sentence: str
    scale: str
    tone: str
    shape: str
    checked: str
    handover: str
    more: int
    alarms: list[Line]
    needs: Panel[list[Need]]
    connections: Panel[list[Row]]
    waits: Waits
    flow: Panel[Drawn]
    errors: Panel[Errors]
    ages: Panel[Ages]
    runs: Panel[list[Running]]
    approvals: Panel[list[Approval]]
    lately: Panel[list[dict[str, Any]]]
    workers: Panel[Sequence[Mapping[str, Any]]]


async def now(asked: Asked) -> web.StreamResponse:
    """`/now`. A panel that cannot be read says so in its place; with one of those the page is never green."""
    return asked.page("now.html", here="now", page=await _page(asked))


async def _page(asked: Asked) -> Page:
    place, who, panels = asked.desk.place, asked.who, Panels(asked, "now")
    found = await panels.read("cases", "the cases", _cases(asked), Cases([], {}))
    sides = await panels.read("connections", "the connections", pages_now.sides(place, who), [])
    pauses = await panels.read("pauses", "what people paused", pausing.list_pauses(place), [])
    workers = await panels.read("workers", "what the workers take in", pages_now.refusing(place, who), ())
    flow = await panels.read("flow", "changes and writes", pages_now.flow(place, who), NO_FLOW)
    failed = pages_charts.failed_by_minute(place, who, began=flow.value.began)
    errors = await panels.read("errors", "failures", failed, NO_FLOW.went)
    ages = await panels.read("ages", "the ages of cases", _by_age(asked), [0] * len(drawings.AGES))
    runs = await panels.read("runs", "the runs", _runs(asked), [])
    approvals = await panels.read("approvals", "what waits for a second person", cases.list_approvals(place, who), ())
    changes = await panels.read("lately", "what people changed", lately(place, who), [])
    panels.all_lost()
    groups = found.value.groups
    alarms = [*_unread(panels), *_alarms(sides.value, asked), *_pressed(asked, workers.value)]
    page = Page(
        **_told(asked, groups, alarms, panels),
        more=max(0, len(groups) - SHOWN),
        alarms=alarms,
        needs=_as(found, [_need(asked, each, found.value.recent.get(each.key, 0)) for each in groups[:SHOWN]]),
        connections=_as(sides, [_row(side, pauses.value) for side in sides.value]),
        waits=drawings.waits(sides.value),
        flow=_as(flow, drawings.drawn(flow.value)),
        errors=_as(errors if errors.unread else flow, drawings.errors(flow.value, errors.value)),
        ages=_as(ages, drawings.ages(ages.value)),
        runs=runs,
        approvals=_as(approvals, [ask for ask in approvals.value if ask.may_decide]),
        lately=_as(changes, [changed(each) for each in changes.value]),
        workers=workers,
    )
    page.handover = _handover(asked, page)
    return page


def _as(panel: Panel[Any], value: T) -> Panel[T]:
    """The panel with what is shown of it."""
    return Panel(value, panel.what, panel.unread)


async def _cases(asked: Asked) -> Cases:
    """Groups that need somebody, the most urgent first: what is parked needs nobody until what it waits for."""
    groups = await pressing(asked.desk.place, asked.who)
    return Cases(list(groups), {group.key: group.last_hour for group in groups})


def _unread(panels: Panels) -> list[Line]:
    """Above all panels, for whoever looks at the top only."""
    if not panels.unread:
        return []
    what = ", ".join(panel.what for panel in panels.unread)
    return [Line("bad", "triangle", f"I cannot read {what}", "What is shown of it is from before, or missing.")]


def _told(asked: Asked, groups: Sequence[CaseGroup], alarms: Sequence[Line], panels: Panels) -> dict[str, Any]:
    """The sentence, how bad it is, and what was checked. Good is said of what was read only, and only of all of it."""
    checked = f"Cases, connections, queues and intake were read at {moment(asked.now)}."
    base = {"checked": checked, "handover": "", "shape": "triangle"}
    if groups:
        return {**base, **_bad(asked, groups, alarms)}
    if panels.unread:
        scale = "Whether somebody is needed is not known; the rest of this page still holds."
        return {**base, "sentence": "I cannot read everything", "scale": scale, "tone": "bad"}
    if alarms:
        scale = "Changes wait in order and go on by themselves."
        return {**base, "sentence": "No case needs you, but not all is well", "scale": scale, "tone": "warn"}
    scale = f"Last check {moment(asked.now)}."
    return {**base, "sentence": "Nothing needs you", "scale": scale, "tone": "good", "shape": "tick"}


def _bad(asked: Asked, groups: Sequence[CaseGroup], alarms: Sequence[Line]) -> dict[str, Any]:
    count, free = sum(group.count for group in groups), sum(group.unowned for group in groups)
    things = "1 thing needs you" if len(groups) == 1 else f"{number(len(groups))} things need you"
    oldest = age(asked.now - min(group.oldest for group in groups))
    nobody = "nobody has any of them" if free == count else f"{number(free)} taken by nobody"
    scale = f"{many(count, 'open case')}, oldest {oldest}, {nobody if free else 'all of them taken'}."
    tone = "bad" if free or any(line.tone == "bad" for line in alarms) else "warn"
    return {"sentence": things, "scale": scale, "tone": tone}


def changed(entry: Entry) -> dict[str, Any]:
    """Who did what to what, each by itself, so that it can be opened."""
    what, _, about = entry.text.removeprefix(f"{entry.actor}: ").rpartition(" ")
    href = ""
    for start, page in (("FO-", "c"), ("rp_", "replays"), ("rr_", "runs")):
        if about.startswith(start):
            href = path(page, about)
    return {"actor": entry.actor, "what": what or about, "about": about if what else "", "href": href, "at": entry.at}


def _need(asked: Asked, group: CaseGroup, fresh: int) -> Need:
    one = path("c", group.sample)
    several = f"/cases?group={_quoted(group.key)}"
    late = bool(group.due_at) and group.due_at < asked.now
    free = group.unowned == group.count
    replay = group.count > 1 and Right.WORK in asked.who.rights and _can_be_sent_again(group)
    return Need(
        key=group.key,
        title=group.title,
        tone="bad" if late or free else "busy",
        count=group.count,
        where=" · ".join(part for part in (group.connection or "all systems", group.field) if part),
        oldest=group.oldest,
        trend=_trend(group.count, min(fresh, group.count)),
        owned=_owned(group),
        sla=f"late since {age(asked.now - group.due_at)}" if late else "",
        next=next_step(group.cls, group.cause, connection=group.connection),
        href=several if group.count > 1 else one,
        go=f"Plan replay of {number(group.count)}" if replay else f"Open {group.sample}",
        go_href=f"/replays/new?group={_quoted(group.key)}" if replay else one,
        take=group.unowned > 0,
    )


def _can_be_sent_again(group: CaseGroup) -> bool:
    return str(group.cls) in ("mapping", "refused", "poison")


def _quoted(key: str) -> str:
    from urllib.parse import quote

    return quote(key, safe="")


def _trend(count: int, fresh: int) -> str:
    """Whether it is getting worse, with an arrow for whoever only glances."""
    return f"{'↑' if fresh else '→'} {trend(count, fresh)}"


def _owned(group: CaseGroup) -> str:
    if not group.owners:
        return "taken by nobody"
    names = ", ".join(group.owners[:3]) + (" …" if len(group.owners) > 3 else "")
    return f"taken by {names}" + (f", {number(group.unowned)} by nobody" if group.unowned else "")


def _alarms(sides: Sequence[Side], asked: Asked) -> list[Line]:
    found = []
    for side in sides:
        if side.state in ("", "closed", "half_open"):
            continue
        look = connection_look(side.state)
        then = f"; tried again at {moment(side.until)}" if side.until > asked.now else ""
        text = (
            f"Since {moment(side.since)} ({age(asked.now - side.since)}){then}. {many(side.writes, 'write')} wait in "
        )
        title = f"{side.label} {'is ' if side.state == 'open' else ''}{look.word}: {side.reason}"
        found.append(Line(look.tone, look.shape, title, text + "order; nothing is lost and no try is used up."))
    return found


def _pressed(asked: Asked, pressed: Sequence[Mapping[str, Any]]) -> list[Line]:
    here = asked.desk.pressure()
    lines = [(f"{each['worker']} takes nothing in since {moment(each['since'])}", each["reason"]) for each in pressed]
    if here and not lines:
        lines = [("This worker takes nothing in", here)]
    return [Line("bad", "square", title, f"{why}. Systems are asked to send again later.") for title, why in lines]


def _row(side: Side, pauses: Sequence[Pause]) -> Row:
    speed = f"{number(side.per_s)}/s, done in {age(side.done_s)}" if side.per_s else ""
    return Row(
        name=side.name,
        label=side.label,
        state=side.state,
        since=side.since if side.state not in ("", "closed") else 0.0,
        reason=side.reason,
        in_s=side.in_s if side.in_s >= 1 else 0.0,
        out_s=side.out_s if side.out_s >= 1 else 0.0,
        waiting=side.noticed + max(side.writes, side.working),
        speed=speed,
        held=", ".join(pages_now.told(side)),
        tries=side.tries,
        failed=side.failed,
        paused=[paused(each) for each in pauses if each.connection == side.name],
    )


async def _by_age(asked: Asked) -> list[int]:
    bounds = [most for _, most in drawings.AGES if most is not None]
    return await pages_cases.by_age(asked.desk.place, asked.who, bounds)


async def _runs(asked: Asked) -> list[Running]:
    found = await replays.runs(asked.desk.place, asked.who, open=True, limit=5)
    return [_running(run) for run in found["runs"]]


def _running(run: Mapping[str, Any]) -> Running:
    done = sum(count for outcome, count in run["counts"].items() if outcome not in ("waiting", "held"))
    share = done / run["count"] if run["count"] else 1.0
    return Running(run["run"], run["state"], share, f"{number(done)} of {number(run['count'])} done")


def paused(pause: Pause) -> str:
    """A pause in words."""
    way = "what it sends is" if pause.direction == "in" else "writes to it are"
    return f"{way} paused by {pause.actor} until {moment(pause.until)}: {pause.reason}"


def _handover(asked: Asked, page: Page) -> str:
    """The page in a few lines, for a chat or a ticket; it names no field's value."""
    lines = [f"Lockstep {asked.desk.place.config.name}, {moment(asked.now)}: {page.sentence}. {page.scale}"]
    lines += [
        f"{n}. {need.title} ({need.count}, {need.where}, {need.owned})" for n, need in enumerate(page.needs.value, 1)
    ]
    lines += [f"- {line.title}" for line in page.alarms]
    return "\n".join(lines)
