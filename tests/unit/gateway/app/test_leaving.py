"""Which parts of departures a configuration asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app.compose import compose
from gateway.config import load
from gateway.offboarding.trigger import Trigger
from gateway.sync.onlooking import NobodyLooks

CONFIG = """
lockstep: 1
connections:
  hr: {connector: scim, url: "https://hr.example.com", timeout: 7s, settles: 90s, auth: {bearer: {token: "${TOKEN}"}}}
  app: {connector: scim, url: "https://app.example.com", auth: {bearer: {token: "${TOKEN}"}}}
flows:
  people:
    type: person
    members:
      hr: {object: user, mapping: scim-user}
      app: {object: user, mapping: scim-user}
"""


@pytest.mark.parametrize("told", [True, False])
async def test_records_are_looked_at_where_the_configuration_says_so(tmp_path: Path, told: bool) -> None:
    file = tmp_path / "lockstep.yaml"
    file.write_text(CONFIG + ("leavers: {from: [{flow: people}], systems: {app: {}}}\n" if told else ""))
    gateway = compose(load(file, {"TOKEN": "t"}))
    try:
        assert isinstance(gateway.decider.onlooker, Trigger if told else NobodyLooks)
        hr = gateway.offboarder.systems["hr"]
        assert (hr.settles_s, hr.timeout_s) == (90.0, 7.0) and hr.gate is gateway.keeper.gates["hr"]
        assert gateway.offboarder.wanted == ({"app"} if told else set())
    finally:
        for connector in gateway.connectors.values():
            await connector.close()
        await gateway.database.close()
