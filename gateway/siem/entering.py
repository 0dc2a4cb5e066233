"""Which sinks there are: what the configuration says, compared with what was fed before. Each change is an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog

from gateway.audit.chain import append, entry
from gateway.audit.floor import keep_from, keep_no_more
from gateway.config.notifications import Webhook
from gateway.config.siem import File, Hec, Sink, Syslog
from gateway.siem import picking, store
from gateway.siem.feeder import keeper_of
from gateway.siem.place import Place
from gateway.siem.store import Standing
from gateway.siem.verifier.chain import ZERO
from gateway.storage.database import dumps, loads

log = structlog.get_logger()


async def enter(place: Place) -> None:
    """Brings the table in step with the configuration. Raises StorageError."""
    async with place.database.read() as tx:
        known = await store.standings(tx)
    present = {name: each for name, each in known.items() if not each.removed_at}
    same = {name: dumps(described(each)) for name, each in place.siem.sinks.items()}
    if {name: each.settings for name, each in present.items()} == same:
        return
    now = place.clock.now()
    async with place.database.begin("siem.enter") as tx:
        for name, sink in place.siem.sinks.items():
            before = known.get(name)
            if before is None:
                await _add(tx, sink, now)
            elif before.removed_at or before.settings != same[name]:
                await _changed(tx, sink, before, now)
        for name in present.keys() - same.keys():
            await _remove(tx, present[name], now)


async def _add(tx: Any, sink: Sink, now: float) -> None:
    position = await picking.beginning(tx, sink.since)
    settings = described(sink)
    new = Standing(
        name=sink.name, settings=dumps(settings), position=position, previous=ZERO, told_at=now, since=now, asked=1
    )
    if await store.enter(tx, new):
        await keep_from(tx, keeper_of(sink.name), position)
        told = {"sink": sink.name, **settings, "after": position}
        append(tx, [entry("siem_sink_added", now, told, cause=sink.name)])


async def _changed(tx: Any, sink: Sink, before: Standing, now: float) -> None:
    """One that comes back goes on where it was, as far as the trail still reaches."""
    settings = described(sink)
    old = loads(before.settings)
    named = sorted(name for name in settings.keys() | old.keys() if settings.get(name) != old.get(name))
    changed = {name: {"from": old.get(name), "to": settings.get(name)} for name in named}
    await store.change(tx, sink.name, settings=dumps(settings), removed_at=0.0)
    await keep_from(tx, keeper_of(sink.name), before.position)
    told = {"sink": sink.name, "changed": changed, "after": before.position}
    if before.removed_at:
        append(tx, [entry("siem_sink_added", now, told, cause=sink.name)])
    else:
        append(tx, [entry("siem_sink_changed", now, told, cause=sink.name)])


async def _remove(tx: Any, before: Standing, now: float) -> None:
    waiting = before.number - before.sent
    log.warning("a sink is fed no more", sink=before.name, waiting=waiting)
    await store.change(tx, before.name, removed_at=now, owner="", lease_until=0.0)
    await keep_no_more(tx, keeper_of(before.name))
    told = {"sink": before.name, "waiting": waiting, "sent": before.sent, "upto": before.position}
    append(tx, [entry("siem_sink_removed", now, told, cause=before.name)])


def described(sink: Sink) -> Mapping[str, Any]:
    """A sink in what people may see of it: of an address only the host, for its path may be a key."""
    return {
        "kind": sink.kind,
        "to": _to(sink),
        "form": sink.form,
        "from": sink.least,
        "kinds": sorted(sink.kinds),
        "personal": sink.personal,
        "spool": sink.spool,
        "segment": sink.segment,
        "heartbeat_s": sink.heartbeat_s,
        "keep_s": sink.keep_s,
    }


def _to(sink: Sink) -> str:
    match sink.target:
        case Syslog() as target:
            return f"{target.host}:{target.port}" + ("" if target.tls else " without TLS")
        case Hec() as target:
            return urlsplit(target.url).netloc
        case Webhook() as target:
            return urlsplit(target.url).netloc
        case File() as target:
            return str(target.path)
