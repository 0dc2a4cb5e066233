"""What of the cases somebody may see: narrowed in SQL for lists, asked of each case elsewhere."""

from __future__ import annotations

import msgspec

from dead_letter.reach import Reach
from dead_letter.values import CaseFilter, CaseGroup, CaseSummary
from gateway.access.rights import Principal
from gateway.work.workplace import Workplace


def narrowed(place: Workplace, who: Principal, wanted: CaseFilter) -> CaseFilter:
    """The filter, over what the reader may see. Whoever asks cannot widen it."""
    return msgspec.structs.replace(wanted, connections=who.connections, flows=flows_of(place, who))


def flows_of(place: Workplace, who: Principal) -> frozenset[str] | None:
    """The flows of the record types in scope; None: all."""
    if who.types is None:
        return None
    return frozenset(name for name, flow in place.config.flows.items() if flow.type.type in who.types)


def reach_of(place: Workplace, who: Principal) -> Reach:
    """The reader's scope as the domain knows it."""
    return Reach(connections=who.connections, flows=flows_of(place, who))


def sees(place: Workplace, who: Principal, case: CaseSummary) -> bool:
    """Whether the case is there for the reader."""
    return reach_of(place, who).covers(case.connection, case.flow)


def type_of(place: Workplace, case: CaseSummary) -> str:
    """The record type that the case is about; empty where it is about none."""
    flow = place.config.flows.get(case.flow)
    return flow.type.type if flow else ""


def personal_of(place: Workplace, case: CaseSummary | CaseGroup) -> frozenset[str]:
    """Personal fields of the case's record type; of all types where it is about none."""
    flow = place.config.flows.get(case.flow)
    flows = [flow] if flow else list(place.config.flows.values())
    return frozenset(name for each in flows for name, rule in each.type.fields.items() if rule.personal)
