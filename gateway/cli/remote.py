"""A gateway elsewhere: the verbs by its API, with the token that this account keeps for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from gateway.access.rights import Role
from gateway.access.tokens import Token
from gateway.cli import port, port_leavers
from gateway.cli.exits import Code, Ending
from gateway.cli.reading import many, text_of, value_of
from gateway.cli.remote_cases import RemoteCases, RemoteFigures, RemoteLooks, RemoteTyped
from gateway.cli.remote_configuring import RemoteConfiguring
from gateway.cli.remote_flows import RemoteFlows
from gateway.cli.remote_keeping import RemoteKeeping
from gateway.cli.remote_leaver_guard import RemoteLeaverGuard
from gateway.cli.remote_leavers import RemoteLeavers
from gateway.cli.remote_replays import RemoteReplays
from gateway.cli.wire import Refused, Wire, at, wire_to
from gateway.cli.wishes import Wishes
from gateway.work.audit_chain import ChainView
from gateway.work.audit_trail import TrailEnd
from gateway.work.connections import ConnectionView
from gateway.work.mapping_views import MappingView
from gateway.work.notifications import Again, ChannelView, DeliveryView
from gateway.work.now import Summary
from gateway.work.pages_audit import AuditFilter, AuditPage, Entry
from gateway.work.pausing import DIRECTIONS
from gateway.work.records import Timeline, Why
from gateway.work.reports import Listed, Report
from gateway.work.siem import Resend, SinkView
from gateway.work.tokens import DAY_S, USUAL_S, Made

Facts = dict[str, Any]
MOST = 200
"""Items of a page of the API."""


class RemoteNow:
    """`port.Now`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def summary(self, *, at: float | None = None) -> Summary:
        return value_of(Summary, await self.wire.get("/v1/now", {"at": text_of(at)}))


class RemoteRecords:
    """`port.Records`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def show(self, system: str, object: str, key: str) -> Facts | None:
        found = await self.wire.there(at("records", system, object, key))
        return None if found is None else dict(found)

    async def why(self, system: str, object: str, key: str) -> Why | None:
        found = await self.wire.there(at("records", system, object, key, "why"))
        return None if found is None else value_of(Why, found)

    async def timeline(self, system: str, object: str, key: str, *, limit: int) -> Timeline | None:
        path = at("records", system, object, key, "timeline")
        found = await self.wire.there(path, {"limit": min(limit, MOST)})
        return None if found is None else value_of(Timeline, found)


class RemoteConnections:
    """`port.Connections`, `port.Pausing` and `port.Switching`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def list_connections(self) -> list[ConnectionView]:
        return many(ConnectionView, await self.wire.get(at("connections")))

    async def get_connection(self, name: str) -> ConnectionView | None:
        found = await self.wire.there(at("connections", name))
        return None if found is None else value_of(ConnectionView, found)

    async def pause(self, name: str, directions: Sequence[str], *, until: float, reason: str) -> bool:
        said = {"direction": _way(directions), "until": text_of(until), "reason": reason}
        return await self._turned(name, "pause", said)

    async def resume(self, name: str, directions: Sequence[str], *, reason: str) -> bool:
        return await self._turned(name, "resume", {"direction": _way(directions), "reason": reason})

    async def disable(self, name: str, *, reason: str) -> bool:
        return await self._turned(name, "disable", {"reason": reason})

    async def enable(self, name: str, *, reason: str) -> bool:
        return await self._turned(name, "enable", {"reason": reason})

    async def _turned(self, name: str, verb: str, said: Facts) -> bool:
        try:
            await self.wire.post(f"{at('connections', name)}:{verb}", said)
        except Refused as error:
            if error.code == "not-found":
                return False
            raise
        return True


def _way(directions: Sequence[str]) -> str:
    return "both" if set(directions) == set(DIRECTIONS) else directions[0]


class RemoteMappings:
    """`port.Mappings`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def list_mappings(self) -> list[MappingView]:
        return many(MappingView, await self.wire.get(at("mappings")))


class RemoteAudit:
    """`port.Audit`. Where a list goes on is the API's to say."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._from, self._next = 0, ""
        """Where it is followed from, and the cursor that goes on."""

    async def read_trail(
        self, wanted: AuditFilter, *, below: str = "", limit: int = 50, goes_on: bool = False
    ) -> AuditPage:
        query = _narrowing(wanted)
        found: list[Any] = []
        cut = False
        while len(found) < limit and not cut:
            size = min(limit - len(found), MOST)
            items, below = await self.wire.page(at("audit"), {**query, "limit": size, "after": below})
            found += items
            cut = len(items) < size and bool(below)
            if not below:
                break
        return AuditPage(entries=tuple(many(Entry, found)), next=below, cut=cut)

    async def chain_state(self) -> ChainView:
        return value_of(ChainView, await self.wire.get(at("audit", "chain")))

    async def show_entry(self, which: str) -> list[Entry] | None:
        found = await self.wire.there(at("audit", "entries", which))
        return None if found is None else many(Entry, found)

    async def follow_trail(
        self, wanted: AuditFilter, *, after: int, limit: int = 200, goes_on: bool = False
    ) -> list[Entry]:
        if not goes_on:
            self._from, self._next = after, ""
        query = {**_narrowing(wanted), "above": self._from, "limit": limit, "after": self._next}
        items, self._next = await self.wire.page(at("audit", "follow"), query)
        return many(Entry, items)

    async def export_trail(self, wanted: AuditFilter) -> AsyncGenerator[Entry | TrailEnd, None]:
        async with self.wire.lines("/v1/audit:export", _narrowing(wanted)) as lines:
            async for line in lines:
                if line.strip():
                    found = msgspec.json.decode(line)
                    yield value_of(TrailEnd, found) if "rows" in found else value_of(Entry, found)


