"""`lockstep check`: is everything that people wrote good?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document, say, table

if TYPE_CHECKING:
    from gateway.config import Config as Loaded


def check(
    config: Config = DEFAULT_CONFIG,
    mappings: Annotated[
        list[Path] | None, typer.Argument(help="Mapping files to check besides those the configuration names.")
    ] = None,
    connections: Annotated[
        bool,
        typer.Option(
            "--connections", envvar="LOCKSTEP_CHECK_CONNECTIONS", help="Also sign in to every connection and look."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the configuration and its mappings: all problems at once, each with file, line and column.

    Nothing is written anywhere. Exit code 11 for a problem in a file, 1 for a connection that fails its check.
    """
    import os

    from gateway.cli.store import no_file
    from gateway.config import read

    if config.is_dir() or not (config.is_file() or mappings):
        raise Ending(Code.CONFIG_INVALID, no_file(config))
    loaded, problems = read(config, os.environ) if config.is_file() else (None, [])
    problems = [*problems, *(problem for file in mappings or () for problem in _problems_of(file))]
    if problems:
        _tell(problems, as_json=as_json)
        raise Ending(Code.CONFIG_INVALID, f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
    findings = _sign_in(loaded) if connections and loaded is not None else []
    if as_json:
        document({"problems": [], "connections": findings})
    elif findings:
        table(findings, ("connection", "proves", "ok", "detail"))
    else:
        say(f"{config}: no problems" if loaded is not None else "no problems")
    if any(not finding["ok"] for finding in findings):
        raise Ending(Code.FAILED, "a connection failed its check")


def _problems_of(mapping: Path) -> list[Any]:
    from mappings.loader import read_mapping

    if not mapping.is_file():
        raise Ending(Code.WRONG_USE, f"{mapping} is not there")
    return list(read_mapping(mapping).problems)


def _tell(problems: list[Any], *, as_json: bool) -> None:
    if as_json:
        document({"problems": [str(problem) for problem in problems], "connections": []})
    else:
        for problem in problems:
            data(str(problem))


def _sign_in(loaded: Loaded) -> list[dict[str, Any]]:
    import asyncio

    return asyncio.run(_findings(loaded))


async def _findings(loaded: Loaded) -> list[dict[str, Any]]:
    """What each connection proves, one after the other."""
    from gateway.app.once import connectors_once

    async with connectors_once(loaded) as made:
        return [
            {"connection": name, "proves": one.proves, "ok": one.ok, "detail": one.detail}
            for name, connector in made.items()
            for one in await connector.check()
        ]
