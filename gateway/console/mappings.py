"""Mappings: which are in use, and the page to try one: input, mapping, output, then tests, backtest and publishing."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from connectors.contract.errors import InputError
from gateway.access.rights import Right
from gateway.console.frame import Asked, Misunderstood, Unseen
from gateway.console.rendering import path, query
from gateway.versions.errors import BadMapping, NotUsed, UnknownVersion, VersionError
from gateway.versions.store import Version
from gateway.work import (
    mapping_jobs,
    mapping_publishing,
    mapping_trials,
    mapping_versions,
    pages_mappings,
)
from gateway.work.mapping_backtests import Range
from gateway.work.mapping_trials import Document

Facts = dict[str, Any]
DAYS = {"1": "the last day", "7": "the last 7 days", "30": "the last 30 days"}
MOST = 50


async def mappings(asked: Asked) -> web.StreamResponse:
    """`/mappings`."""
    return asked.page("mappings.html", here="mappings", rows=pages_mappings.list_mappings(asked.desk.place, asked.who))


async def of_case(asked: Asked) -> web.StreamResponse:
    """`/map?case=FO-1842`: off to the mapping that the case's object is read through, with what came in for it."""
    number = asked.request.query.get("case", "")
    ref = await mapping_trials.mapping_of_case(asked.desk.place, asked.who, number)
    if ref is None:
        raise Unseen("There is no such case, you may not see it, or its object is read through no mapping now.")
    return web.Response(status=303, headers={"Location": path("map", ref) + query({}, case=number)})


async def mapping(asked: Asked) -> web.StreamResponse:
    """`/map/{name}@{version}`: with `?case=` or `?change=` on what came in, `?vs=` beside another version. Sent a
    document or another text, it shows what they make of each other; nothing is kept by that.
    """
    stored = await _stored(asked, asked.request.match_info["mapping"])
    said = asked.field("text").replace("\r\n", "\n")
    tried = _Tried(asked, stored, said if said.strip() != stored.text.strip() else "")
    await tried.take(
        asked.field("change") or asked.request.query.get("change", ""), asked.request.query.get("case", "")
    )
    if asked.field("do") == "tests":
        tried.test()
    if asked.field("do") == "save":
        tried.save(asked.field("name") or "from the console")
    return asked.page("mapping.html", here="mappings", **(await _around(asked, stored)), **tried.shown)


async def act(asked: Asked) -> web.StreamResponse:
    """Asks for a backtest, gives one up, approves, publishes; then back to the page of that version."""
    stored = await _stored(asked, asked.request.match_info["mapping"])
    said, what = asked.field("text").replace("\r\n", "\n"), asked.field("do")
    place, who = asked.desk.place, asked.who
    version = stored
    if said.strip() and said.strip() != stored.text.strip():
        version = mapping_trials.candidate(place, said, by=who.name, origin="written in the console")
    page = path("map", mapping_versions.ref_of(version))
    if what == "backtest":
        days = asked.field("days")
        if days not in DAYS:
            raise Misunderstood(f"{days} days cannot be chosen.")
        since = asked.now - int(days) * 86_400
        await mapping_jobs.begin(place, who, version, Range(since=since, until=asked.now))
        return asked.back(f"{page}#backtest", "A worker makes the backtest; nothing is changed by it.")
    if what == "cancel":
        await mapping_jobs.cancel(place, who, asked.field("backtest"))
        return asked.back(f"{page}#backtest", "The backtest was given up.", tone="warn")
    if what == "approve":
        digest, reason = asked.field("digest"), asked.field("reason")
        await mapping_publishing.approve(place, who, mapping_versions.ref_of(version), digest=digest, reason=reason)
        return asked.back(f"{page}#publish", "You approved exactly this text.")
    if what == "publish":
        revision = asked.field("revision")
        expected = int(revision) if revision.isdigit() and len(revision) < 9 else 0
        ref, reason = mapping_versions.ref_of(version), asked.field("reason")
        done = await mapping_publishing.publish(place, who, ref, expected=expected, reason=reason)
        return asked.back(f"{page}#publish", f"Published; {done['next']}.")
    raise Misunderstood("This form does not exist any more.")


