"""The webhook queue and its sender: durable with the edit, sent in the background, repeated as the vendor repeats.

A webhook leaves the queue when the receiver answered 2xx, or is set aside as failed; a kill of the stand-in repeats
what was under way, with the same identifier.
"""

from __future__ import annotations

import asyncio
import uuid
from functools import partial
from typing import Any, get_args

import aiohttp
import msgspec

from connectors.sandbox.faults import Fault, HookKind, Subject
from connectors.sandbox.site import Delivery, Site, System

_DDL = """
CREATE TABLE IF NOT EXISTS hook_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identifier TEXT NOT NULL,       -- the same on every repeat: the receiver's key against duplicates
    event TEXT NOT NULL,
    flow TEXT NOT NULL,             -- Primary | Secondary
    body BLOB NOT NULL,
    queued_at REAL NOT NULL,
    due REAL NOT NULL,              -- true time of the next attempt
    attempts INTEGER NOT NULL,
    state TEXT NOT NULL             -- pending | failed
);
CREATE INDEX IF NOT EXISTS hook_due ON hook_queue (state, due);
"""

MAX_RETRIES = 5
"""facts.md 2.5: up to five repeats."""
BACKOFF_S = (300.0, 900.0)
"""facts.md 2.5: a random wait of 5 to 15 minutes, multiplied by the time scale."""
KEEP_S = 120.0
"""Whatever the time scale, a webhook is tried at least this long (real time): a receiver that restarts must not lose
it.
"""
SECONDARY_S = 900.0
"""facts.md 2.5: the Secondary flow is up to 15 minutes late, multiplied by the time scale."""
RETRYABLE = frozenset({408, 409, 425, 429})
_PARALLEL = 8
_KINDS = frozenset(get_args(HookKind))


