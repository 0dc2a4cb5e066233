"""The gateway of the configuration: its verbs, on its database, for the account that types."""

from __future__ import annotations

import getpass
import inspect
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from gateway.cli import port, port_leavers

if TYPE_CHECKING:
    from gateway.access.rights import Principal
    from gateway.config import Config
    from gateway.work.leaver_planning import LeaverPlan
    from gateway.work.workplace import Workplace

Facts = dict[str, Any]


class Verbs:
    """The verbs of a module, for one person at one place. Awaited, whether the verb itself waits or not."""

    def __init__(self, module: ModuleType, place: Workplace, who: Principal) -> None:
        self.module, self.place, self.who = module, place, who

    def __getattr__(self, name: str) -> Callable[..., Any]:
        verb = getattr(self.module, name)
        bound = partial(verb, self.place, self.who)
        if inspect.iscoroutinefunction(verb) or inspect.isasyncgenfunction(verb):
            return bound

        async def at_once(*said: Any, **more: Any) -> Any:
            return bound(*said, **more)

        return at_once


class Replaying(Verbs):
    """The verbs of replays, and planning with some limits of one's own."""

    async def leftovers(self, run_id: str) -> Facts:
        from gateway.work.replay_planning import leftovers

        return await leftovers(self.place, self.who, run_id)

    async def plan_within(self, selection: str, count: int, asked: Mapping[str, Any], **more: Any) -> Facts:
        from gateway.work import replays
        from gateway.work.replay_limits import wanted_limits

        limits = wanted_limits(self.place, self.who, count, asked)
        return await replays.plan(self.place, self.who, selection, limits=limits, **more)


class Looking:
    """Looks need the connectors, which a gateway that runs has and a command makes for the moment."""

    def __init__(self, place: Workplace, who: Principal) -> None:
        self.place, self.who = place, who

    async def look_at_case(self, number: str) -> Facts:
        from gateway.work import looks

        async with _connectors_for(self.place.config) as connectors:
            return await looks.look_at_case(self.place, self.who, connectors, number)

    async def look_at_record(self, system: str, object: str, key: str) -> Facts | None:
        from gateway.work import records

        async with _connectors_for(self.place.config) as connectors:
            return await records.look(self.place, self.who, connectors, system, object, key)


class LeaverPlanning:
    """A plan asks the systems, as looks do."""

    def __init__(self, place: Workplace, who: Principal) -> None:
        self.place, self.who = place, who

    async def plan_leaver(self, person: str, **more: Any) -> LeaverPlan:
        from gateway.work import leaver_planning

        async with _connectors_for(self.place.config) as connectors:
            return await leaver_planning.plan_leaver(self.place, self.who, connectors, person, **more)


class Local:
    """A `port.Gateway`."""

    def __init__(self, place: Workplace, who: Principal) -> None:
        from gateway.work import (
            audit_trail,
            case_metrics,
            cases,
            connections,
            flow_preview,
            flows,
            keeping,
            leaver_acts,
            leaver_guard,
            leaver_proof,
            leaver_telling,
            leavers,
            mapping_views,
            notifications,
            now,
            pausing,
            records,
            registering,
            replays,
            reports,
            siem,
            switching,
            tokens,
            typed_values,
        )

        self.place, self.who = place, who

        def of(module: ModuleType) -> Any:
            return Verbs(module, place, who)

        self.now = cast(port.Now, of(now))
        self.cases = cast(port.Cases, of(cases))
        self.typed = cast(port.Typed, of(typed_values))
        self.figures = cast(port.Figures, of(case_metrics))
        self.looks: port.Looks = Looking(place, who)
        self.records = cast(port.Records, of(records))
        self.replays = cast(port.Replays, Replaying(replays, place, who))
        self.connections = cast(port.Connections, of(connections))
        self.pausing = cast(port.Pausing, of(pausing))
        self.switching = cast(port.Switching, of(switching))
        self.leaver_guard = cast(port_leavers.LeaverGuard, of(leaver_guard))
        self.flows = cast(port.Flows, of(flows))
        self.reports = cast(port.Reports, of(reports))
        self.keeping = cast(port.Keeping, of(keeping))
        self.flow_previews = cast(port.FlowPreviews, of(flow_preview))
        self.configuring = cast(port.Configuring, of(registering))
        self.leavers = cast(port_leavers.Leavers, of(leavers))
        self.leaver_acts = cast(port_leavers.LeaverActs, of(leaver_acts))
        self.leaver_telling = cast(port_leavers.LeaverTelling, of(leaver_telling))
        self.leaver_proof = cast(port_leavers.LeaverProof, of(leaver_proof))
        self.leaver_plans = cast(port_leavers.LeaverPlans, LeaverPlanning(place, who))
        self.mappings = cast(port.Mappings, of(mapping_views))
        self.audit = cast(port.Audit, of(audit_trail))
        self.notifications = cast(port.Notifications, of(notifications))
        self.siem = cast(port.Siem, of(siem))
        self.tokens = cast(port.Tokens, of(tokens))

    async def me(self) -> Facts:
        config = self.place.config
        return {**who_is(self.who), "gateway": config.name, "at": str(config.file)}

    async def answers(self) -> bool:
        from gateway.cli.store import gateway_answers

        return gateway_answers(self.place.config)

    async def carried_out(self) -> str:
        config = self.place.config
        if await self.answers():
            return "the running gateway"
        return f"no gateway answers at {config.host}:{config.port}: the next one to run (lockstep run)"


def who_is(who: Principal) -> Facts:
    """As `/v1/me` tells of somebody."""
    return {
        "id": who.id,
        "name": who.name,
        "roles": sorted(who.roles),
        "rights": sorted(who.rights),
        "connections": None if who.connections is None else sorted(who.connections),
        "types": None if who.types is None else sorted(who.types),
    }


@asynccontextmanager
async def opened(config: Config, actor: str) -> AsyncIterator[Local]:
    """The gateway on its database; `actor` is a name in histories, the person stays the account's.

    Ends with code 8 if there is no database yet, or none of this version.
    """
    import msgspec

    from gateway.access.rights import local
    from gateway.cli.deciding import topology_of
    from gateway.cli.store import database_of
    from gateway.core import origin
    from gateway.work.workplace import Workplace

    async with database_of(config) as database:
        account = local(getpass.getuser())
        who = msgspec.structs.replace(account, name=actor or account.name)
        origin.acts(who.id, who.name, who.person)
        place = Workplace(database=database, config=config, topology=topology_of(config), now=time.time)
        yield Local(place, who)


@asynccontextmanager
async def _connectors_for(config: Config) -> AsyncIterator[Any]:
    from gateway.cli.seeing import connectors_for

    async with connectors_for(config) as connectors:
        yield connectors
