"""One process per data directory: the embedded stream and store belong to whoever holds the lock."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from connectors.contract.errors import ConfigError
from gateway.core.folders import private


def lock(directory: Path) -> IO[str]:
    """Takes the directory until the returned file is closed or the process ends. Raises ConfigError if another has
    it, or if nothing can be written there.
    """
    try:
        private(directory)
        file = (directory / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        problem = f"data: error[directory]: nothing can be written to {directory}: {error.strerror}"
        raise ConfigError([f"{problem}; make it writable, or name another `data`"]) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        problem = f"data: error[in-use]: {directory} is in use by process {holder}"
        raise ConfigError([f"{problem}; stop it first, or give this one another `data`"]) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
