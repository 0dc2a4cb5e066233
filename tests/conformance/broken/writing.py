"""Connectors that say of a write what is not so, or send it twice, each in one way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import httpx
import msgspec

from connectors.contract.errors import (
    CredentialsError,
    DeliveryError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
)
from connectors.contract.values import ObjectSpec, Receipt, Ref, Snapshot, Write
from connectors.rest import RestClient
from connectors.rest.transport import trusted
from tests.conformance.sound import Sound


class Stumbles(Sound):
    """Over its own code: what it raises is none of the contract's errors."""

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        raise KeyError("text")

    async def apply(self, write: Write) -> Receipt:
        raise KeyError("text")


class SendsNothing(Sound):
    async def apply(self, write: Write) -> Receipt:
        return Receipt(ref=write.ref or Ref(object=write.object, id="7"))


class IgnoresThePrecondition(Sound):
    def etag(self, write: Write) -> str | None:
        return None


class DeclaresAKeyThatNobodyKnows(Sound):
    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        return {name: msgspec.structs.replace(spec, key_s=60.0) for name, spec in super().specs.items()}


class Impatient(Sound):
    """Its own time-out is shorter than the one it was given."""

    async def apply(self, write: Write) -> Receipt:
        return await super().apply(msgspec.structs.replace(write, timeout_s=0.1))


class SendsAgain(Sound):
    """The blind resend that P2 forbids."""

    async def apply(self, write: Write) -> Receipt:
        try:
            return await super().apply(write)
        except OutcomeUnknown:
            return await super().apply(write)


class Renames(Sound):
    """Takes one error for another."""

    taken: ClassVar[type[DeliveryError]]
    to: ClassVar[type[DeliveryError]]

    def where(self, error: DeliveryError) -> bool:
        """Which of them."""
        return True

    async def apply(self, write: Write) -> Receipt:
        try:
            return await super().apply(write)
        except DeliveryError as error:
            if not isinstance(error, self.taken) or not self.where(error):
                raise
            raise self.to(str(error), status=error.status) from error


class NotReachedIsRefused(Renames):
    taken, to = Retryable, Refused


class ATimeOutIsNotApplied(Renames):
    taken, to = OutcomeUnknown, Retryable

    def where(self, error: DeliveryError) -> bool:
        return error.status is None


class ACutIsAConflictOfTheNetwork(Renames):
    taken, to = OutcomeUnknown, Refused

    def where(self, error: DeliveryError) -> bool:
        return error.status is None


class AnUnreadableAnswerIsARefusal(Renames):
    taken, to = OutcomeUnknown, Refused

    def where(self, error: DeliveryError) -> bool:
        return error.status in {200, 201}


class FiveHundredIsAgain(Renames):
    taken, to = OutcomeUnknown, Retryable

    def where(self, error: DeliveryError) -> bool:
        return (error.status or 0) >= 500


class ThrottlingIsARefusal(Renames):
    taken, to = Throttled, Refused


class ForgetsHowLongToWait(Renames):
    taken, to = Throttled, Throttled


class ADeadSignInIsARefusal(Renames):
    taken, to = CredentialsError, Refused


class NoRightIsAgain(Renames):
    taken, to = Refused, Retryable

    def where(self, error: DeliveryError) -> bool:
        return error.status == 403


class AnythingWithTwoHundredIsApplied(Sound):
    async def apply(self, write: Write) -> Receipt:
        try:
            return await super().apply(write)
        except OutcomeUnknown as error:
            if error.status not in {200, 201}:
                raise
            return Receipt(ref=write.ref or Ref(object=write.object, id="7"))


class InsistsOnTheContentType(Sound):
    async def apply(self, write: Write) -> Receipt:
        method, path, body = self.request(write)
        answer = await self.client.write(method, path, body, timeout_s=write.timeout_s)
        if not answer.headers.get("content-type", "").startswith("application/json"):
            raise Refused("the answer is no JSON")
        return Receipt(ref=write.ref or Ref(object=write.object, id=answer.data["id"]))


class FollowsRedirects(Sound):
    async def apply(self, write: Write) -> Receipt:
        try:
            return await super().apply(write)
        except Refused as error:
            told: Any = error.evidence.get("headers", {})
            shown = self.client._sign_in.ready()
            assert shown is not None
            headers = {name.decode(): value.decode() for name, value in shown.headers}
            async with httpx.AsyncClient(headers=headers, verify=trusted()) as http:
                await http.get(told["location"])
            raise


class KnowsNoVendorSigns(Sound):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.client = RestClient(self.settings, clock=self.clock)
