"""What a decision needs of the gateway. Implemented there, handed in with each decision."""

from __future__ import annotations

from typing import Any, Protocol

from dead_letter.values import Case


class LanePort(Protocol):
    """Carries a decision to the lanes inside the decision's own transaction: an implementation is made for one open
    transaction and raises to undo the whole decision. It calls no system; the lane's worker does that later.
    """

    async def retry(self, case: Case) -> None:
        """Unparks the lane, which computes anew what to write (SYNC.md rule 22); a poison notice is processed anew."""
        ...

    async def discard(self, case: Case) -> None:
        """Waives what could not be written, at its present version: it is not sent until it changes again (rule 22)."""
        ...

    async def seen_to(self, case: Case) -> None:
        """A person saw to what the case was about: a lane that waited for that goes on by itself."""
        ...

    async def accept(self, case: Case) -> None:
        """The objects that a sweep missed are deleted indeed: it runs again at once, and is not stopped by them."""
        ...

    async def look(self, case: Case) -> None:
        """Asks for one more look at the target of an unknown outcome. Reads only."""
        ...

    async def declare(self, case: Case, applied: bool) -> None:
        """Settles an unknown outcome in a person's words: taken for applied, or sent anew (rule 18)."""
        ...

    async def resolve(self, case: Case, winner: str) -> None:
        """Makes the value of side `winner` (one of `actions.sides_of`) the canonical one, source operator (rule 22)."""
        ...

    async def correct(self, case: Case, field: str, old: Any, new: Any) -> None:
        """Makes another value of a field the canonical one, source operator, and tries again what the case held. Raises
        MappingError where a system cannot be given it, and CorrectionMoved if the value is not `old` any more.
        """
        ...

    async def enter(self, case: Case, value: Any) -> None:
        """Makes a value that neither side holds the canonical one, source operator. Raises MappingError where a system
        cannot be given it.
        """
        ...
