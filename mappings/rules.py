"""What a compiled mapping says about its parts: fields, items, departure. Values only; `compiler` makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.values import ATTACHMENT
from mappings.fallback import Fallback
from mappings.steps import next_hop


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One mapped field, as the sync core sees it."""

    name: str
    kind: str
    """text, enum, set, user, time, number or bool."""
    stepped: bool = False
    """The system moves it only along steps; its own value is never part of a written fragment."""
    writable: bool = True
    readable: bool = True
    companions: tuple[str, ...] = ()
    """Canonical fields that are sent along when this one is written."""
    personal: bool = False
    required: bool = False
    lossy: bool = False
    steps: Mapping[Any, tuple[Any, ...]] = field(default_factory=dict)
    gate: tuple[str, frozenset[Any]] | None = None
    """Another field and its external values under which this one means something; None: always."""
    shut: frozenset[Any] = frozenset()
    """External values of that other field under which this one is read as empty, whatever stands there."""
    fallbacks: tuple[Fallback, ...] = ()
    """Who stands in for a person whom the system does not know; the first that fits."""

    def path_to(self, current_ext: Any, goal_ext: Any, available: Sequence[Any]) -> Any:
        """The next external value to move to, None where there is no way. `available`: what can be moved to now."""
        return next_hop(self.steps, current_ext, goal_ext, available)


@dataclass(frozen=True, slots=True)
class ItemRule:
    """Which comments and files cross. Kinds map to kinds; None means dropped on purpose. A file of which nothing is
    said crosses as one: whether a system tells of files is said in the flow.
    """

    field: str
    inward: Mapping[str, str | None]
    outward: Mapping[str, str | None]
    mapping: str = ""

    @property
    def kinds(self) -> Mapping[str, str | None]:
        """Kind in the system -> canonical kind."""
        return self.inward

    def kind_in(self, kind: str) -> str | None:
        """The canonical kind of an item that was read, None if it stays there. Raises MappingError if unknown."""
        return self._look_up(self.inward, kind)

    def kind_out(self, kind: str) -> str | None:
        """The kind to write an item as, None if it does not go there. Raises MappingError for an unknown kind."""
        return self._look_up(self.outward, kind)

    def _look_up(self, kinds: Mapping[str, str | None], kind: str) -> str | None:
        if kind not in kinds and kind == ATTACHMENT:
            return ATTACHMENT
        if kind not in kinds:
            raise MappingError(self.field, kind, valid=tuple(kinds), mapping=self.mapping)
        return kinds[kind]


@dataclass(frozen=True, slots=True)
class Departure:
    """What ends an object's life for a flow, and what closed means for it."""

    deleted: bool
    closed: Mapping[str, Any]
    condition: Callable[[Mapping[str, Any]], bool] | None = None

    def leaves(self, raw: Mapping[str, Any]) -> bool:
        """Whether this document shows an object that has left. Raises MappingError if that cannot be decided."""
        return self.condition is not None and self.condition(raw)
