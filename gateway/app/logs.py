"""What the gateway logs, and where: one JSON line per event on stderr."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TextIO

import structlog
from aiohttp.http_exceptions import HttpProcessingError


class Unfailing:
    """A stream that never fails its writer.

    Where stderr is a file on the disk that is full, the line that tells so cannot be written either; raising there
    would
    turn a clean refusal (503) into a defect (500). Such lines are lost.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As a text stream's."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """As a text stream's."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def is_ours_to_hear(record: logging.LogRecord) -> bool:
    """False for a request that is no HTTP: it was answered 400, and no stranger shall fill the log with tracebacks."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def configure_logs() -> None:
    """One JSON line per event on stderr; libraries only when something is wrong."""
    stderr: TextIO = Unfailing(sys.stderr)  # type: ignore[assignment]
    logging.basicConfig(level=logging.WARNING, stream=stderr)
    logging.getLogger("aiohttp.server").addFilter(is_ours_to_hear)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=stderr),
    )
