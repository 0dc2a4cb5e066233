"""A look at a case: what the systems show at this moment. Reads through the connectors, sends and stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract.connector import Connector
from gateway.access.rights import Principal, Right
from gateway.work import cases
from gateway.work.looking import write_look
from gateway.work.personal import seen
from gateway.work.workplace import Workplace

Facts = dict[str, Any]


async def look_at_case(place: Workplace, who: Principal, connectors: Mapping[str, Connector], number: str) -> Facts:
    """Both sides of the case's record; of a case about a whole connection, whether it lets us in now. Right WORK.

    {sides | None, in_doubt, check: [{proves, ok, detail}], failed}. Raises CaseNotFound.
    """
    who.require(Right.WORK)
    case = await cases.look_up(place, who, number)
    in_doubt = case.cls == "unknown_outcome"
    if case.record:
        attempt = str(case.evidence.get("attempt", ""))
        shown = await write_look(place.database, place.topology, connectors, case.record, attempt)
        sides = await seen(place, who, shown, record=case.record, cause=case.number) if shown else None
        return {"sides": sides, "in_doubt": in_doubt, "check": [], "failed": False}
    connector = connectors.get(case.connection)
    found = await connector.check() if connector is not None else []
    told = [{"proves": one.proves, "ok": one.ok, "detail": one.detail} for one in found]
    return {"sides": None, "in_doubt": in_doubt, "check": told, "failed": not all(one["ok"] for one in told)}
