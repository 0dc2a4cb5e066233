"""A new embedded database as its migrations leave it. They take half a second, and hundreds of tests begin with one: so
they run once in a process, and the file is copied.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from uuid import uuid4

from gateway.storage.database import Database
from gateway.storage.migrate import migrate


async def migrated(database: Database) -> None:
    """Gives `database` the schema of today. What has a file already, or is a server's, is migrated as ever."""
    named = database.url.database if database.sqlite else None
    if not named or _there(named):
        await migrate(database)
        return
    template = _folder() / "template.db"
    if not _there(template):
        draft = _folder() / f"{uuid4().hex}.db"
        made = Database(f"sqlite+aiosqlite:///{draft}")
        await migrate(made)
        await made.close()
        draft.rename(template)
    _copy(template, Path(named))


def _there(file: str | Path) -> bool:
    return Path(file).exists()


def _copy(template: Path, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(template, file)


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="lockstep-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
