"""Cases of a gateway elsewhere: the verbs of `gateway.work.cases` by the API."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import msgspec

from dead_letter.values import Case, CaseFilter, CaseGroup, CasePage, CaseSummary
from gateway.cli.reading import many, text_of, value_of
from gateway.cli.wire import Wire, at
from gateway.work.case_metrics import Metrics
from gateway.work.case_views import (
    Approval,
    AttachmentView,
    CaseView,
    Correction,
    Done,
    ManyDone,
    MergedGroups,
)

Facts = dict[str, Any]
EVERYTHING = CaseFilter()
_TIMES = ("opened_since", "opened_before", "due_before")
_SAME = ("cause", "flow", "connection", "record", "field", "group", "level", "owner", "pending", "text")


class RemoteCases:
    """`port.Cases`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def list_cases(self, wanted: CaseFilter = EVERYTHING, *, cursor: str | None = None) -> CasePage:
        query = {**narrowing(wanted), "sort": str(wanted.sort), "limit": wanted.limit, "after": cursor}
        items, next_ = await self.wire.page(at("cases"), query)
        return CasePage(cases=tuple(many(CaseSummary, items)), next=next_ or None)

    async def group_cases(self, wanted: CaseFilter = EVERYTHING, *, by: str = "cause") -> list[CaseGroup]:
        query = {**narrowing(wanted), "by": by, "limit": wanted.limit}
        return many(CaseGroup, await self.wire.get(at("cases", "groups"), query))

    async def get_case(self, number: str) -> CaseView:
        return value_of(CaseView, await self.wire.get(at("cases", number)))

    async def act(
        self,
        number: str,
        action: str,
        body: Mapping[str, Any] | None = None,
        *,
        expected_version: int | None = None,
        expected_work: int | None = None,
        alone: bool = True,
    ) -> Done:
        """Without a version: on the case as it is now."""
        version = await self._version(number) if expected_version is None else expected_version
        said = {"action": action, "said": _sayable(body or {})}
        return value_of(Done, await self.wire.post(at("cases", number, "actions"), said, version=version))

    async def _version(self, number: str) -> int:
        return (await self.get_case(number)).case.version

    async def act_on_many(
        self, numbers: Sequence[tuple[str, int | None]], action: str, body: Mapping[str, Any] | None = None
    ) -> list[ManyDone]:
        chosen = [
            {"number": number, "version": await self._version(number) if version is None else version}
            for number, version in numbers
        ]
        said = {"cases": chosen, "action": action, "said": _sayable(body or {})}
        return many(ManyDone, await self.wire.post("/v1/cases:act", said))

    async def list_approvals(self, *, state: str = "pending") -> list[Approval]:
        return many(Approval, await self.wire.get(at("cases", "approvals"), {"state": state}))

    async def approve(self, approval: str, *, note: str = "") -> Done:
        return await self._answer(approval, "approve", note)

    async def reject(self, approval: str, *, note: str) -> Done:
        return await self._answer(approval, "reject", note)

    async def withdraw(self, approval: str, *, note: str = "") -> Done:
        return await self._answer(approval, "withdraw", note)

    async def _answer(self, approval: str, verb: str, note: str) -> Done:
        return value_of(Done, await self.wire.post(f"{at('cases', 'approvals', approval)}:{verb}", {"note": note}))

    async def split_group(self, numbers: Sequence[str], *, title: str, reason: str, part: str = "") -> str:
        said = {"numbers": list(numbers), "title": title, "reason": reason, "by": part or "key"}
        return str((await self.wire.post("/v1/cases/groups:split", said))["group"])

    async def merge_groups(self, groups: Sequence[str], *, into: str, title: str = "", reason: str) -> MergedGroups:
        said = {"groups": list(groups), "into": into, "title": title, "reason": reason}
        return value_of(MergedGroups, await self.wire.post("/v1/cases/groups:merge", said))

    async def read_attachment(self, number: str, attachment: str) -> tuple[AttachmentView, bytes]:
        view = await self.get_case(number)
        found = next((each for each in view.attachments if each.id == attachment), None)
        content, _ = await self.wire.bytes(at("cases", number, "attachments", attachment))
        return found or _unlisted(attachment, content), content

    async def export_cases(self, wanted: CaseFilter = EVERYTHING) -> AsyncGenerator[Case, None]:
        async with self.wire.lines("/v1/cases:export", narrowing(wanted)) as lines:
            async for line in lines:
                if line.strip():
                    yield value_of(Case, msgspec.json.decode(line))


def _unlisted(id_: str, content: bytes) -> AttachmentView:
    """One that was put there while the case was read."""
    return AttachmentView(id=id_, name=id_, media_type="", size=len(content), sha256="", by="", at=0.0)


class RemoteTyped:
    """`port.Typed`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def preview_correction(self, number: str, field: str, text: str) -> Correction:
        path = f"{at('cases', number)}:preview-correction"
        return value_of(Correction, await self.wire.post(path, {"field": field, "text": text}))

    async def preview_resolution(self, number: str, *, keep: str = "", text: str | None = None) -> Facts:
        path = f"{at('cases', number)}:preview-resolution"
        return dict(await self.wire.post(path, {"keep": keep} if text is None else {"text": text}))


class RemoteFigures:
    """`port.Figures`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def metrics(self, *, since: float) -> Metrics:
        return value_of(Metrics, await self.wire.get(at("cases", "metrics"), {"since": text_of(since)}))


class RemoteLooks:
    """`port.Looks`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def look_at_case(self, number: str) -> Facts:
        return dict(await self.wire.post(f"{at('cases', number)}:look", {}))

    async def look_at_record(self, system: str, object: str, key: str) -> Facts | None:
        from gateway.cli.wire import Refused

        try:
            return dict(await self.wire.post(f"{at('records', system, object, key)}:look", {}))
        except Refused as error:
            if error.code == "not-found":
                return None
            raise


def narrowing(wanted: CaseFilter) -> Facts:
    """The filter as query parameters."""
    query: Facts = {name: getattr(wanted, name) for name in _SAME}
    query |= {name: text_of(getattr(wanted, name)) for name in _TIMES}
    query |= {"state": [str(each) for each in wanted.states], "class": [str(each) for each in wanted.classes]}
    return query


def _sayable(body: Mapping[str, Any]) -> Facts:
    """As JSON has it: bytes in base64, and nothing that was not said."""
    return {
        name: b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in body.items()
        if not (name in ("reason", "reason_code") and value == "")
    }
