"""Mapping versions: what is stored, tries on documents, tests and what came in, approval and publishing."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.access.rights import Right
from gateway.api.declare import Answer, Ask, Key, Page, Route
from gateway.api.failures import NotThere
from gateway.api.resources.mapping_shapes import (
    Approval,
    BacktestView,
    BacktestWish,
    ChangeView,
    Differing,
    Publication,
    RunView,
    RunWish,
    TestView,
    TestWish,
    VersionText,
    VersionView,
)
from gateway.versions.store import Version
from gateway.work import mapping_jobs, mapping_publishing, mapping_trials, mapping_versions
from gateway.work.mapping_backtests import Range

Facts = dict[str, Any]
AGAIN_S = "2"


def _ref(ask: Ask) -> str:
    return f"{ask.path['mapping']}@{ask.path['version']}"


async def _version(ask: Ask, text: str = "") -> Version:
    """The stored version, or the text that is tried in its place."""
    place, who = ask.desk.place, ask.who
    async with place.database.read() as tx:
        stored = await mapping_versions.find(tx, place, who, _ref(ask))
    if not text:
        return stored
    given = mapping_trials.candidate(place, text, by=who.name, origin="handed in to the API")
    if given.name != stored.name:
        raise NotThere(f"the text is of {given.name}, not of {stored.name}")
    return given


async def every(ask: Ask) -> list[VersionView]:
    found = await mapping_versions.listed(ask.desk.place, ask.who, ask.path["mapping"])
    return msgspec.convert(found, list[VersionView])


async def one(ask: Ask) -> Answer:
    found = await mapping_versions.shown(ask.desk.place, ask.who, _ref(ask))
    standing = await _standing(ask)
    value = msgspec.convert({**found, "standing": standing}, VersionText)
    return Answer(value=value, version=str(standing["revision"]) if standing else "0")


async def _standing(ask: Ask) -> Facts | None:
    if not any(
        member.mapping.name == ask.path["mapping"]
        for flow in ask.desk.place.topology.flows.values()
        for member in flow.members.values()
    ):
        return None
    return await mapping_publishing.standing(ask.desk.place, ask.who, _ref(ask))


async def run(ask: Ask) -> RunView:
    said: RunWish = ask.body
    place, who = ask.desk.place, ask.who
    version = await _version(ask, said.text)
    if said.document is not None:
        document: mapping_trials.Document | None = mapping_trials.Document(raw=said.document)
    else:
        document = await mapping_trials.document_from(place, who, change=said.change, case=said.case)
    if document is None:
        raise NotThere("nothing that came in with this is kept")
    return msgspec.convert(await mapping_trials.run(place, who, version, document), RunView)


async def tests(ask: Ask) -> TestView:
    said: TestWish = ask.body
    version = await _version(ask, said.text)
    return msgspec.convert(mapping_trials.run_tests(ask.desk.place, ask.who, version, said.tests or None), TestView)


async def backtest(ask: Ask) -> Answer:
    said: BacktestWish = ask.body
    place = ask.desk.place
    until = said.until.timestamp() if said.until else place.now()
    times = Range(since=said.since.timestamp(), until=until, connection=said.connection)
    found = await mapping_jobs.begin(place, ask.who, await _version(ask, said.text), times)
    headers = {"Location": f"/v1/operations/{found['id']}", "Retry-After": AGAIN_S}
    return Answer(value=msgspec.convert(found, BacktestView), headers=headers)


async def approve(ask: Ask) -> Facts:
    said: Approval = ask.body
    return await mapping_publishing.approve(ask.desk.place, ask.who, _ref(ask), digest=said.digest, reason=said.reason)


async def publish(ask: Ask) -> Facts:
    expected = int(ask.version.partition(".")[0])
    return await mapping_publishing.publish(
        ask.desk.place, ask.who, _ref(ask), expected=expected, reason=ask.body.reason
    )


async def one_backtest(ask: Ask) -> Answer:
    found = await mapping_jobs.get(ask.desk.place, ask.who, ask.path["id"])
    if found is None:
        raise NotThere
    headers = {} if found["ended_at"] else {"Retry-After": AGAIN_S}
    return Answer(value=msgspec.convert(found, BacktestView), headers=headers)


async def changes(ask: Ask) -> Answer:
    said: Differing = ask.query
    found = await mapping_jobs.differing(
        ask.desk.place,
        ask.who,
        ask.path["id"],
        field=said.field,
        verdict=said.verdict,
        after=ask.position or "",
        limit=said.limit,
    )
    if found is None:
        raise NotThere
    items = msgspec.convert(found["changes"], tuple[ChangeView, ...])
    return Answer(value=Page(items=items), position=found["next"])


async def cancel(ask: Ask) -> BacktestView:
    found = await mapping_jobs.cancel(ask.desk.place, ask.who, ask.path["id"])
    if found is None:
        raise NotThere
    return msgspec.convert(found, BacktestView)


_OF = "/v1/mappings/{mapping}/versions"
_ONE = f"{_OF}/{{version}}"
_BACKTEST = "/v1/mapping-backtests/{id}"


def _get(path: str, name: str, summary: str, do: Any, answer: Any, **more: Any) -> Route:
    return Route(
        method="GET",
        path=path,
        name=name,
        tag="mappings",
        summary=summary,
        right=Right.SEE,
        do=do,
        answer=answer,
        **more,
    )


def _post(path: str, name: str, summary: str, do: Any, answer: Any, right: Right, **more: Any) -> Route:
    return Route(
        method="POST",
        path=path,
        name=name,
        tag="mappings",
        summary=summary,
        right=right,
        do=do,
        answer=answer,
        key=Key.DAY,
        **more,
    )


_TRIED = ("mapping-unknown", "mapping-not-used", "mapping-invalid")
ROUTES = (
    _get(_OF, "listMappingVersions", "Every version that was ever used or tried", every, list[VersionView]),
    _get(_ONE, "getMappingVersion", "A version: 2, or 2.9f86d081 of several texts", one, VersionText, problems=_TRIED),
    _post(
        f"{_ONE}:run",
        "runMapping",
        "Maps a document, field by field",
        run,
        RunView,
        Right.SEE,
        body=RunWish,
        problems=_TRIED,
    ),
    _post(f"{_ONE}:test", "testMapping", "Runs its tests", tests, TestView, Right.SEE, body=TestWish, problems=_TRIED),
    _post(
        f"{_ONE}:backtest",
        "backtestMapping",
        "Asks what it would make of what came in",
        backtest,
        BacktestView,
        Right.CONFIGURE,
        body=BacktestWish,
        status=202,
        problems=_TRIED,
    ),
    _post(
        f"{_ONE}:approve",
        "approveMapping",
        "A second person agrees to exactly this text",
        approve,
        Facts,
        Right.APPROVE,
        body=Approval,
        problems=(*_TRIED, "mapping-moved", "mapping-own-work"),
    ),
    _post(
        f"{_ONE}:publish",
        "publishMapping",
        "Makes it the one that is used from the next start on",
        publish,
        Facts,
        Right.CONFIGURE,
        body=Publication,
        match=True,
        problems=(*_TRIED, "mapping-moved", "mapping-not-publishable", "mapping-own-work"),
    ),
    _get(_BACKTEST, "getMappingBacktest", "A backtest, as it stands", one_backtest, BacktestView),
    _get(
        f"{_BACKTEST}/changes",
        "listBacktestChanges",
        "All changes that are not the same",
        changes,
        Page[ChangeView],
        query=Differing,
        problems=("mapping-not-used",),
    ),
    _post(
        f"{_BACKTEST}:cancel",
        "cancelMappingBacktest",
        "Gives it up",
        cancel,
        BacktestView,
        Right.CONFIGURE,
        body=Publication,
    ),
)
