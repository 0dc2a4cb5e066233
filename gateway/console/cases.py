"""Cases: the worklist. Every view is an address; what is ticked is decided at the version it was ticked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from dead_letter.values import CaseFilter, CaseGroup, CaseState, Sort
from dead_letter.wording import next_step
from gateway.access.rights import Right
from gateway.console.frame import Asked, Misunderstood, moment_of
from gateway.console.inside import inside
from gateway.console.paging import ways
from gateway.console.rendering import moment, number, path, query
from gateway.console.views import known_views
from gateway.console.words import label_of
from gateway.work import cases, pages_cases, replays

AGES = (("1h", "over 1 h"), ("1d", "over 1 day"), ("7d", "over 7 days"), ("new", "under 1 h"))
_SECONDS = {"1h": 3600.0, "1d": 86_400.0, "7d": 604_800.0}
BYS = (
    ("cause", "groups by cause"),
    ("connection", "groups by system"),
    ("flow", "groups by mapping"),
    ("field", "groups by field"),
    ("owner", "groups by owner"),
    ("none", "a list"),
)
NAMES = (
    "text",
    "connection",
    "state",
    "owner",
    "age",
    "by",
    "sort",
    "cause",
    "group",
    "field",
    "flow",
    "level",
    "since",
    "after",
    "back",
)
NO_PLACE = {"after": "", "back": ""}
"""The same list from its beginning: where in it a reader is, is no part of what it is."""
NARROWING = ("text", "connection", "state", "owner", "age", "cause", "group", "field", "flow", "level", "since")
SHOWN_AT = "Lockstep-Shown-At"
"""Header of a page that asks for itself again: when the rows were made that its reader sees."""
MOST = 1000
"""Cases that one click may decide one by one; replays of more are planned."""


async def worklist(asked: Asked) -> web.StreamResponse:
    """`/cases`."""
    given = given_of(asked.request.query)
    wanted = filter_of(asked, given)
    by = given["by"] or ("none" if _is_narrow(given) else "cause")
    place, who = asked.desk.place, asked.who
    shown: dict[str, Any] = {"groups": None, "cases": (), "runs": {}, "ways": None}
    count = await pages_cases.count_cases(place, who, wanted)
    title = given["group"]
    if by == "none":
        page = await cases.list_cases(place, who, wanted, cursor=given["after"] or None)
        numbers = [case.number for case in page.cases]
        in_runs = await replays.runs_of_cases(place, who, numbers) if numbers else {}
        shown |= {"cases": page.cases, "runs": in_runs, "ways": ways("/cases", given, "after", page.next)}
        title = title and (page.cases[0].title if page.cases else title)
    else:
        groups = await cases.group_cases(place, who, everything(wanted), by=by)
        shown["groups"] = await _groups(asked, groups, wanted, given, by)
    fitting = number(count.count) + (" or more" if count.more else "")
    return asked.page(
        "cases.html",
        here="cases",
        heading=title or ("Closed cases" if given["state"] == "closed" else "Cases"),
        scale=f"{fitting} {'case fits' if count.count == 1 else 'cases fit'}, as of {moment(asked.now)}.",
        total=count.count,
        fitting=fitting,
        views=await known_views(asked, given),
        fresh=await _fresh(asked, wanted),
        given=given,
        wanted=wanted,
        by=by,
        bys=BYS,
        ages=AGES,
        sorts=[str(each) for each in Sort],
        states=[str(each) for each in CaseState],
        connections=[name for name in place.config.connections if who.covers(connection=name)],
        narrowed=_narrowed(given, title),
        hidden="" if count.count else await _hidden(asked, given),
        **shown,
    )


def given_of(asked: Mapping[str, str]) -> dict[str, str]:
    """The view that an address asks for; names we do not know are left alone."""
    return {name: asked.get(name, "").strip() for name in NAMES}


def filter_of(asked: Asked, given: Mapping[str, str], *, pinned: float | None = None) -> CaseFilter:
    """As the domain takes it. `pinned`: only cases that were there at that moment. Raises InputError."""
    try:
        states = (CaseState(given["state"]),) if given["state"] else ()
        sort = Sort(given["sort"] or Sort.PRIORITY)
    except ValueError as error:
        raise Misunderstood(f"{error} here") from error
    if not given["sort"] and states == (CaseState.CLOSED,):
        sort = Sort.NEWEST  # an index has that order; by priority, all of these would be sorted for one page
    owner = {"": None, "me": asked.who.name, "nobody": ""}.get(given["owner"], given["owner"])
    older = asked.now - _SECONDS[given["age"]] if given["age"] in _SECONDS else None
    young = asked.now - 3600.0 if given["age"] == "new" else None
    since = moment_of(given["since"]) if given["since"] else None
    return CaseFilter(
        states=states,
        cause=given["cause"],
        connection=given["connection"],
        flow=given["flow"],
        field=given["field"],
        group=given["group"],
        level=given["level"],
        text=given["text"],
        owner=owner,
        opened_since=max((each for each in (young, since) if each is not None), default=None),
        opened_before=min((each for each in (older, pinned) if each is not None), default=None),
        sort=sort,
    )


def _is_narrow(given: Mapping[str, str]) -> bool:
    """A filter that a person made shows cases, not groups; a plain view shows groups."""
    return any(given[name] for name in (*NARROWING, "after") if name not in ("connection", "flow"))


def everything(wanted: CaseFilter) -> CaseFilter:
    """The same filter in the largest pages."""
    return msgspec.structs.replace(wanted, limit=200)


async def _fresh(asked: Asked, wanted: CaseFilter) -> dict[str, int] | None:
    """How many cases came since the reader's rows were made, and how many of them fit the filter. None: not asked."""
    text = asked.request.headers.get(SHOWN_AT, "")
    try:
        shown_at = float(text)
    except ValueError:
        return None
    place, who = asked.desk.place, asked.who
    came = await pages_cases.count_cases(place, who, CaseFilter(opened_since=shown_at))
    if not came.count:
        return {"new": 0, "fit": 0}
    since = max(shown_at, wanted.opened_since or 0.0)
    fit = await pages_cases.count_cases(place, who, msgspec.structs.replace(wanted, opened_since=since))
    return {"new": came.count, "fit": fit.count}


