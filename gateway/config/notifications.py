"""`notifications:` of `lockstep.yaml`: who is told of what, over which channel, and who if that channel is dead."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from connectors.contract.written.edge import Strict
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from dead_letter.classify import Cause
from gateway.config.secrets import UNSET

LOG = "log"
"""The channel that is always there: the gateway's own log."""
SECRET_BYTES = (24, 64)
"""Of a webhook's key, by Standard Webhooks 1.0.0."""

EventName = Literal[
    "opened", "growing", "came_back", "sla_near", "sla_missed", "escalated", "run_finished", "recovered"
]
EVENTS: tuple[str, ...] = get_args(EventName)
Level = Literal["low", "normal", "high", "critical"]
LEVELS: tuple[str, ...] = get_args(Level)
"""The least first."""
ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
At = tuple[str | int, ...]

_QUIET = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d) (\S+)")


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of every day in which what can wait is held; over midnight if `until` is not later than `since`."""

    since: time
    until: time
    zone: ZoneInfo


def quiet_of(text: str) -> Quiet:
    """`22:00-06:00 Europe/Berlin`. Raises ValueError."""
    match = _QUIET.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        since, until = time.fromisoformat(match[1]), time.fromisoformat(match[2])
        zone = ZoneInfo(match[3])
    except (ValueError, OSError, LookupError):
        raise ValueError("these are no hours of a day in a time zone; try '22:00-06:00 Europe/Berlin'") from None
    if since == until:
        raise ValueError("nothing would ever be told; try '22:00-06:00 Europe/Berlin'")
    return Quiet(since, until, zone)


def _quiet(value: Any) -> Any:
    return quiet_of(value) if isinstance(value, str) else value


def _receiver(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@?#]+(/\S*)?", url):
        raise ValueError("this is not the address of a receiver; try https://hooks.example.com/lockstep")
    return url


def _base(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", url):
        raise ValueError("this is not the address people open; try https://lockstep.example.com")
    return url.rstrip("/")


def _server(text: str) -> str:
    if not re.fullmatch(r"[^\s:/]+:\d{1,5}", text) or not 0 < int(text.rpartition(":")[2]) < 65536:
        raise ValueError("this is not a mail server and its port; try smtp.example.com:587")
    return text


def _mailbox(text: str) -> str:
    if not re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", text):
        raise ValueError("this is not a mail address; try ops@example.com")
    return text


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class WebhookOut(Strict):
    """A receiver of Standard Webhooks."""

    url: Annotated[str, AfterValidator(_receiver)] = Field(description="May hold `${ENV}`.")
    secret: str = Field(
        description="`whsec_` and the key in base64. `${ENV}` or `file:path`.", json_schema_extra={"secret": True}
    )
    former: str = Field(
        default="",
        description="The key before, while it is replaced: both sign. `${ENV}` or `file:path`.",
        json_schema_extra={"secret": True},
    )


class EmailOut(Strict):
    """Plain mail."""

    to: list[Mailbox] = Field(min_length=1, max_length=50)
    from_: Mailbox = Field(alias="from")
    server: Annotated[str, AfterValidator(_server)] = Field(description="host:port")
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = Field(default="", description="`${ENV}` or `file:path`.", json_schema_extra={"secret": True})


class ChannelModel(Strict):
    """One way to people: a webhook, which needs a fallback, or mail."""

    webhook: WebhookOut | None = None
    email: EmailOut | None = None
    fallback: str = Field(default="", description="Told when this channel is dead: another channel, or `log`.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.webhook is None) == (self.email is None):
            raise ValueError("a channel is one of the two; try 'webhook: {url, secret}' or 'email: {to, from, server}'")
        return self


class RuleModel(Strict):
    """What is told where. Rules add up; a channel is told once."""

    to: str = Field(description="A channel, or `log`.")
    events: list[EventName] = Field(default=list(get_args(EventName)), min_length=1, description="Default: all.")
    connections: list[str] = Field(default=[], description="Only what concerns one of these. Default: all.")
    causes: list[str] = Field(
        default=[], description="Only cases of these causes, such as `leaver.past_due`. Default: all."
    )
    quiet: Annotated[Any, BeforeValidator(_quiet, json_schema_input_type=str)] = Field(
        default=None, description="Hours in which what is not urgent is held, such as `22:00-06:00 Europe/Berlin`."
    )
    least_priority: Level = Field(default="low", description="Only cases of this level and above.")


class NotificationsModel(Strict):
    """Who is told what needs people."""

    base: Annotated[str, AfterValidator(_base)] | None = Field(
        default=None, description="What links to cases begin with. Default: `access.url`."
    )
    channels: dict[ChannelName, ChannelModel] = Field(default={}, description="By name.")
    rules: list[RuleModel] = Field(default=[], description="What is told where.")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to, and the keys that sign, the newest first."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Email:
    """Whom to write to, through which server."""

    to: tuple[str, ...]
    sender: str
    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to people. `target` None: the gateway's own log."""

    name: str
    target: Webhook | Email | None
    fallback: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes to a channel."""

    to: str
    events: frozenset[str] = frozenset(EVENTS)
    connections: frozenset[str] = frozenset()
    """Empty: whatever it concerns."""
    quiet: Quiet | None = None
    least: str = "low"
    causes: frozenset[str] = frozenset()
    """Empty: whatever is the cause."""


@dataclass(frozen=True, slots=True)
class Notifications:
    """`notifications:`, checked and filled in."""

    base: str
    channels: Mapping[str, Channel] = field(default_factory=dict)
    """With the log, if there are any rules."""
    rules: tuple[Rule, ...] = ()


def notifications_of(model: NotificationsModel, url: str) -> Notifications:
    """The values of a model without problems; `url`: the address that people open otherwise."""
    channels = {name: Channel(name, _target(each), each.fallback or LOG) for name, each in model.channels.items()}
    rules = tuple(
        Rule(
            each.to,
            frozenset(each.events),
            frozenset(each.connections),
            each.quiet,
            each.least_priority,
            frozenset(each.causes),
        )
        for each in model.rules
    )
    return Notifications(model.base or url, channels | {LOG: Channel(LOG, None, LOG)} if rules else {}, rules)


def _target(model: ChannelModel) -> Webhook | Email:
    if model.webhook is not None:
        secrets = (model.webhook.secret, model.webhook.former)
        return Webhook(model.webhook.url, tuple(each for each in secrets if each))
    assert model.email is not None, "a channel is one of the two"
    mail = model.email
    host, _, port = mail.server.rpartition(":")
    return Email(tuple(mail.to), mail.from_, host, int(port), mail.tls, mail.user, mail.password)


def check_notifications(
    source: Source, model: NotificationsModel, connections: Mapping[str, Any], internal: Sequence[str]
) -> Iterator[Problem]:
    """Names that nothing has, channels that nobody could rely on, keys that are none."""
    here: At = ("notifications",)
    known = [*_written(source), LOG]
    for name, channel in model.channels.items():
        yield from _channel(source, (*here, "channels", name), name, channel, known, internal)
    if model.channels and not model.rules:
        hint = f"'rules: [{{to: {next(iter(model.channels))}}}]'"
        yield source.problem((*here, "channels"), "no-rule", "nothing is told without a rule", hint, key=True)
    for index, rule in enumerate(model.rules):
        if rule.to not in known:
            text = f"there is no channel '{rule.to}'"
            yield source.problem((*here, "rules", index, "to"), "unknown-channel", text, nearest(rule.to, known))
        for place, name in enumerate(rule.connections):
            if name not in connections:
                at = (*here, "rules", index, "connections", place)
                text = f"there is no connection '{name}'"
                yield source.problem(at, "unknown-connection", text, nearest(name, connections))
        for place, name in enumerate(rule.causes):
            if name not in {*Cause}:
                at = (*here, "rules", index, "causes", place)
                yield source.problem(at, "unknown-cause", f"no case has the cause '{name}'", nearest(name, Cause))


def _written(source: Source) -> list[str]:
    """The names of all channels; one with a mistake, which the model leaves out, is not told of as absent besides."""
    told = source.data.get("notifications")
    names = told.get("channels") if isinstance(told, dict) else None
    return [str(name) for name in names] if isinstance(names, dict) else []


def _channel(
    source: Source, at: At, name: str, channel: ChannelModel, known: Sequence[str], internal: Sequence[str]
) -> Iterator[Problem]:
    others = [each for each in known if each != name]
    if name == LOG:
        yield source.problem(at, "channel-name", "the channel log is there already", "another name", key=True)
    if channel.webhook and not channel.fallback:
        text = f"nobody would be told if {name} cannot be reached"
        yield source.problem(at, "no-fallback", text, f"'fallback: {others[0]}'", key=True)
    if channel.fallback and channel.fallback not in others:
        text = f"there is no other channel '{channel.fallback}'"
        yield source.problem((*at, "fallback"), "unknown-channel", text, nearest(channel.fallback, others))
    if channel.webhook:
        yield from check_webhook(source, (*at, "webhook"), channel.webhook, internal)


def check_webhook(source: Source, at: At, webhook: WebhookOut, internal: Sequence[str]) -> Iterator[Problem]:
    """Keys that are none, and what would be readable on its way."""
    if webhook.url.startswith("http:") and not is_ours(urlsplit(webhook.url).hostname or "", internal):
        text = "what is told would be readable on its way"
        yield source.problem((*at, "url"), "https", text, "https, or naming a host of your own in access.internal")
    for key in ("secret", "former"):
        secret = getattr(webhook, key)
        # A value that is missing was told already.
        if secret and secret != UNSET and not _is_key(secret):
            least, most = SECRET_BYTES
            text = f"this is no key of {least} to {most} bytes"
            yield source.problem((*at, key), "webhook-secret", text, 'echo "whsec_$(openssl rand -base64 32)"')


def _is_key(secret: str) -> bool:
    least, most = SECRET_BYTES
    encoded = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secret.startswith("whsec_") and least <= len(key) <= most


def is_ours(host: str, internal: Sequence[str]) -> bool:
    """Whether `access.internal` names this host."""
    if host.lower() in internal:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any("/" in each and address in ip_network(each) for each in internal) or str(address) in internal
