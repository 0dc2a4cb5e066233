"""Who follows at this worker, and what all of one scope are told alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connectors.contract.clock import Clock
from connectors.contract.errors import InputError
from gateway.access.rights import Principal
from gateway.api.showing import to_json

MOST = 100
MOST_OF_ONE = 10
FRESH_S = 1.0
"""A state that somebody of the same scope was told so lately is not looked up again."""


class StreamsFull(InputError):
    """No more streams at this worker, or for this caller: 503."""

    retry_s = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    who: str
    there: Callable[[], bool]


class Streams:
    """The open streams of a worker."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.closing = False
        """The worker stops: all streams end, and their readers come back to another worker."""
        self._places: list[_Place] = []
        self._told: dict[Any, tuple[float, str]] = {}

    @contextmanager
    def place(self, who: Principal, there: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Room for one more, until it is left or `there` says that its reader has gone. Raises StreamsFull."""
        taken = [each for each in self._places if each.there()]
        of_one = sum(each.who == who.id for each in taken)
        if self.closing or len(taken) >= MOST or of_one >= MOST_OF_ONE:
            told = f"{len(taken)} streams are open here, {of_one} of them yours; the bounds are"
            raise StreamsFull(f"{told} {MOST} and {MOST_OF_ONE}", code="streams-full")
        mine = _Place(who.id, there)
        self._places.append(mine)
        try:
            yield
        finally:
            self._places.remove(mine)

    async def once(self, topic: str, who: Principal, state: Callable[[], Awaitable[Any]]) -> str:
        """The state as JSON, looked up at most once in `FRESH_S` for all who see the same. Who sees only a part of the
        gateway sees plans in the making that are their own.
        """
        narrow = who.connections is not None or who.types is not None
        scope = (topic, who.connections, who.types, who.id if narrow else "")
        at, text = self._told.get(scope, (float("-inf"), ""))
        now = self.clock.monotonic()
        if now - at >= FRESH_S:
            self._told = {key: each for key, each in self._told.items() if now - each[0] < FRESH_S}
            text = to_json(await state())
            self._told[scope] = (now, text)
        return text