def _narrowed(given: Mapping[str, str], title: str) -> list[str]:
    words = []
    for name in NARROWING:
        if given[name]:
            value = title if name == "group" else given[name].replace("_", " ")
            words.append(f"{name}: {value}")
    return words


async def _hidden(asked: Asked, given: Mapping[str, str]) -> str:
    """How many open cases the filter hides, in words; empty where there are none."""
    if not any(given[name] for name in NARROWING):
        return ""
    count = (await pages_cases.count_cases(asked.desk.place, asked.who, CaseFilter())).count
    return f"{number(count)} open {'case' if count == 1 else 'cases'}" if count else ""


async def _groups(
    asked: Asked, groups: list[CaseGroup], wanted: CaseFilter, given: Mapping[str, str], by: str
) -> list[dict[str, Any]]:
    newer = msgspec.structs.replace(everything(wanted), opened_since=asked.now - 3600.0)
    fresh = {each.key: each.count for each in await cases.group_cases(asked.desk.place, asked.who, newer, by=by)}
    return [_group(asked, group, given, by, fresh.get(group.key, 0)) for group in groups]


def _group(asked: Asked, group: CaseGroup, given: Mapping[str, str], by: str, fresh: int) -> dict[str, Any]:
    filtered = {"cause": "group", "connection": "connection", "flow": "flow", "field": "field", "owner": "owner"}[by]
    titles = {"cause": group.title, "owner": group.key or "Taken by nobody"}
    value = (group.key or "nobody") if by == "owner" else group.key
    href = "/cases" + query(given, **{filtered: value, "by": "none", **NO_PLACE})
    owners = ", ".join(group.owners[:2]) + (" …" if len(group.owners) > 2 else "")
    return {
        "key": group.key or "none",
        "title": titles.get(by) or group.key or "none in particular",
        "href": path("c", group.sample) if by == "cause" and group.count == 1 else href,
        "where": " · ".join(part for part in (group.connection, group.field, group.cause) if part),
        "count": group.count,
        "fresh": fresh,
        "oldest": group.oldest,
        "last_seen": group.last_seen,
        "late": bool(group.due_at) and group.due_at < asked.now,
        "owned": owners or "nobody",
        "next": next_step(group.cls, group.cause, connection=group.connection) if by == "cause" else "",
    }


