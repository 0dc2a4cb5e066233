"""Replays of a gateway elsewhere: the verbs of `gateway.work.replays` by the API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.api.declare import MOST
from gateway.api.resources.replay_shapes import (
    PlanBrief,
    PlanDiff,
    PlanItem,
    PlanView,
    RunBrief,
    RunItem,
    RunView,
    SelectionView,
    Wanted,
)
from gateway.cli.exits import Code, Ending
from gateway.cli.reading import facts_of, text_of, value_of
from gateway.cli.wire import Refused, Wire, at
from gateway.work.operations import Operation
from replay.making import Heard
from replay.values import Limits, Wish

Facts = dict[str, Any]
LOOK_S = 0.3


def _silent(looked: int, total: int) -> None:
    """Nobody wants to hear how far a plan is."""


class RemoteReplays:
    """`port.Replays`. Cursors of items are the API's, and so are texts."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def select(self, wish: Wish) -> Facts:
        said = {**msgspec.to_builtins(wish), "since": text_of(wish.since), "until": text_of(wish.until)}
        return facts_of(SelectionView, await self.wire.post(at("selections"), said))

    async def leftovers(self, run_id: str) -> Facts:
        return facts_of(SelectionView, await self.wire.post(at("replay-runs", run_id, "leftovers"), {}))

    async def plan_within(
        self, selection: str, count: int, asked: Mapping[str, Any], *, heard: Heard = _silent
    ) -> Facts:
        """What was not asked for, the gateway fills in from its configuration."""
        return await self._made({"selection": selection, **({"limits": dict(asked)} if asked else {})}, heard)

    async def plan_again(self, plan_id: str, *, drop: Sequence[str] = (), heard: Heard = _silent) -> Facts:
        return await self._made({"again": plan_id, "drop": list(drop)}, heard)

    async def _made(self, said: Facts, heard: Heard) -> Facts:
        """The plan, once a worker there has made it. Ends with code 1 if it never became whole."""
        told = value_of(Operation, await self.wire.post(at("replay-plans"), said))
        while not told.over:
            heard(told.outcome_counts.get("looked_at", 0), told.total)
            await asyncio.sleep(LOOK_S)
            told = value_of(Operation, await self.wire.get(at("operations", told.id)))
        if not told.result:
            raise Ending(Code.FAILED, f"{told.id} was not made: {told.reason or told.state}")
        return facts_of(PlanView, await self.wire.get(told.result))

    async def show(self, plan_id: str) -> Facts | None:
        return await self._there(PlanView, at("replay-plans", plan_id))

    async def items(
        self, plan_id: str, *, action: str = "", alike: str = "", after: int = 0, limit: int = 50
    ) -> Facts | None:
        query = {"action": action, "alike": alike}
        return await self._page(PlanItem, at("replay-plans", plan_id, "items"), "items", query, after, limit)

    async def diff(self, plan_id: str) -> Facts | None:
        return await self._there(PlanDiff, at("replay-plans", plan_id, "diff"))

    async def approve(self, plan_id: str, digest: str, *, reason: str = "") -> Facts:
        said = {"digest": digest, "reason": reason}
        return facts_of(PlanView, await self.wire.post(at("replay-plans", plan_id, "approvals"), said))

    async def run(self, plan_id: str, digest: str, *, limits: Limits | None = None, reason: str = "") -> Facts:
        said: Facts = {"plan": plan_id, "digest": digest, "reason": reason}
        if limits is not None:
            said["limits"] = {
                name: each for name, each in msgspec.to_builtins(limits).items() if name in Wanted.__struct_fields__
            }
        return facts_of(RunView, await self.wire.post(at("replay-runs"), said))

    async def run_show(self, run_id: str) -> Facts | None:
        return await self._there(RunView, at("replay-runs", run_id))

    async def run_items(self, run_id: str, *, outcome: str = "", after: int = 0, limit: int = 50) -> Facts | None:
        path = at("replay-runs", run_id, "items")
        return await self._page(RunItem, path, "items", {"outcome": outcome}, after, limit)

    async def pause(self, run_id: str, *, reason: str = "") -> Facts:
        return await self._turned(run_id, "pause", reason)

    async def resume(self, run_id: str, *, reason: str = "") -> Facts:
        return await self._turned(run_id, "resume", reason)

    async def stop(self, run_id: str, *, reason: str = "") -> Facts:
        return await self._turned(run_id, "stop", reason)

    async def _turned(self, run_id: str, verb: str, reason: str) -> Facts:
        return facts_of(RunView, await self.wire.post(f"{at('replay-runs', run_id)}:{verb}", {"reason": reason}))

    async def plans(self, *, after: str = "", limit: int = 50) -> Facts:
        return await self._page(PlanBrief, at("replay-plans"), "plans", {}, after, limit) or {}

    async def runs(self, *, after: str = "", limit: int = 50, open: bool = False) -> Facts:
        return await self._page(RunBrief, at("replay-runs"), "runs", {"open": open}, after, limit) or {}

    async def _there(self, kind: type[Any], path: str) -> Facts | None:
        found = await self.wire.there(path)
        return None if found is None else facts_of(kind, found)

    async def _page(
        self, kind: type[Any], path: str, name: str, query: Mapping[str, Any], after: int | str, limit: int
    ) -> Facts | None:
        try:
            items, next_ = await self.wire.page(path, {**query, "after": after or "", "limit": min(limit, MOST)})
        except Refused as error:
            if error.code == "not-found":
                return None
            raise
        return {name: [facts_of(kind, each) for each in items], "next": next_ or None}
