"""Writes the parts of docs/reference that come from the code; `--check` only says which of them are stale."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from html import unescape
from pathlib import Path

from gateway.api.reference import page
from gateway.api.table import ROUTES
from gateway.audit.reference import page as audit_page
from gateway.config.schema import MODELS, json_schema
from gateway.siem.forms.reference import page as kinds_page
from scripts.access_page import access_page

REPOSITORY = Path(__file__).resolve().parents[1]
REFERENCE = Path("docs/reference")


def command_line() -> str:
    """The commands and their options, as Markdown; typer's own writer of docs makes it."""
    command = [sys.executable, "-m", "typer", "gateway.cli.app", "utils", "docs", "--name", "lockstep"]
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    return "\n".join(line.rstrip() for line in unescape(done.stdout).splitlines()).strip() + "\n"


def generated() -> dict[Path, str]:
    """Each file, relative to the checkout, with what it has to hold now."""
    schemas = {
        REFERENCE / "schemas" / f"{kind}.schema.json": json.dumps(json_schema(kind), indent=2, sort_keys=True) + "\n"
        for kind in MODELS
    }
    pages = {
        "cli.md": command_line(),
        "api.md": page(ROUTES),
        "access.md": access_page(),
        "siem-kinds.md": kinds_page(),
        "audit.md": audit_page(),
    }
    return {**schemas, **{REFERENCE / name: text for name, text in pages.items()}}


def stale(root: Path = REPOSITORY) -> list[str]:
    """Files that are absent or hold something else than the code says."""
    wanted = generated()
    return [
        str(path) for path, text in wanted.items() if not (root / path).is_file() or (root / path).read_text() != text
    ]


def write(root: Path = REPOSITORY) -> None:
    """Bring every file up to date."""
    for path, text in generated().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def main() -> int:
    """Exit code 1 when `--check` finds a stale file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    if not parser.parse_args().check:
        write()
        return 0
    found = stale()
    for name in found:
        print(f"error: {name} is stale: run `make docs` and commit what it writes", file=sys.stderr)
    if not found:
        print("docs/reference says what the code says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
