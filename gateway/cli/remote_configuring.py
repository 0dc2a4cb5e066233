"""Registering from files at a gateway elsewhere, by its API."""

from __future__ import annotations

from typing import Any

from connectors.contract.written.problems import Problem
from gateway.cli.reading import many, value_of
from gateway.cli.wire import Refused, Wire, at
from gateway.work.applying import ConfigVersion
from gateway.work.registering import ConfigurationInvalid, Handed, Placed, Plan, Standing

Facts = dict[str, Any]


class RemoteConfiguring:
    """`port.Configuring`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def plan_files(self, handed: Handed) -> Plan:
        return value_of(Plan, await self._sent("plan", _said(handed), handed))

    async def apply_files(self, handed: Handed, *, expected: str, reason: str = "") -> Placed:
        said = {**_said(handed), "reason": reason}
        return value_of(Placed, await self._sent("apply", said, handed, version=expected))

    async def config_versions(self, *, limit: int = 50) -> list[ConfigVersion]:
        return many(ConfigVersion, await self.wire.get(f"{at('configuration')}/versions", {"limit": limit}))

    async def configuration(self) -> Standing:
        return value_of(Standing, await self.wire.get(at("configuration")))

    async def take_up(self) -> Standing:
        return value_of(Standing, await self.wire.post(f"{at('configuration')}:take-up", {}))

    async def _sent(self, verb: str, said: Facts, handed: Handed, **more: Any) -> Any:
        try:
            return await self.wire.post(f"{at('configuration')}:{verb}", said, **more)
        except Refused as error:
            if error.code == "configuration-invalid":
                raise ConfigurationInvalid([_problem(each) for each in error.errors], handed.files) from error
            raise


def _said(handed: Handed) -> Facts:
    return {"files": dict(handed.files), "remove": list(handed.remove)}


def _problem(said: Facts) -> Problem:
    """As it was before it went over the wire."""
    place = said.get("file", ""), said.get("line", 1), said.get("column", 1)
    return Problem(*place, said.get("rule", ""), said["detail"], str(said.get("fix", "")).removeprefix("try "))
