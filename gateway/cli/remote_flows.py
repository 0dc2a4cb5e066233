"""Flows of a gateway elsewhere, by its API."""

from __future__ import annotations

from gateway.cli.reading import many, value_of
from gateway.cli.wire import Refused, Wire, at
from gateway.work.flow_preview import SAMPLES, FlowPreview
from gateway.work.flows import FlowMove, FlowView


class RemoteFlows:
    """`port.Flows` and `port.FlowPreviews`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def list_flows(self) -> list[FlowView]:
        return many(FlowView, await self.wire.get(at("flows")))

    async def get_flow(self, name: str) -> FlowView | None:
        found = await self.wire.there(at("flows", name))
        return None if found is None else value_of(FlowView, found)

    async def flow_moves(self, name: str) -> list[FlowMove] | None:
        found = await self.wire.there(at("flows", name, "moves"))
        return None if found is None else many(FlowMove, found)

    async def preview_flow(self, name: str, *, connection: str = "", samples: int = SAMPLES) -> FlowPreview | None:
        found = await self.wire.there(at("flows", name, "preview"), {"connection": connection, "samples": samples})
        return None if found is None else value_of(FlowPreview, found)

    async def move_flow(self, name: str, stage: str, *, expected: int, reason: str = "") -> FlowView | None:
        said = {"stage": stage, "reason": reason}
        try:
            found = await self.wire.post(f"{at('flows', name)}:move", said, version=expected)
        except Refused as error:
            if error.code == "not-found":
                return None
            raise
        return value_of(FlowView, found)
