"""Finding the way of a stepped field: which move to make next so as to reach a goal."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any


def next_hop(graph: Mapping[Any, Sequence[Any]], current: Any, goal: Any, available: Sequence[Any]) -> Any:
    """The first hop of a shortest way from `current` to `goal`, None if there is no way (or nothing to do).

    The first hop must be one of `available`, because only those moves exist now; if nothing is known to be available
    the declared graph stands in. Later hops follow the declared graph. Ties go to what the graph lists first.
    """
    if current == goal:
        return None
    declared = list(graph.get(current, ()))
    ranked = [hop for hop in declared if hop in available] + [hop for hop in available if hop not in declared]
    first = ranked if available else declared
    if goal in first:
        return goal
    origin = {hop: hop for hop in reversed(first) if hop != current}
    queue = deque(hop for hop in first if hop in origin)
    seen = {current, *queue}
    while queue:
        at = queue.popleft()
        for after in graph.get(at, ()):
            if after in seen:
                continue
            seen.add(after)
            origin[after] = origin[at]
            if after == goal:
                return origin[after]
            queue.append(after)
    return None
