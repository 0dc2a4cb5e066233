"""A plan of reconciliation and what became of it, as people read it and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.cli.exits import Code, Ending
from gateway.cli.output import cell, data, moment, say, table

if TYPE_CHECKING:
    from gateway.storage.database import Database

Facts = dict[str, Any]
SAMPLES = 3
SIGNS = {
    "gone": "- gone",
    "leaves": "- leaves",
    "reopened": "- reopened",
    "duplicate": "! duplicate",
    "new": "+ new",
    "create": "+ create",
    "absorb": "~ edited",
    "write": "~ write",
    "comment": "+ comment",
    "waiting": "= on its way",
    "blocked": "! blocked",
}
SHOWN = 40
"""Characters of a value in the table; --json has it whole."""


async def facts(database: Database, run: str) -> Facts:
    """How far a run is, and what has become of its items."""
    from gateway.reconcile import store
    from gateway.reconcile.values import RunState

    found = await store.runs(database, run=run)
    if not found:
        raise Ending(Code.NOT_FOUND, f"there is no plan {run}")
    one = found[0]
    counts = one.cursor.get("counts", {})
    return {
        "run": one.id,
        "flow": one.flow,
        "state": str(one.state),
        "since": one.wish.since,
        "until": one.wish.until,
        "connections": list(one.wish.connections),
        "asked_at": one.asked_at,
        "planned_at": one.planned_at or None,
        "finished_at": one.finished_at or None,
        "counts": counts,
        "notes": one.cursor.get("notes", []),
        "stopped": one.cursor.get("stopped", {}),
        "results": {} if one.state is RunState.PLANNING else await store.results(database, run),
    }


async def details(database: Database, run: str) -> Facts:
    """The plan, folded by what is alike."""
    from gateway.reconcile import store

    groups = await store.folded(database, run)
    return {
        "changes": await store.changes(database, run),
        "guarded": _guarded(groups),
        "groups": [await _sampled(database, run, group) for group in groups],
    }


async def items_of(database: Database, run: str) -> list[Facts]:
    """The plan item by item."""
    from gateway.reconcile import store

    keep = ("kind", "record", "connection", "object", "object_id", "object_key", "field", "outcome", "state", "result")
    listed = await store.listed(database, run)
    return [{**{name: item[name] for name in keep}, **item["doc"]} for item in listed]


def _guarded(groups: list[Facts]) -> dict[str, int]:
    found: dict[str, int] = {}
    for group in groups:
        if group["kind"] in ("gone", "leaves"):
            found[group["connection"]] = found.get(group["connection"], 0) + group["count"]
    return found


async def _sampled(database: Database, run: str, group: Facts) -> Facts:
    from gateway.reconcile import store

    alike = {name: str(group[name]) for name in ("kind", "connection", "field", "outcome")}
    samples = await store.listed(database, run, limit=SAMPLES, **alike)
    return {**alike, "count": group["count"], "samples": [_sample(item) for item in samples]}


def _sample(item: Facts) -> str:
    """One item in a few words: which object, from what to what, by whom it is kept."""
    doc, name = item["doc"], item["object_key"] or item["object_id"] or item["record"]
    if item["kind"] == "absorb":
        return f"{name} {_short(doc['shown'].get(item['connection']))} (record: {_short(doc['canonical'])})"
    if "canonical" in doc:
        shows = _short(doc["shown"].get(item["connection"]))
        return f"{name} {shows} -> {_short(doc['canonical'])}{_kept(doc)}"
    if item["field"] == "comments" and doc.get("body"):
        return f"{name} {_short(doc['body'])}"
    return f"{name}{_kept(doc)}"


def _kept(doc: Facts) -> str:
    return f" (case {doc['case']})" if doc.get("case") else ""


def _short(value: Any) -> str:
    text = cell(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def show_plan(found: Facts) -> None:
    """The plan on stdout, the dangerous first; what it does not cover on stderr."""
    for note in found["notes"]:
        say(note)
    for connection, why in found["stopped"].items():
        say(f"{connection}: {why}; none of it counts as deleted without --most-gone {found['guarded'].get(connection)}")
    window = "" if found["since"] is None and found["until"] is None else f", {_window(found)}"
    counts = found["counts"]
    say(f"{found['run']}: {found['flow']}{window}: {counts.get('compared', 0)} compared")
    if counts.get("unread"):
        say(f"{counts['unread']} objects may not be read; nothing is known of them")
    if counts.get("not_compared"):
        say(f"{counts['not_compared']} could not be compared, by a defect of ours; the gateway's log names them")
    if not found["groups"]:
        data("Nothing drifted.")
        return
    rows = [{**group, "what": SIGNS[group["kind"]]} for group in found["groups"]]
    table(rows, ("what", "connection", "field", "outcome", "count", "samples"))


def _window(found: Facts) -> str:
    start = "the beginning" if found["since"] is None else moment(found["since"])
    return f"{start} to {'now' if found['until'] is None else moment(found['until'])}"


def show_results(found: Facts) -> None:
    """The sum of a run, which adds up."""
    results = found["results"]
    if not results:
        return
    parts = " + ".join(
        f"{n} {result or 'not ended'}" for result, n in sorted(results.items(), key=lambda each: -each[1])
    )
    data(f"{sum_of(results)} = {parts}")


def sum_of(results: dict[str, int]) -> int:
    """How many items."""
    return sum(results.values())


def document_of(found: Facts, items: list[Facts]) -> Facts:
    """For --json: everything, item by item."""
    return {**found, "items": items, "results": {name or "not_ended": n for name, n in found["results"].items()}}