class HookQueue:
    """Owns table hook_queue and the registration (setting `webhook`)."""

    def __init__(self, site: Site, system: System) -> None:
        self._site, self._system = site, system
        self._store = site.store
        self._store.script(_DDL)
        self._wake = asyncio.Event()
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._sent = self._lost = 0

    def register(self, url: str, secret: str) -> None:
        """Where webhooks go from now on, what is queued included."""
        with self._store.change():
            self._store.set_setting("webhook", {"url": url, "secret": secret})
        self._wake.set()

    def unregister(self) -> None:
        """No webhooks from now on; what is queued is dropped."""
        with self._store.change():
            self._store.set_setting("webhook", None)
            self.clear()

    def clear(self) -> None:
        """Empties the queue. Inside a `change()`."""
        self._store.run("DELETE FROM hook_queue")

    def status(self) -> dict[str, Any]:
        """Where webhooks go and how many wait, failed, were sent and were lost on purpose (since start)."""
        target = self._store.setting("webhook") or {}
        counts = dict(self._store.rows("SELECT state, count(*) FROM hook_queue GROUP BY state"))
        return {
            "url": target.get("url"),
            "pending": counts.get("pending", 0),
            "failed": counts.get("failed", 0),
            "sent": self._sent,
            "lost": self._lost,
        }

    def enqueue(self, *, event: str, body: bytes, actor: str) -> None:
        """Inside the change that caused it. Applies webhook faults; without a registration there is nothing to send."""
        if self._store.setting("webhook") is None:
            return
        now = self._site.true_now()
        met = self._site.faults.meet(Subject(event=event, actor=actor), _KINDS)
        fault = met[0] if met else None
        if fault is not None and fault.kind == "hook_lose":
            self._lost += 1
            return
        flow = "Secondary" if fault is not None and fault.kind == "hook_late_secondary" else "Primary"
        identifier = str(uuid.uuid4())
        for _ in range(2 if fault is not None and fault.kind == "hook_duplicate" else 1):
            self._insert(identifier, event, flow, body, now, now + self._delay_s(fault))
        self._wake.set()

    def _insert(self, identifier: str, event: str, flow: str, body: bytes, now: float, due: float) -> None:
        self._store.run(
            "INSERT INTO hook_queue (identifier, event, flow, body, queued_at, due, attempts, state)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, 'pending')",
            *(identifier, event, flow, body, now, due),
        )

    def _delay_s(self, fault: Fault | None) -> float:
        """`hook_reorder` is a short delay too: those that come after overtake."""
        defaults = {"hook_delay": 5.0, "hook_reorder": 1.0, "hook_late_secondary": SECONDARY_S * self._site.time_scale}
        if fault is None or fault.kind not in defaults:
            return 0.0
        return defaults[fault.kind] if fault.delay_s is None else fault.delay_s

    async def send_forever(self) -> None:
        """The background sender; cancel it to stop."""
        timeout = aiohttp.ClientTimeout(total=20.0, connect=5.0)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            try:
                while True:
                    self._wake.clear()
                    wait_s = self._start_due(session)
                    await self._wait(wait_s)
            finally:
                for task in self._under_way.values():
                    task.cancel()
                await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _wait(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    def _start_due(self, session: aiohttp.ClientSession) -> float | None:
        """Starts what is due and gives the seconds to the next due one; None: nothing to wait for but a wake-up."""
        target = self._store.setting("webhook")
        if target is None:
            return None
        if self._site.faults.is_down():
            return 0.2
        now = self._site.true_now()
        waiting = self._store.rows(
            "SELECT id, due FROM hook_queue WHERE state = 'pending' ORDER BY due, id LIMIT ?", 4 * _PARALLEL
        )
        for number, due in waiting:
            if number in self._under_way:
                continue
            if due > now:
                return float(due - now)
            if len(self._under_way) >= _PARALLEL:
                return None
            task = asyncio.create_task(self._deliver(session, number, target))
            self._under_way[number] = task
            task.add_done_callback(partial(self._landed, number))
        return None

    def _landed(self, number: int, _: asyncio.Task[None]) -> None:
        self._under_way.pop(number, None)
        self._wake.set()

    async def _deliver(self, session: aiohttp.ClientSession, number: int, target: dict[str, str]) -> None:
        await self._store.flush()  # an edit that is not on disk yet may not be told to anybody
        found = self._store.row(
            "SELECT identifier, event, flow, attempts, body, queued_at FROM hook_queue WHERE id = ?", number
        )
        if found is None:
            return
        *said, queued_at = found
        named = dict(zip(("identifier", "event", "flow", "attempt", "body"), said, strict=True))
        delivery = Delivery(**named, url=target["url"])
        status = await self._post(session, target, delivery)
        with self._store.change():
            self._conclude(number, delivery.attempt, status, queued_at)

    async def _post(self, session: aiohttp.ClientSession, target: dict[str, str], delivery: Delivery) -> int:
        """The status answered; 0 for no answer."""
        headers = {"Content-Type": "application/json"} | self._system.hook_headers(delivery, target["secret"])
        try:
            async with session.post(target["url"], data=delivery.body, headers=headers) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    def _conclude(self, number: int, attempt: int, status: int, queued_at: float) -> None:
        if 200 <= status < 300:
            self._sent += 1
            self._store.run("DELETE FROM hook_queue WHERE id = ?", number)
            return
        now = self._site.true_now()
        again = self._site.hooks_repeat and (status == 0 or status in RETRYABLE or status >= 500)
        worn_out = attempt >= MAX_RETRIES and now - queued_at >= KEEP_S
        if again and not worn_out:
            due = now + self._site.random.uniform(*BACKOFF_S) * self._site.time_scale
            self._store.run("UPDATE hook_queue SET attempts = attempts + 1, due = ? WHERE id = ?", due, number)
        else:
            self._store.run("UPDATE hook_queue SET state = 'failed', due = ? WHERE id = ?", now, number)


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /_sandbox/webhooks`."""

    url: str
    secret: str = ""
