"""`siem:` of `lockstep.yaml`: where high-risk actions are sent, in which form, and how much may wait on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from connectors.contract.written.edge import Strict
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem
from connectors.contract.written.units import Duration, Size
from gateway.config.notifications import ChannelName, Webhook, WebhookOut, check_webhook, is_ours

Form = Literal["json", "ocsf", "ecs", "cef", "leef"]
Grade = Literal["informational", "low", "medium", "high", "critical"]
GRADES: tuple[str, ...] = get_args(Grade)
"""The least first; the place counts from 1 as OCSF's severities do."""
NOW, BEGINNING = "now", "beginning"
_PRINTABLE = r"^[!-~]+$"
"""Printable ASCII without blanks, as the header of a syslog message and an HTTP header ask for."""

LEAST_ROOM = 4096
"""Octets in which every event has a place."""

At = tuple[str | int, ...]


def _server(text: str) -> str:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+):(\d{1,5})", text)
    if match is None or not 0 < int(match[2]) < 65536:
        raise ValueError("this is not a collector and its port; try siem.example.com:6514")
    return text


def _collector(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@?#]+/?", url):
        raise ValueError("this is not the address of an event collector; try https://splunk.example.com:8088")
    return url.rstrip("/")


def _since(value: Any) -> Any:
    """YAML reads a time without quotes as one."""
    return value.isoformat() if isinstance(value, datetime) else value


def _moment(text: str) -> str:
    if text in (NOW, BEGINNING):
        return text
    try:
        if datetime.fromisoformat(text).tzinfo is not None:
            return text
    except ValueError:
        pass
    raise ValueError("this is no time with a zone; try 'now', 'beginning' or '2026-11-01T00:00:00Z'")


class SyslogOut(Strict):
    """A collector of syslog messages, RFC 5424, framed by their length."""

    server: Annotated[str, AfterValidator(_server)] = Field(description="host:port. May hold `${ENV}`.")
    tls: bool = Field(default=True, description="RFC 5425. Without it only to a host of your own (access.internal).")
    ca: str = Field(default="", description="A PEM file: who vouches for the collector. Default: the system's own.")
    certificate: str = Field(default="", description="A PEM file: shown to a collector that asks who we are.")
    key: str = Field(default="", description="A PEM file: its private key, readable by the gateway alone.")
    name: str = Field(default="", description="The collector's name in its certificate. Default: the host of server.")
    window: Duration = Field(
        default=30.0, description="After a broken connection what was sent in the time before is sent again.", ge=0
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key go together; try both or neither")
        if not self.tls and (self.ca or self.certificate or self.name):
            raise ValueError("without tls nobody shows a certificate; try tls: true")
        return self


class HecOut(Strict):
    """Splunk's HTTP event collector."""

    url: Annotated[str, AfterValidator(_collector)] = Field(description="May hold `${ENV}`.")
    token: str = Field(description="`${ENV}` or `file:path`.", json_schema_extra={"secret": True})
    acknowledge: bool = Field(default=True, description="Sent is what Splunk says it has indexed, not what it took.")
    within: Duration = Field(default=120.0, description="What is not acknowledged by then is sent again.", gt=0)
    ca: str = Field(default="", description="A PEM file: who vouches for the collector. Default: the system's own.")
    index: str = Field(default="", description="Default: the token's.")
    source: str = Field(default="lockstep")
    sourcetype: str = Field(default="", description="Default: `lockstep:` and the form.")


class FileOut(Strict):
    """A file of lines, for whatever reads files: each batch is on the disk before it counts as sent."""

    path: str = Field(description="Relative to this file.", min_length=1)
    rotate: Size = Field(default=100 << 20, description="So large a file gets its first number as its ending.", gt=0)
    keep: int = Field(default=0, ge=0, description="So many full files stay. 0: all.")


class SinkModel(Strict):
    """One receiver: a syslog collector, Splunk, a webhook or a file."""

    syslog: SyslogOut | None = None
    hec: HecOut | None = None
    webhook: WebhookOut | None = None
    file: FileOut | None = None
    form: Form = "ocsf"
    from_: Grade = Field(default="informational", alias="from", description="The least severity of what is sent.")
    kinds: list[Annotated[str, StringConstraints(min_length=1, max_length=40)]] = Field(
        default=[], description="Only these kinds of entries of the audit trail. Default: all."
    )
    personal: bool = Field(default=False, description="Personal values in clear; otherwise they are `***`.")
    since: Annotated[str, BeforeValidator(_since), AfterValidator(_moment)] = Field(
        default=NOW, description="Where a new sink begins: `now`, `beginning`, or a time."
    )
    largest: Size | None = Field(
        default=None,
        ge=LEAST_ROOM,
        description="What it takes whole; longer events are cut. Default: 8KB by syslog, 10,000 octets by hec.",
    )
    spool: Size = Field(default=1 << 30, description="So much may wait on the way; the rest waits in the trail.", gt=0)
    warn: float = Field(default=0.8, gt=0, le=1, description="Share of it from which on a case warns.")
    keep: Duration = Field(default=7 * 86400.0, description="So long what was sent can be sent again as it was.", ge=0)
    segment: int = Field(default=1000, ge=2, le=100_000, description="Events after which a signed summary follows.")
    heartbeat: Duration = Field(default=300.0, description="After so long without an event a sign of life goes.", gt=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.syslog, self.hec, self.webhook, self.file)) != 1:
            raise ValueError("a sink is one of the four; try 'syslog: {server}', 'hec: {url, token}' or 'file: {path}'")
        return self


class SiemModel(Strict):
    """Receivers of high-risk actions. Each has a feed of its own, numbered and chained."""

    host: Annotated[str, StringConstraints(pattern=_PRINTABLE, max_length=255)] = Field(
        default="", description="Who we are there. Default: `name` of this file."
    )
    sinks: dict[ChannelName, SinkModel] = Field(default={}, description="By name.")


@dataclass(frozen=True, slots=True)
class Tls:
    """How the collector proves who it is, and we who we are. Paths of PEM files; empty: the system's, none."""

    name: str
    ca: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Syslog:
    """Where to, and what is sent again after a break."""

    host: str
    port: int
    tls: Tls | None
    window_s: float


@dataclass(frozen=True, slots=True)
class Hec:
    """Where to, and whether an acknowledgement is waited for."""

    url: str = field(repr=False)
    token: str = field(repr=False)
    acknowledge: bool
    within_s: float
    ca: str
    index: str
    source: str
    sourcetype: str


@dataclass(frozen=True, slots=True)
class File:
    """Where the lines go, and how large a file becomes."""

    path: Path
    rotate: int
    keep: int


Target = Syslog | Hec | Webhook | File


@dataclass(frozen=True, slots=True)
class Sink:
    """A receiver and its feed."""

    name: str
    target: Target
    form: Form
    least: int
    """OCSF severity."""
    kinds: frozenset[str]
    """Empty: all."""
    personal: bool
    since: str
    largest: int | None
    """Octets; None: what such a receiver takes by default."""
    spool: int
    warn: float
    keep_s: float
    segment: int
    heartbeat_s: float

    @property
    def kind(self) -> str:
        """syslog, hec, webhook or file."""
        return type(self.target).__name__.lower()


@dataclass(frozen=True, slots=True)
class Siem:
    """`siem:`, checked and filled in."""

    host: str = "lockstep"
    sinks: Mapping[str, Sink] = field(default_factory=dict)


def siem_of(model: SiemModel, name: str, base: Path) -> Siem:
    """The values of a model without problems; `name`: the installation's, `base`: what paths are relative to."""
    return Siem(model.host or name, {key: _sink(key, each, base) for key, each in model.sinks.items()})


def _sink(name: str, model: SinkModel, base: Path) -> Sink:
    return Sink(
        name=name,
        target=_target(model, base),
        form=model.form,
        least=GRADES.index(model.from_) + 1,
        kinds=frozenset(model.kinds),
        personal=model.personal,
        since=model.since,
        largest=model.largest,
        spool=model.spool,
        warn=model.warn,
        keep_s=model.keep,
        segment=model.segment,
        heartbeat_s=model.heartbeat,
    )


def _target(model: SinkModel, base: Path) -> Target:
    if model.syslog is not None:
        return _syslog(model.syslog, base)
    if model.hec is not None:
        hec, sourcetype = model.hec, model.hec.sourcetype or f"lockstep:{model.form}"
        ca = _beside(base, hec.ca)
        return Hec(hec.url, hec.token, hec.acknowledge, hec.within, ca, hec.index, hec.source, sourcetype)
    if model.webhook is not None:
        keys = (model.webhook.secret, model.webhook.former)
        return Webhook(model.webhook.url, tuple(each for each in keys if each))
    assert model.file is not None, "a sink is one of the four"
    return File(base / model.file.path, model.file.rotate, model.file.keep)


def _syslog(model: SyslogOut, base: Path) -> Syslog:
    host, _, port = model.server.rpartition(":")
    host = host.strip("[]")
    files = [_beside(base, each) for each in (model.ca, model.certificate, model.key)]
    return Syslog(host, int(port), Tls(model.name or host, *files) if model.tls else None, model.window)


def _beside(base: Path, name: str) -> str:
    return str(base / name) if name else ""


def check_siem(source: Source, model: SiemModel, internal: Sequence[str]) -> Iterator[Problem]:
    """Files that are not there, keys that are none, and what would be readable on its way."""
    base = Path(source.file).parent
    for name, sink in model.sinks.items():
        at: At = ("siem", "sinks", name)
        if sink.syslog is not None:
            yield from _readable(source, (*at, "syslog"), sink.syslog, base, ("ca", "certificate", "key"))
            host = sink.syslog.server.rpartition(":")[0].strip("[]")
            if not sink.syslog.tls and not is_ours(host, internal):
                text = "what is sent would be readable on its way"
                hint = "tls, or naming a host of your own in access.internal"
                yield source.problem((*at, "syslog", "server"), "tls", text, hint)
        if sink.hec is not None:
            yield from _readable(source, (*at, "hec"), sink.hec, base, ("ca",))
            if sink.hec.url.startswith("http:") and not is_ours(urlsplit(sink.hec.url).hostname or "", internal):
                text = "what is sent would be readable on its way"
                hint = "https, or naming a host of your own in access.internal"
                yield source.problem((*at, "hec", "url"), "https", text, hint)
        if sink.webhook is not None:
            yield from check_webhook(source, (*at, "webhook"), sink.webhook, internal)
    yield from _same_file(source, model, base)


def _readable(source: Source, at: At, given: SyslogOut | HecOut, base: Path, names: Sequence[str]) -> Iterator[Problem]:
    for name in names:
        said = getattr(given, name)
        if said and not (base / said).is_file():
            yield source.problem((*at, name), "no-file", f"there is no file {said}", "the path of a PEM file")


def _same_file(source: Source, model: SiemModel, base: Path) -> Iterator[Problem]:
    """Two feeds in one file would be none."""
    owners: dict[Path, str] = {}
    for name, sink in model.sinks.items():
        if sink.file is not None:
            other = owners.setdefault((base / sink.file.path).resolve(), name)
            if other != name:
                at: At = ("siem", "sinks", name, "file", "path")
                yield source.problem(at, "shared-file", f"{other} writes to this file already", "another path")
