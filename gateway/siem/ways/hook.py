"""Signed webhooks, Standard Webhooks 1.0.0: a request holds some events, as a JSON array. A 2xx proves their arrival.

The array is what the standard's own libraries take; events of CEF and LEEF are texts in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
from standardwebhooks.webhooks import Webhook as Signer

from connectors.contract.clock import Clock
from connectors.rest.limits import retry_after
from gateway.access.outbound import AddressRefused, NotReached, Outbound
from gateway.config.notifications import Webhook
from gateway.siem.ways.port import Away, Line, Proof, SaidNo

TIMEOUT_S = 15.0
LARGEST_ANSWER = 64 << 10
CONTENT_TYPE = "application/json; charset=utf-8"
LATER = frozenset({408, 425, 429})


class HookWay:
    """To one receiver. A batch that is sent again may hold more than before: receivers go by the ids of events."""

    most = 100
    full = False

    def __init__(self, name: str, target: Webhook, outbound: Outbound, clock: Clock, *, json: bool) -> None:
        """`json`: the form is an object of JSON, which goes in as such."""
        self.json = json
        self.name, self.target, self.outbound, self.clock = name, target, outbound, clock
        self._signers = [Signer(secret) for secret in target.secrets]
        self._sent = 0

    def begin(self, known: Proof, memory: str) -> int:
        self._sent = known.sent
        return known.sent

    def memory(self) -> str:
        return ""

    async def hand(self, lines: Sequence[Line]) -> None:
        events = (each.body if self.json else orjson.dumps(each.body).decode() for each in lines)
        body = f"[{','.join(events)}]"
        id = f"{self.name}-{lines[0].number}-{lines[-1].number}"
        try:
            answer = await self.outbound.send(
                "POST",
                self.target.url,
                headers=self._headers(id, body),
                body=body.encode(),
                timeout_s=TIMEOUT_S,
                largest=LARGEST_ANSWER,
            )
        except AddressRefused as error:
            raise SaidNo(str(error)) from error
        except NotReached as error:
            raise Away(str(error)) from error
        if not 200 <= answer.status < 300:
            kind = Away if answer.status >= 500 or answer.status in LATER else SaidNo
            wait_s = retry_after(answer.headers, self.clock.now()) or 0.0
            raise kind(f"it said {answer.status}", retry_after_s=wait_s)
        self._sent = lines[-1].number

    def _headers(self, id: str, body: str) -> dict[str, str]:
        at = datetime.fromtimestamp(int(self.clock.now()), UTC)
        return {
            "content-type": CONTENT_TYPE,
            "user-agent": "Lockstep",
            "webhook-id": id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signer.sign(id, at, body) for signer in self._signers),
        }

    async def proven(self, *, idle: bool) -> Proof:
        return Proof(self._sent, self._sent)

    async def drop(self) -> int:
        return self._sent

    async def close(self) -> None:
        return
