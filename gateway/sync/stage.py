"""The stage of a flow: whether it takes changes in, asks its systems anything, and writes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.sync import tables as t


class Stage(StrEnum):
    """How far a flow goes."""

    DRAFT = "draft"
    """Configured only: what its systems tell ends as unmapped."""
    SHADOW = "shadow"
    """Takes in, reads, maps and plans; begins no write."""
    LIVE = "live"
    """Writes."""
    DISABLED = "disabled"
    """Takes in what it is told, so that nothing is lost; asks its systems nothing and writes nothing."""

    @property
    def rests(self) -> bool:
        """Nothing is asked of any system for it."""
        return self in (Stage.DRAFT, Stage.DISABLED)


def mark(stage: Stage, flow: str) -> str:
    """What a lane bears that this stage of its flow withholds."""
    return f"{stage}:{flow}"


SHADOWED = f"{Stage.SHADOW}:"


class Stages:
    """The stages as this worker knows them. Every transaction that may begin a write compares the serial first, so what
    one commit moved counts for each transaction that begins after it, at all workers.
    """

    def __init__(self, begins: Mapping[str, Stage] | None = None) -> None:
        """`begins`: where flows stand that nobody has moved yet; all others are live."""
        self.begins: Mapping[str, Stage] = begins or {}
        self.serial = 0
        self._moved: dict[str, Stage] = {}

    def of(self, flow: str) -> Stage:
        """Of one flow."""
        return self._moved.get(flow) or self.begins.get(flow, Stage.LIVE)

    async def renew(self, tx: AsyncConnection, serial: int | None = None) -> None:
        """Reads them anew if anybody moved one. `serial`: the newest, if it was read already."""
        newest = await newest_serial(tx) if serial is None else serial
        if newest != self.serial:
            self._moved = await moved_stages(tx)
            self.serial = newest


async def newest_serial(tx: AsyncConnection) -> int:
    """Of the last move of any flow; 0: there was none."""
    return int((await tx.execute(select(func.coalesce(func.max(t.flow_stage.c.serial), 0)))).scalar_one())


async def moved_stages(tx: AsyncConnection) -> dict[str, Stage]:
    """Flow -> the stage that somebody moved it to last."""
    row = t.flow_stage.c
    query = select(row.flow, row.stage).order_by(row.serial)
    return {flow: Stage(stage) for flow, stage in await tx.execute(query)}
