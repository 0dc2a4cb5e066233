"""Beginning again with the files in place: a gateway that cannot goes on with what it had."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.contract.errors import ConfigError
from gateway.app import run as app_run
from gateway.config import Config

OLD, NEW = (cast(Config, SimpleNamespace(name=name, mappings_by="files")) for name in ("old", "new"))


class Ended(Exception):
    """The test has seen enough."""


async def begun(monkeypatch: pytest.MonkeyPatch, first: Config, in_place: Config, bad: Config) -> list[str]:
    """Names of what was worked by, in order."""
    seen: list[str] = []

    def compose(config: Any, *, begin_again: Callable[[], None], begun_with: str = "") -> Any:
        if config is bad:
            raise ConfigError([f"{config.name} cannot begin"])
        place = SimpleNamespace(begun_with=begun_with or f"digest of {config.name}")
        return SimpleNamespace(config=config, begin_again=begin_again, place=place)

    @asynccontextmanager
    async def running(gateway: Any, door: Any) -> AsyncIterator[None]:
        assert gateway.place.begun_with == f"digest of {gateway.config.name}", "it says what it works by"
        seen.append(gateway.config.name)
        yield

    async def served(gateway: Any, again: Any) -> None:
        if len(seen) > 1:
            raise Ended

    for name, stand_in in (("compose", compose), ("running", running), ("_served", served)):
        monkeypatch.setattr(app_run, name, stand_in)
    monkeypatch.setattr(app_run, "_in_place", lambda config: in_place)
    with pytest.raises(Ended):
        await app_run._serving(first)
    return seen


async def test_what_cannot_begin_leaves_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await begun(monkeypatch, OLD, NEW, bad=NEW) == ["old", "old"]


async def test_what_cannot_be_read_leaves_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await begun(monkeypatch, OLD, OLD, bad=NEW) == ["old", "old"]


async def test_what_can_is_worked_by(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await begun(monkeypatch, OLD, NEW, bad=cast(Config, None)) == ["old", "new"]


async def test_a_start_that_cannot_begin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="old cannot begin"):
        await begun(monkeypatch, OLD, NEW, bad=OLD)
