"""Connectors that believe the wrong webhooks, or misunderstand the right ones, each in one way."""

from __future__ import annotations

import uuid

import msgspec
import orjson

from connectors.contract.errors import MalformedError
from connectors.contract.values import Received, Snapshot, Webhook
from tests.conformance.sound import Sound


class HearsNothing(Sound):
    def receive(self, webhook: Webhook) -> Received:
        self.verify(webhook)
        return Received(changes=(), ignored="polls tell everything")


class BelievesEverybody(Sound):
    def verify(self, webhook: Webhook) -> None:
        return


class BelievesOldOnes(Sound):
    def late(self, signed_at: float, received_at: float) -> bool:
        return False


class ANewKeyEachTime(Sound):
    def receive(self, webhook: Webhook) -> Received:
        (change,) = super().receive(webhook).changes
        return Received(changes=(msgspec.structs.replace(change, delivery_key=uuid.uuid4().hex),))


class TheLastToComeIsTheNewest(Sound):
    count = 0

    def receive(self, webhook: Webhook) -> Received:
        (change,) = super().receive(webhook).changes
        self.count += 1
        snapshot: Snapshot = msgspec.structs.replace(change.snapshot, version=self.count)
        return Received(changes=(msgspec.structs.replace(change, snapshot=snapshot),))


class TrustsTheShape(Sound):
    def receive(self, webhook: Webhook) -> Received:
        self.verify(webhook)
        said = orjson.loads(webhook.body)
        return Received(changes=(self.change(said["thing"], f"hook:{said['id']}", "webhook"),))


class RepeatsTheBody(Sound):
    def receive(self, webhook: Webhook) -> Received:
        try:
            return super().receive(webhook)
        except MalformedError as error:
            raise MalformedError(f"cannot read {webhook.body!r}", code=error.code) from error
