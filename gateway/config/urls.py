"""Where store and stream may be and where to listen: what can be told from the text, before anything is opened."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_DATABASE = re.compile(r"postgresql\+asyncpg://\S+|sqlite\+aiosqlite:////\S+")
_STREAM = re.compile(r"kafka://[^\s/]+/?|sqlite:////\S+")
_LISTEN = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[^\s:\[\]]+):(\d{1,5})")


def database_url(url: str) -> str:
    """The URL. Raises ValueError if no store can be there; it never shows the URL, which may hold a password."""
    if not _DATABASE.fullmatch(url) or not _splits(url):
        raise ValueError("this is not a database; try postgresql+asyncpg://user@host/name")
    return url


def stream_url(url: str) -> str:
    """The URL. Raises ValueError if no stream can be there."""
    if not _STREAM.fullmatch(url):
        raise ValueError("this is not a stream; try kafka://host:9092")
    return url


def listen_address(listen: str) -> str:
    """Host and port to listen at. Raises ValueError for anything else."""
    match = _LISTEN.fullmatch(listen)
    if match is None or int(match.group(1)) > 65535:
        raise ValueError("this is not an address to listen at; try 127.0.0.1:8080")
    return listen


def _splits(url: str) -> bool:
    """Whether host and port can be told: a port that is no number, or a bracket too few, cannot."""
    try:
        parts = urlsplit(url)
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


DatabaseUrl = Annotated[str, AfterValidator(database_url)]
StreamUrl = Annotated[str, AfterValidator(stream_url)]
