"""The mappings of the demo's flows, as the judge needs them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from gateway.demo.flows import FILES, TASKS, Part, flows_of
from gateway.demo.stand_ins import SYSTEMS
from mappings.compiler import CompiledMapping
from mappings.loader import load_mapping


@dataclass(frozen=True, slots=True)
class Terms:
    """What the judge is told of the configuration."""

    flows: Mapping[str, tuple[Part, ...]]
    mappings: Mapping[Part, CompiledMapping]
    chores: bool
    """Whether tasks are made."""

    def comments(self, source: Part, targets: Iterable[Part]) -> dict[str, frozenset[str]]:
        """By the connection of each target, the kinds of comments that the mappings carry there."""
        return {each.connection: _carried(self.mappings[source], self.mappings[each]) for each in targets}


def load_terms(systems: Collection[str] = tuple(SYSTEMS)) -> Terms:
    """The flows between these stand-ins."""
    flows = dict(flows_of(systems))
    chores = set(SYSTEMS) <= set(systems)
    parts = [part for found in flows.values() for part in found]
    return Terms(flows, {part: load_mapping(part.mapping, FILES) for part in (*parts, TASKS)}, chores)


def _carried(source: CompiledMapping, target: CompiledMapping) -> frozenset[str]:
    if source.items is None or target.items is None:
        return frozenset()
    inward, outward = source.items.inward, target.items.outward
    return frozenset(kind for kind, meaning in inward.items() if meaning and outward.get(meaning))
