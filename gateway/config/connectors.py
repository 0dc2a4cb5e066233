"""Lets each connector judge its own settings, before anything is opened."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors import registry
from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import ConfigError
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem
from gateway.config import files

if TYPE_CHECKING:
    import httpx

# The connectors' own lines name where they were found: `connection snow, incident: error[options]: text; try ...`.
_LINE = re.compile(r"(?P<where>.*?): error\[(?P<rule>[\w-]+)\]: (?P<text>.*)", re.DOTALL)


def check(source: Source, settings: ConnectionSettings, members: dict[str, tuple[str | int, ...]]) -> list[Problem]:
    """What the connector says against these settings. `members`: object -> place of its flow member."""
    if registry.is_file(settings.connector) and (problems := files.problems(settings.connector)):
        return problems
    import httpx  # a command that does not ask the connectors does without it

    try:
        registry.create(settings, clock=SystemClock(), transport=httpx.MockTransport(_never))
    except ConfigError as error:
        return [_placed(source, settings.name, members, line) for line in error.problems]
    return []


def _placed(source: Source, name: str, members: dict[str, tuple[str | int, ...]], line: str) -> Problem:
    match = _LINE.fullmatch(line)
    if match is None:
        return source.problem(("connections", name), "connector", line, key=True)
    _, _, object_type = match["where"].partition(", ")
    block = (*members[object_type], "with") if object_type in members else ("connections", name, "options")
    word = re.match(r"\w*", match["text"])
    text, _, hint = match["text"].partition("; try ")
    return source.problem((*block, word.group() if word else ""), match["rule"], text, hint, key=True)


def _never(request: httpx.Request) -> httpx.Response:
    import httpx

    raise httpx.ConnectError("settings are checked without a connection", request=request)
