"""Where the parts of one credential come from, read anew when they change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from gateway.config.auth import CredentialRules, FromFile, FromStore

Signature = tuple[int, int, int]


class MissingPart(LookupError):
    """A secret that the configuration names is not set."""


class Sources:
    """Of one connection. Files are looked at by their signature, and read only when it changed: a mounted secret is
    replaced as a whole, by a new file under the same name.
    """

    def __init__(self, connection: str, auth: Mapping[str, Any], rules: CredentialRules) -> None:
        self.connection = connection
        ((self._kind, settings),) = auth.items()
        self._settings = dict(settings)
        self._files = {name: each.path for name, each in rules.origins.items() if isinstance(each, FromFile)}
        self._stored = {name: each.name for name, each in rules.origins.items() if isinstance(each, FromStore)}
        self._seen = {name: _signature(path) for name, path in self._files.items()}
        self.texts = {name: str(self._settings[name]) for name in self._files}
        """What the files held when they were last read whole."""
        self.trouble = ""
        """Why a file could not be read; its last text counts."""

    @property
    def names(self) -> frozenset[str]:
        """Secrets of the database that are parts of it."""
        return frozenset(self._stored.values())

    @property
    def paths(self) -> list[Path]:
        """Files that are parts of it."""
        return list(self._files.values())

    def look(self) -> None:
        """Reads what changed. A file that is away, empty or not text for a moment is not a new secret."""
        self.trouble = ""
        for name, path in self._files.items():
            signature = _signature(path)
            if signature is not None and signature == self._seen[name]:
                continue
            try:
                text = path.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                self.trouble = f"{path} cannot be read: {type(error).__name__}"
                continue
            if not text:
                self.trouble = f"{path} is empty"
                continue
            self.texts[name], self._seen[name] = text, signature

    def auth(self, texts: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, Any]:
        """The credential with these contents of files and of the database. Raises MissingPart."""
        lacking = [name for name in self._stored.values() if name not in stored]
        if lacking:
            how = f"lockstep secret set {self.connection} {lacking[0]}"
            raise MissingPart(f"the secret {lacking[0]} of {self.connection} is not set; try: {how}")
        parts = dict(texts) | {name: stored[each] for name, each in self._stored.items()}
        return {self._kind: self._settings | parts}


def coded(auth: Mapping[str, Any]) -> str:
    """The same text for the same credential."""
    return orjson.dumps(auth, option=orjson.OPT_SORT_KEYS).decode()


def _signature(path: Path) -> Signature | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
