"""The way that a sink is configured to go."""

from __future__ import annotations

import ssl

from gateway.access.outbound import Outbound
from gateway.config.notifications import Webhook
from gateway.config.siem import File, Hec, Sink, Syslog
from gateway.siem.place import Place
from gateway.siem.ways.file import FileWay
from gateway.siem.ways.hec import HecWay
from gateway.siem.ways.hook import HookWay
from gateway.siem.ways.port import SaidNo, Way
from gateway.siem.ways.syslog import SyslogWay

_TEXTS = frozenset({"cef", "leef"})


def way_of(place: Place, sink: Sink) -> Way:
    """Opens nothing. Raises SaidNo: a file of ours cannot be used."""
    match sink.target:
        case Syslog() as target:
            return SyslogWay(sink.name, target, place.guard, place.sender, place.clock)
        case Hec() as target:
            outbound = Outbound(place.guard, context=_context(target.ca))
            return HecWay(target, outbound, place.sender.host, place.clock, json=sink.form not in _TEXTS)
        case Webhook() as target:
            outbound = Outbound(place.guard)
            return HookWay(sink.name, target, outbound, place.clock, json=sink.form not in _TEXTS)
        case File() as target:
            return FileWay(target)


def _context(ca: str) -> ssl.SSLContext | None:
    try:
        return ssl.create_default_context(cafile=ca) if ca else None
    except (OSError, ssl.SSLError) as error:
        raise SaidNo(f"the certificate of the authority cannot be used: {type(error).__name__}") from error
