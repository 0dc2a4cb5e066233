"""A desk to test notifications at: cases that open and close, a worker that is stepped, two receivers that verify."""

from __future__ import annotations

from typing import Any

from connectors.contract.clock import Chance
from dead_letter import store
from dead_letter.fingerprint import fingerprint
from dead_letter.values import CaseClass, Ending, NewCase
from gateway.access.outbound import Guard, Outbound
from gateway.config.notifications import LOG, Channel, Notifications, Rule, Webhook
from gateway.notify.courier import Courier
from gateway.notify.sending import LogSender, Sends, WebhookSender
from gateway.notify.watcher import Watcher
from gateway.storage.database import Database
from tests.support.gateway import NoChance
from tests.support.receiving import SECRET, Receiver
from tests.support.world import FakeClock

BASE = "https://lockstep.example.com"


class Desk:
    """Cases that open and close, a worker that looks and sends, and two receivers: `ops`, and its fallback `duty`."""

    def __init__(self, database: Database, clock: FakeClock, ops: Receiver, duty: Receiver) -> None:
        self.database, self.clock, self.ops, self.duty = database, clock, ops, duty
        self.rules: tuple[Rule, ...] = (Rule("ops"),)
        self.secrets: tuple[str, ...] = (SECRET,)
        self.chance: Chance = NoChance()

    @property
    def config(self) -> Notifications:
        channels = {
            "ops": Channel("ops", Webhook(self.ops.url, self.secrets), "duty"),
            "duty": Channel("duty", Webhook(self.duty.url, (SECRET,)), LOG),
            LOG: Channel(LOG, None, LOG),
        }
        return Notifications(BASE, channels, self.rules)

    def worker(self, name: str = "w1", internal: tuple[str, ...] = ("127.0.0.0/8",)) -> tuple[Watcher, Courier]:
        """The parts of a worker that was just started."""
        config, outbound = self.config, Outbound(Guard(internal))
        senders: dict[str, Sends] = {LOG: LogSender()}
        for key, channel in config.channels.items():
            if isinstance(channel.target, Webhook):
                senders[key] = WebhookSender(channel.target, outbound, self.clock)
        courier = Courier(self.database, self.clock, self.chance, name, config, senders)
        return Watcher(self.database, self.clock, name, config), courier

    async def look(self, name: str = "w1") -> bool:
        return await self.worker(name)[0].once()

    async def send(self, name: str = "w1") -> None:
        await self.worker(name)[1].once()

    async def turn(self, *, after_s: float = 5.0) -> None:
        """Time passes, then a worker looks and sends."""
        self.clock.advance(after_s)
        await self.look()
        await self.send()

    async def open(self, *keys: str, **values: Any) -> list[str]:
        """Cases of one group; their numbers."""
        given: dict[str, Any] = {
            "cls": CaseClass.REFUSED,
            "cause": "target.refused",
            "title": "Jira refused the status of INC0012345",
            "flow": "incidents",
            "connection": "jira",
            "field": "status",
            **values,
        }
        given.setdefault("fingerprint", fingerprint(given["cause"], flow="incidents", connection="jira"))
        new = [NewCase(key=key, **given) for key in keys]
        async with self.database.begin("opened") as tx:
            return list((await store.open_cases(tx, new, now=self.clock.now())).values())

    async def close(self, *keys: str) -> None:
        async with self.database.begin("closed") as tx:
            await store.close_cases(tx, keys, decision=Ending.APPLIED, reason="done", now=self.clock.now())
