"""From a file to a connector, or to everything that is wrong with the file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx

from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.errors import ConfigError
from connectors.contract.written.edge import parse
from connectors.contract.written.places import Source, read_source
from connectors.contract.written.problems import Problem
from connectors.declared.connector import Declared
from connectors.declared.ending import Ends
from connectors.declared.lint import lint
from connectors.declared.model.file import ConnectorFile

FORMATS = (1,)


class Read(NamedTuple):
    """A file as it was read. No `file` if there is any problem."""

    file: ConnectorFile | None
    problems: list[Problem]


def read(path: Path) -> Read:
    """Reads and checks. Never raises for what is in the file."""
    return read_text(read_source(path))


def read_text(source: Source) -> Read:
    """As `read`, for a document already at hand."""
    if source.problems:
        return Read(None, source.problems)
    if foreign := _foreign(source):
        return Read(None, [foreign])
    parsed = parse(ConnectorFile, source)
    problems = list(parsed.problems)
    if parsed.model is not None:
        problems += lint(source, parsed.model, parsed.gone)
    problems = sorted(set(problems))
    return Read(None if problems else parsed.model, problems)


def _foreign(source: Source) -> Problem | None:
    """A file of another format is not judged by the rules of this one."""
    said = source.data.get("format") if isinstance(source.data, Mapping) else None
    if said is None or said in FORMATS or not isinstance(said, int):
        return None
    return source.problem(("format",), "format", f"this gateway does not know format {said}", "a newer release, or 1")


def load(path: Path) -> ConnectorFile:
    """The file. Raises ConfigError with all problems, each `file:line:col: error[rule]: text; try ...`."""
    file, problems = read(path)
    if file is None:
        raise ConfigError([str(each) for each in problems])
    return file


def create(
    path: Path,
    settings: ConnectionSettings,
    *,
    clock: Clock,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Connector:
    """A connector by the file at `path`, which ends access if the file says how. Raises ConfigError for the file or
    the settings.
    """
    file = load(path)
    made = Declared if file.access is None else Ends
    return made(file, settings, clock=clock, transport=transport)


def factory(path: Path) -> partial[Connector]:
    """What the registry calls for a connection whose connector is a file."""
    return partial(create, path)