def _narrowing(wanted: AuditFilter) -> Facts:
    said = msgspec.structs.asdict(wanted)
    return {**said, "since": text_of(wanted.since), "until": text_of(wanted.until)}


class RemoteReports:
    """`port.Reports`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def list_reports(self) -> list[Listed]:
        return many(Listed, await self.wire.get(at("reports")))

    async def read_report(self, name: str, *, since: float, until: float | None = None) -> Report:
        query = {"since": text_of(since), "until": text_of(until)}
        return value_of(Report, await self.wire.get(at("reports", name), query))


class RemoteNotifications:
    """`port.Notifications`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def list_channels(self) -> list[ChannelView]:
        return many(ChannelView, await self.wire.get(at("notifications")))

    async def list_deliveries(
        self, *, channel: str = "", event_id: str = "", state: str = "", limit: int = 50
    ) -> list[DeliveryView]:
        query = {"event": event_id, "state": state, "limit": limit}
        return many(DeliveryView, await self.wire.get(at("notifications", channel, "deliveries"), query))

    async def try_channel(self, channel: str) -> str:
        return str((await self.wire.post(f"{at('notifications', channel)}:test", {}))["event"])

    async def replay_deliveries(
        self,
        channel: str,
        *,
        events: Sequence[str] = (),
        since: float | None = None,
        until: float | None = None,
        delivered: bool = False,
        plan: bool = False,
    ) -> Again:
        said: Facts = {"events": list(events), "delivered": delivered, "plan": plan}
        said |= {"since": text_of(since), "until": text_of(until)}
        return value_of(Again, await self.wire.post(f"{at('notifications', channel)}:replay", said))


class RemoteSiem:
    """`port.Siem`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def list_sinks(self) -> list[SinkView]:
        return many(SinkView, await self.wire.get(at("siem")))

    async def try_sink(self, sink: str) -> int:
        return int((await self.wire.post(f"{at('siem', sink)}:test", {}))["number"])

    async def resend(self, sink: str, first: int, *, plan: bool = False) -> Resend:
        said: Facts = {"first": first, "plan": plan}
        return value_of(Resend, await self.wire.post(f"{at('siem', sink)}:resend", said))


class RemoteTokens:
    """`port.Tokens`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def create_token(
        self,
        name: str,
        *,
        roles: Iterable[Role],
        connections: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
        lasts_s: float = USUAL_S,
    ) -> Made:
        """Whole days only. An answer that is lost is not repeated: it may have held a secret."""
        if lasts_s % DAY_S:
            raise Ending(Code.WRONG_USE, "--expires: of a gateway elsewhere, whole days")
        said: Facts = {"name": name, "roles": sorted(roles), "days": int(lasts_s / DAY_S)}
        said |= {"connections": _listed(connections), "types": _listed(types)}
        try:
            made = await self.wire.post(at("tokens"), said)
        except Ending as ending:
            if ending.code is not Code.STILL_UNKNOWN:
                raise
            text = f"nobody knows whether {name} was made; look, and revoke it: lockstep token list"
            raise Ending(ending.code, text) from ending
        return Made(token=value_of(Token, made["token"]), secret=made["secret"])

    async def list_tokens(self, *, everybodys: bool = False) -> list[Token]:
        return many(Token, await self.wire.get(at("tokens"), {"everybodys": everybodys}))

    async def revoke_token(self, id: str) -> Token:
        return value_of(Token, await self.wire.delete(at("tokens", id)))


def _listed(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


class Remote:
    """A `port.Gateway`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.now: port.Now = RemoteNow(wire)
        self.cases: port.Cases = RemoteCases(wire)
        self.typed: port.Typed = RemoteTyped(wire)
        self.figures: port.Figures = RemoteFigures(wire)
        self.looks: port.Looks = RemoteLooks(wire)
        self.records: port.Records = RemoteRecords(wire)
        self.replays: port.Replays = RemoteReplays(wire)
        connections = RemoteConnections(wire)
        self.connections: port.Connections = connections
        self.pausing: port.Pausing = connections
        self.switching: port.Switching = connections
        self.leaver_guard: port_leavers.LeaverGuard = RemoteLeaverGuard(wire)
        flows = RemoteFlows(wire)
        self.flows: port.Flows = flows
        self.flow_previews: port.FlowPreviews = flows
        self.configuring: port.Configuring = RemoteConfiguring(wire)
        leavers = RemoteLeavers(wire)
        self.leavers: port_leavers.Leavers = leavers
        self.leaver_acts: port_leavers.LeaverActs = leavers
        self.leaver_telling: port_leavers.LeaverTelling = leavers
        self.leaver_plans: port_leavers.LeaverPlans = leavers
        self.leaver_proof: port_leavers.LeaverProof = leavers
        self.mappings: port.Mappings = RemoteMappings(wire)
        self.audit: port.Audit = RemoteAudit(wire)
        self.reports: port.Reports = RemoteReports(wire)
        self.keeping: port.Keeping = RemoteKeeping(wire)
        self.notifications: port.Notifications = RemoteNotifications(wire)
        self.siem: port.Siem = RemoteSiem(wire)
        self.tokens: port.Tokens = RemoteTokens(wire)

    async def me(self) -> Facts:
        found = await self.wire.get(at("me"))
        return {**found, "at": self.wire.site}

    async def answers(self) -> bool:
        return True

    async def carried_out(self) -> str:
        return f"the gateway at {self.wire.site}"


@asynccontextmanager
async def reached(typed: Wishes) -> AsyncIterator[Remote]:
    """The gateway that was named."""
    async with wire_to(typed) as wire:
        yield Remote(wire)
