"""The reference tells how to sign in at each stand-in: every way in its table lets a connector in, and only so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connectors import registry
from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import LockstepError
from connectors.contract.values import Finding
from connectors.sandbox import SYSTEMS, start
from gateway.config.files import with_ways

ROOT = Path(__file__).resolve().parents[3]
_ROW = re.compile(r"^\| `(\w+)` \| (`\{.*`) \|(.*)\|$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
FILES = {"brambledesk": str(ROOT / "examples/brambledesk/connectors/brambledesk.yaml")}
WRONG = "certainly-not-it"


def table() -> dict[str, tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Stand-in -> its ways to sign in, and options."""
    text = (ROOT / "docs/reference/sandbox.md").read_text(encoding="utf-8")
    rows = _ROW.findall(text.partition("## Signing in")[2].partition("\n## ")[0])
    return {name: ([_said(each) for each in _CODE.findall(ways)], _options(more)) for name, ways, more in rows}


def _said(text: str) -> Any:
    return YAML(typ="safe").load(text)


def _options(text: str) -> dict[str, Any]:
    said = [_said(each) for each in _CODE.findall(text) if each.startswith("options:")]
    return dict(said[0]["options"]) if said else {}


def spoiled(auth: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a secret that nobody has."""
    ((kind, given),) = auth.items()
    secret = next(name for name in ("password", "token", "key", "client_secret") if name in given)
    return {kind: {**given, secret: WRONG}}


async def checked(system: str, url: str, auth: Mapping[str, Any], options: Mapping[str, Any]) -> list[Finding]:
    """What the connector's own check says; a sign-in that raises is a failed one."""
    connector = FILES.get(system, system)
    settings = ConnectionSettings(
        name=system,
        connector=connector,
        url=f"{url}/scim/v2" if system == "scim" else url,
        auth=with_ways(connector, system, auth),
        options=dict(options),
    )
    made = registry.create(settings, clock=SystemClock())
    try:
        return list(await made.check())
    except LockstepError as error:
        return [Finding(proves="sign-in", ok=False, detail=str(error))]
    finally:
        await made.close()


def test_all_are_told() -> None:
    assert set(table()) == set(SYSTEMS)


@pytest.mark.parametrize("system", SYSTEMS)
async def test_each_way_lets_a_connector_in_and_a_wrong_secret_does_not(system: str, tmp_path: Path) -> None:
    ways, options = table()[system]
    stand_in = await start(system, data=tmp_path / "stand-in.db")
    try:
        found = await asyncio.gather(*(checked(system, stand_in.url, each, options) for each in ways))
        assert all(found) and [each for way in found for each in way if not each.ok] == []
        refused = await asyncio.gather(*(checked(system, stand_in.url, spoiled(each), options) for each in ways))
        assert all(not each[0].ok for each in refused), refused
    finally:
        await stand_in.stop()