async def chosen(asked: Asked) -> list[tuple[str, int | None]]:
    """The cases that a form is about, each with the version it was shown at: ticked, of a group, or all that fitted.

    Raises InputError for none, or for more than one click may decide.
    """
    if group := asked.field("group"):
        return await _pinned(asked, CaseFilter(group=group, limit=200, opened_before=asked.now))
    if asked.field("scope") == "all":
        given = given_of(dict(parse_qsl(asked.field("filter").lstrip("?"))))
        return await _pinned(
            asked, everything(filter_of(asked, given, pinned=float(asked.field("pinned") or asked.now)))
        )
    ticked = asked.fields("case")
    found: list[tuple[str, int | None]] = []
    for each in ticked:
        number_, _, version = each.partition(":")
        found.append((number_, int(version) if version.isdigit() else None))
    if not found:
        raise Misunderstood("no case was ticked; go back and tick some")
    return found


async def _pinned(asked: Asked, wanted: CaseFilter) -> list[tuple[str, int | None]]:
    found: list[tuple[str, int | None]] = []
    cursor = None
    while True:
        page = await cases.list_cases(asked.desk.place, asked.who, wanted, cursor=cursor)
        found += [(case.number, case.version) for case in page.cases]
        cursor = page.next
        if len(found) > MOST:
            raise Misunderstood(
                f"more than {number(MOST)} cases at once are not decided one by one: plan a replay of them"
            )
        if cursor is None:
            return found


async def act(asked: Asked) -> web.StreamResponse:
    """`POST /cases/act`: one action on several cases, each decided by itself."""
    asked.who.require(Right.WORK)
    action, numbers = asked.field("action"), await chosen(asked)
    body = {name: asked.field(name) for name in _TAKES.get(action, ()) if asked.field(name)}
    done = await cases.act_on_many(asked.desk.place, asked.who, numbers, action, body)
    good = sum(each.done is not None for each in done)
    bad = [f"{each.number}: {each.error}" for each in done if each.done is None]
    said = f"{label_of(action)}: {number(good)} done" + (f", {number(len(bad))} not" if bad else "") + "."
    asked_for = sum(bool(each.done and each.done.approval) for each in done)
    if asked_for:
        said += f" {number(asked_for)} wait for a second person."
    more = " · ".join(bad[:5]) + (" …" if len(bad) > 5 else "")
    return asked.back(_inside(asked.field("next")), said, tone="warn" if bad else "good", more=more)


_TAKES = {
    "park": ("until", "reason"),
    "assign": ("to", "reason"),
    "delegate": ("to", "reason"),
    "claim": (),
    "release": ("reason",),
    "close": ("reason",),
    "discard": ("reason",),
    "retry": ("reason",),
}


def _inside(to: str) -> str:
    """A path of ours, else the worklist."""
    return inside(to, "/cases")


async def split(asked: Asked) -> web.StreamResponse:
    """`POST /cases/split`: takes cases out of their group, for good."""
    numbers = [each for each, _ in await chosen(asked)]
    title = asked.field("title") or f"Split off by {asked.who.name}"
    reason = asked.field("reason") or "split in the worklist"
    key = await cases.split_group(asked.desk.place, asked.who, numbers, title=title, reason=reason)
    said = f"{number(len(numbers))} split off into a group of their own: {title}."
    return asked.back("/cases" + query({"group": key}), said)


async def merge(asked: Asked) -> web.StreamResponse:
    """`POST /cases/merge`: several groups become one, for good."""
    groups = asked.fields("group")
    if len(groups) < 2:
        raise Misunderstood("tick two groups or more; one is one already")
    into, title = groups[0], asked.field("title")
    reason = asked.field("reason") or "merged in the worklist"
    done = await cases.merge_groups(asked.desk.place, asked.who, groups, into=into, title=title, reason=reason)
    said = f"{number(len(groups))} groups are one now; {number(done.moved)} open cases moved."
    said += f" {done.note[0].upper()}{done.note[1:]}." if done.note else ""
    return asked.back("/cases" + query({"group": into, "by": "none"}), said)
