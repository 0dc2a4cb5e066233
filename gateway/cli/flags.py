"""Flags that several commands share. Each has an environment variable, which help shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path,
    typer.Option("--config", envvar="LOCKSTEP_CONFIG", help="The configuration file.", show_default="lockstep.yaml"),
]
DEFAULT_CONFIG = Path("lockstep.yaml")
Json = Annotated[
    bool, typer.Option("--json", envvar="LOCKSTEP_JSON", help="One JSON document on stdout instead of a table.")
]
