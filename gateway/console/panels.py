"""Panels of a page, read one by one: one that cannot be read says so, and since when, while the others stand."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from aiohttp import web

from connectors.contract.errors import StorageError
from gateway.access.rights import NotAllowed
from gateway.console.frame import Asked
from gateway.console.rendering import age, moment
from gateway.core.ids import new_id

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Panel(Generic[T]):
    """What was read, or `value` as it is without a reading and why that is so."""

    value: T
    what: str
    unread: str = ""
    """For people; empty: it was read."""
    error: Exception | None = None


class Panels:
    """Those of one page. When each was read last is known to the process, whoever asked."""

    def __init__(self, asked: Asked, page: str) -> None:
        self.asked, self.page = asked, page
        self.unread: list[Panel[object]] = []
        self._read = 0

    async def read(self, name: str, what: str, work: Awaitable[T], default: T) -> Panel[T]:
        """The panel `name`, which people know as `what`. Whatever breaks, but no right that is lacking, stays in it."""
        known = self.asked.desk.last_known
        try:
            value = await work
        except (NotAllowed, web.HTTPException):
            raise
        except Exception as error:  # noqa: BLE001 - a defect in one panel must not hide the others at three in the morning
            panel = Panel(default, what, self._why(name, what, error), error)
            self.unread.append(Panel(None, what, panel.unread, error))
            return panel
        known[f"{self.page}:{name}"] = self.asked.now
        self._read += 1
        return Panel(value, what)

    def _why(self, name: str, what: str, error: Exception) -> str:
        at = self.asked.desk.last_known.get(f"{self.page}:{name}")
        last = f"last known at {moment(at)}, {age(self.asked.now - at)} ago" if at else "not known since the start"
        if isinstance(error, StorageError):
            log.warning("panel-unread", page=self.page, panel=name, error=str(error))
            return f"I cannot read {what}; {last}. {error}"
        trace = new_id("er_")
        log.error("panel-unread", page=self.page, panel=name, trace=trace, exc_info=error)
        return f"I cannot read {what}; {last}. This is a defect of ours; the log has it under {trace}"

    def all_lost(self) -> None:
        """Raises what the first panel met if none could be read: then the page has nothing to say."""
        if self.unread and not self._read and self.unread[0].error is not None:
            raise self.unread[0].error