async def _stored(asked: Asked, ref: str) -> Version:
    try:
        async with asked.desk.place.database.read() as tx:
            return await mapping_versions.find(tx, asked.desk.place, asked.who, ref)
    except UnknownVersion as error:
        raise Unseen(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error


class _Tried:
    """The three panes. `text`: what was written in place of the stored version; empty: nothing was."""

    def __init__(self, asked: Asked, stored: Version, text: str) -> None:
        self.asked, self.version, self.text = asked, stored, text or stored.text
        self.edited = bool(text)
        self.shown: Facts = {
            **dict.fromkeys(("tried", "tests", "saved", "document"), None),
            "input": asked.field("document"),
            "wrong": "",
            "problems": (),
            "edited": self.edited,
            "text": self.text,
        }
        self.document: Document | None = None
        if text:
            try:
                place, who = asked.desk.place, asked.who
                self.version = mapping_trials.candidate(place, text, by=who.name, origin="the text")
            except (BadMapping, NotUsed) as error:
                self.shown["problems"] = getattr(error, "problems", (str(error),))

    async def take(self, change: str, case: str) -> None:
        """The document: what was written, or what came in. One that came in and was left as it was shown stays that."""
        place, who, shown = self.asked.desk.place, self.asked.who, self.shown
        if change or case:
            self.document = await mapping_trials.document_from(place, who, change=change, case=case)
            if self.document is None:
                shown["wrong"] = f"Nothing that came in with {change or case} is kept."
        try:
            if shown["input"] and not self._same(shown["input"]):
                self.document = mapping_trials.document_of(shown["input"])
            if self.document is None or shown["problems"]:
                return
            shown["tried"] = await mapping_trials.run(place, who, self.version, self.document)
        except InputError as error:
            shown["wrong"] = str(error)
            return
        shown["document"] = shown["tried"]["document"]
        if not shown["input"]:
            shown["input"] = _pretty(shown["document"]["raw"])

    def _same(self, text: str) -> bool:
        if self.document is None:
            return False
        raw = self.document.raw
        if not self.asked.who.may(Right.SEE_PERSONAL):
            raw = mapping_trials.masked_raw(self.version, raw)
        try:
            return bool(orjson.loads(text) == orjson.loads(orjson.dumps(raw)))
        except orjson.JSONDecodeError:
            return False

    def test(self) -> None:
        """Its tests, as they stand beside the mapping in use."""
        if not self.shown["problems"]:
            self.shown["tests"] = mapping_trials.run_tests(self.asked.desk.place, self.asked.who, self.version)

    def save(self, name: str) -> None:
        """The document as a test, to be put into the test file."""
        if self.document is not None and not self.shown["problems"]:
            self.shown["saved"] = mapping_trials.as_test(self.version, self.document, name)


def _pretty(raw: Any) -> str:
    return orjson.dumps(raw, option=orjson.OPT_INDENT_2).decode()


async def _around(asked: Asked, stored: Version) -> Facts:
    """What stands around the panes: versions, the comparison, the backtest, what is lacking before publishing."""
    place, who, sent = asked.desk.place, asked.who, asked.request.query
    ref = mapping_versions.ref_of(stored)
    try:
        standing: Facts | None = await mapping_publishing.standing(place, who, ref)
    except NotUsed:
        standing = None
    return {
        "known": stored,
        "ref": ref,
        "versions": await mapping_versions.listed(place, who, stored.name),
        "compared": await _compared(asked, ref, sent.get("vs", "")),
        "standing": standing,
        "backtest": await mapping_jobs.latest(place, who, stored.digest),
        "differing": await _differing(asked, sent.get("backtest", "")),
        "days": DAYS,
    }


async def _compared(asked: Asked, ref: str, other: str) -> Facts | None:
    if not other:
        return None
    try:
        return await mapping_versions.compared(asked.desk.place, asked.who, other, ref)
    except VersionError as error:
        raise Unseen(str(error)) from error


async def _differing(asked: Asked, id: str) -> Facts | None:
    if not id:
        return None
    sent = asked.request.query
    field, verdict, after = sent.get("field", ""), sent.get("verdict", ""), _after(sent.get("after", ""))
    found = await mapping_jobs.differing(
        asked.desk.place, asked.who, id, field=field, verdict=verdict, after=after, limit=MOST
    )
    if found is None:
        raise Unseen("There is no such backtest, or you may not see it.")
    return {**found, "id": id, "field": field, "verdict": verdict}


def _after(text: str) -> str:
    at, _, id = text.partition(":")
    try:
        float(at)
    except ValueError:
        return ""
    return text if id else ""
