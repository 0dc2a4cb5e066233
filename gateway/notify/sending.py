"""One attempt over one channel: a signed webhook, a mail, a line in the log; and what its answer means."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Protocol

import msgspec
import orjson
import structlog
from standardwebhooks.webhooks import Webhook as Signer

from connectors.contract.clock import Clock
from gateway.access.outbound import AddressRefused, NotReached, Outbound
from gateway.config.notifications import Channel, Email, Webhook
from gateway.notify.outbox import Due
from gateway.notify.schedule import SLOW_S, retry_after_s

TIMEOUT_S = 15.0
LARGEST_ANSWER = 64 << 10
GONE = 410
SLOW_DOWN = frozenset({429, 502, 504})
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"

log = structlog.get_logger()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an attempt."""

    delivered: bool
    answer: str
    """A status, or a failure in words; never a body."""
    gone: bool = False
    """The receiver is there no more: nothing goes to it until somebody says so."""
    hopeless: bool = False
    """Trying again is no use."""
    retry_after_s: float = 0.0
    """Nothing before so long, at the receiver's wish."""
    slow_s: float = 0.0
    """So long the whole channel is left in peace."""


class Sends(Protocol):
    """A way to people."""

    async def send(self, due: Due) -> Outcome:
        """One attempt; never raises for what the receiver does."""
        ...


def sender_of(channel: Channel, outbound: Outbound, clock: Clock) -> Sends:
    """The way that a channel is configured to be."""
    match channel.target:
        case Webhook() as target:
            return WebhookSender(target, outbound, clock)
        case Email() as target:
            return EmailSender(target)
    return LogSender()


class WebhookSender:
    """Standard Webhooks 1.0.0: the id stays, the time is the attempt's, every key that counts signs."""

    def __init__(self, target: Webhook, outbound: Outbound, clock: Clock) -> None:
        self._target, self._outbound, self._clock = target, outbound, clock
        self._signers = [Signer(secret) for secret in target.secrets]

    async def send(self, due: Due) -> Outcome:
        """One request; redirects are not followed, they count as failures."""
        headers = self._headers(due)
        try:
            answer = await self._outbound.send(
                "POST",
                self._target.url,
                headers=headers,
                body=due.body.encode(),
                timeout_s=TIMEOUT_S,
                largest=LARGEST_ANSWER,
            )
        except AddressRefused as error:
            return Outcome(delivered=False, answer=str(error), hopeless=True)
        except NotReached as error:
            return Outcome(delivered=False, answer=str(error))
        return meaning_of(answer.status, answer.headers, self._clock.now())

    def _headers(self, due: Due) -> dict[str, str]:
        at = datetime.fromtimestamp(int(self._clock.now()), UTC)
        signed = [signer.sign(due.event, at, due.body) for signer in self._signers]
        return {
            "content-type": CONTENT_TYPE,
            "user-agent": "Lockstep",
            "webhook-id": due.event,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signed),
        }


def meaning_of(status: int, headers: Mapping[str, str], now: float) -> Outcome:
    """What a receiver's answer asks of us."""
    if 200 <= status < 300:
        return Outcome(delivered=True, answer=str(status))
    if status == GONE:
        return Outcome(delivered=False, answer=str(status), gone=True)
    asked = retry_after_s(headers.get("retry-after"), now)
    slow_s = (SLOW_S if asked is None else asked) if status in SLOW_DOWN else (asked or 0.0)
    return Outcome(delivered=False, answer=str(status), retry_after_s=asked or 0.0, slow_s=slow_s)


class EmailSender:
    """Plain mail. All mails of a thread are one conversation: mail knows no message that is updated."""

    def __init__(self, target: Email) -> None:
        self._target = target

    async def send(self, due: Due) -> Outcome:
        """One mail to all; the mail server's word counts as delivered."""
        try:
            await asyncio.to_thread(self._deliver, message_of(self._target, due))
        except smtplib.SMTPResponseException as error:
            return Outcome(delivered=False, answer=f"the mail server said {error.smtp_code}")
        except (smtplib.SMTPException, OSError) as error:
            return Outcome(delivered=False, answer=f"the mail server did not take it: {type(error).__name__}")
        return Outcome(delivered=True, answer="accepted")

    def _deliver(self, message: EmailMessage) -> None:
        target = self._target
        with self._connected() as server:
            if target.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if target.user:
                server.login(target.user, target.password)
            server.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        host, port = self._target.host, self._target.port
        if self._target.tls == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        return smtplib.SMTP(host, port, timeout=TIMEOUT_S)


def message_of(target: Email, due: Due) -> EmailMessage:
    """The mail that tells an event: its sentence, its link, and what else is known, a line each."""
    told: dict[str, Any] = orjson.loads(due.body)
    data: dict[str, Any] = told["data"]
    message = EmailMessage()
    message["From"], message["To"] = target.sender, ", ".join(target.to)
    message["Subject"] = f"[Lockstep] {data['text']}"[:200]
    message["Message-ID"] = f"<{due.event}@lockstep>"
    message["References"] = message["In-Reply-To"] = f"<{due.subject}@lockstep>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [f"{name}: {_plain(value)}" for name, value in data.items() if name not in ("text", "link")]
    message.set_content("\n".join([data["text"], "", data["link"], "", *lines, f"time: {told['time']}"]))
    return message


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


class LogSender:
    """The gateway's own log: always there, and read by whoever looks for what nobody was told of."""

    async def send(self, due: Due) -> Outcome:
        """One line."""
        told: dict[str, Any] = orjson.loads(due.body)
        log.warning("notification", id=due.event, type=due.type, subject=due.subject, data=told["data"])
        return Outcome(delivered=True, answer="logged")
