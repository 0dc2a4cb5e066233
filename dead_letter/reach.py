"""How far a person sees and acts among cases: by connections and flows. What lies outside is not there for them."""

from __future__ import annotations

from typing import Any

import msgspec

from dead_letter.tables import cases


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """None: all. A case of no connection, or of no flow, is about the gateway itself: it is in every reach."""

    connections: frozenset[str] | None = None
    flows: frozenset[str] | None = None

    @property
    def everywhere(self) -> bool:
        """Whether nothing is outside."""
        return self.connections is None and self.flows is None

    def covers(self, connection: str, flow: str) -> bool:
        """Whether what is there is inside."""
        pairs = ((connection, self.connections), (flow, self.flows))
        return all(allowed is None or not place or place in allowed for place, allowed in pairs)

    def conditions(self) -> list[Any]:
        """The same, on the table of cases."""
        scopes = ((cases.c.connection, self.connections), (cases.c.flow, self.flows))
        return [column.in_(sorted({"", *allowed})) for column, allowed in scopes if allowed is not None]

    def within(self, other: Reach) -> Reach:
        """What both cover."""
        return Reach(
            connections=_both(self.connections, other.connections),
            flows=_both(self.flows, other.flows),
        )

    @property
    def stored(self) -> str:
        """As text, equal for equal reaches; empty for everywhere."""
        if self.everywhere:
            return ""
        said = {
            name: sorted(allowed) for name in ("connections", "flows") if (allowed := getattr(self, name)) is not None
        }
        return msgspec.json.encode(said).decode()


EVERYWHERE = Reach()


def reach_of(stored: str) -> Reach:
    """What `Reach.stored` gave."""
    return msgspec.json.decode(stored, type=Reach) if stored else EVERYWHERE


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
