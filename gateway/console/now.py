"""Now: the answer to the 3 a.m. question, in the order in which it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from dead_letter.values import CaseFilter, CaseGroup
from dead_letter.wording import next_step
from gateway.access.rights import Right
from gateway.console.frame import Asked
from gateway.console.rendering import age, machine, many, moment, number, path
from gateway.console.words import connection_look
from gateway.work import cases, pages_cases, pages_now, replays
from gateway.work.case_views import Approval
from gateway.work.needs import trend
from gateway.work.pages_audit import Entry, lately
from gateway.work.pages_now import Flow, Side

SHOWN = 5
AGES = (("< 15 min", 900), ("15-60 min", 3600), ("1-8 h", 28_800), ("8-24 h", 86_400), ("> 1 d", None))


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


@dataclass(frozen=True, slots=True)
class Drawn:
    """The chart of what came and went."""

    came: tuple[int, ...]
    went: tuple[int, ...]
    rows: list[tuple[str, int, int]]
    said: str
    span: str
    began: str


@dataclass(frozen=True, slots=True)
class Ages:
    """Open cases by age."""

    names: tuple[str, ...]
    counts: tuple[int, ...]
    said: str

    @property
    def total(self) -> int:
        """Open cases."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Running:
    """A run in progress."""

    id: str
    state: str
    share: float
    said: str


@dataclass(slots=True)
class Page:
    """All of it."""

    sentence: str
    scale: str
    tone: str
    shape: str
    checked: str
    handover: str
    needs: list[Need]
    more: int
    alarms: list[Line]
    connections: list[Row]
    flow: Drawn
    ages: Ages
    runs: list[Running] = field(default_factory=list)
    approvals: Sequence[Approval] = ()
    lately: Sequence[Mapping[str, Any]] = ()


async def now(asked: Asked) -> web.StreamResponse:
    """`/now`."""
    return asked.page("now.html", here="now", page=await _page(asked))


async def _page(asked: Asked) -> Page:
    place, who = asked.desk.place, asked.who
    parked = await pages_cases.parked_of_groups(place, who)
    groups = [_unparked(group, parked) for group in await cases.group_cases(place, who, CaseFilter(limit=200))]
    groups = sorted((group for group in groups if group.count), key=lambda group: (-group.priority, -group.count))
    new = await cases.group_cases(place, who, CaseFilter(opened_since=asked.now - 3600, limit=200))
    sides = await pages_now.sides(place, who)
    pressed = await pages_now.refusing(place, who)
    approvals = await cases.list_approvals(place, who)
    recent = {group.key: group.count for group in new}
    needs = [_need(asked, group, recent.get(group.key, 0)) for group in groups[:SHOWN]]
    alarms = [*_alarms(sides, asked), *_pressed(asked, pressed)]
    page = Page(
        **_told(asked, groups, alarms),
        needs=needs,
        more=max(0, len(groups) - SHOWN),
        alarms=alarms,
        connections=[_row(side) for side in sides],
        flow=drawn(await pages_now.flow(place, who)),
        ages=await _ages(asked),
        runs=await _runs(asked),
        approvals=[ask for ask in approvals if ask.may_decide],
        lately=[changed(each) for each in await lately(place, who)],
    )
    page.handover = _handover(asked, page)
    return page


def _told(asked: Asked, groups: Sequence[CaseGroup], alarms: Sequence[Line]) -> dict[str, Any]:
    """The sentence, how bad it is, and what was checked."""
    checked = f"Cases, connections, queues and intake were read at {moment(asked.now)}."
    base = {"checked": checked, "handover": "", "shape": "triangle"}
    if groups:
        return {**base, **_bad(asked, groups, alarms)}
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


def _unparked(group: CaseGroup, parked: Mapping[str, int]) -> CaseGroup:
    """The group without its parked cases: those need nobody until what they wait for."""
    waits = parked.get(group.key, 0)
    left = group.count - waits
    return msgspec.structs.replace(group, count=left, unowned=min(group.unowned, left)) if waits else group


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


def _row(side: Side) -> Row:
    speed = f"{number(side.per_s)}/s, done in {age(side.done_s)}" if side.per_s else ""
    return Row(
        name=side.name,
        label=side.label,
        state=side.state,
        since=side.since if side.state not in ("", "closed") else 0.0,
        reason=side.reason,
        in_s=side.in_s,
        out_s=side.out_s,
        waiting=side.noticed + max(side.writes, side.working),
        speed=speed,
        held=", ".join(pages_now.told(side)),
        tries=side.tries,
        failed=side.failed,
    )


def drawn(flow: Flow) -> Drawn:
    """The chart of a flow, and its table of ten minutes a row."""
    step = 10
    rows = []
    for at in range(0, len(flow.came), step):
        when = f"{machine(flow.began + at * 60)[11:16]}Z"
        rows.append((when, sum(flow.came[at : at + step]), sum(flow.went[at : at + step])))
    came, went = sum(flow.came), sum(flow.went)
    said = f"In the last hour {many(came, 'change')} came in and {many(went, 'write')} went out."
    return Drawn(flow.came, flow.went, rows, said, said, f"{machine(flow.began)[11:16]}Z")


async def _ages(asked: Asked) -> Ages:
    bounds = [most for _, most in AGES if most is not None]
    counts = await pages_cases.by_age(asked.desk.place, asked.who, bounds)
    names = tuple(name for name, _ in AGES)
    said = ", ".join(f"{name}: {number(count)}" for name, count in zip(names, counts, strict=True))
    return Ages(names, tuple(counts), f"Open cases by age. {said}.")


async def _runs(asked: Asked) -> list[Running]:
    found = await replays.runs(asked.desk.place, asked.who, open=True, limit=5)
    return [_running(run) for run in found["runs"]]


def _running(run: Mapping[str, Any]) -> Running:
    done = sum(count for outcome, count in run["counts"].items() if outcome not in ("waiting", "held"))
    share = done / run["count"] if run["count"] else 1.0
    return Running(run["run"], run["state"], share, f"{number(done)} of {number(run['count'])} done")


def _handover(asked: Asked, page: Page) -> str:
    """The page in a few lines, for a chat or a ticket; it names no field's value."""
    lines = [f"Lockstep {asked.desk.place.config.name}, {moment(asked.now)}: {page.sentence}. {page.scale}"]
    lines += [f"{n}. {need.title} ({need.count}, {need.where}, {need.owned})" for n, need in enumerate(page.needs, 1)]
    lines += [f"- {line.title}" for line in page.alarms]
    return "\n".join(lines)
