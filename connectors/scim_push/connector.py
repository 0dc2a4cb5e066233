"""Users and groups that an identity provider pushes to us (SCIM 2.0): read where the gateway keeps them.

The trap: nobody can be asked. What the provider did not push is not known, and nothing can be written back: a mapping
of this connection only reads (`direction: in`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec

from connectors.contract.access import Account, Ending, GrantKind, Holdings, Whom, objection
from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import ConfigError, MalformedError, Refused, Retryable
from connectors.contract.pushed import Resource, Shelf
from connectors.contract.values import (
    Change,
    ChangeKind,
    Finding,
    HistoryEntry,
    IdPage,
    Listed,
    ObjectSpec,
    Page,
    Receipt,
    Received,
    Ref,
    Snapshot,
    Step,
    VersionKind,
    Webhook,
    Write,
)
from connectors.directory import GROUP, TYPES, USER, holds, known_as, member_ids, name_of, shown, with_people
from connectors.options import Options, parse
from connectors.scim_push import access

PAGE = 200


class PushOptions(Options):
    """`options:` of a connection: none so far."""


def create(
    settings: ConnectionSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
) -> PushedTo:
    """The connector of a connection; it sends nothing. Raises ConfigError."""
    where = f"connection {settings.name}"
    parse(PushOptions, settings.options, where)
    if unknown := set(settings.objects) - set(TYPES):
        raise ConfigError(
            [f"{where}: error[objects]: there is no {', '.join(sorted(unknown))}; try {', '.join(TYPES)}"]
        )
    return PushedTo(settings.name, settings.shelf, clock)


def _spec(name: str) -> ObjectSpec:
    return ObjectSpec(
        name=name,
        version_kind=VersionKind.COUNTER,  # ours: one more with each push that changes something
        granularity_s=0.001,
        marker=False,
        settles_s=0.0,  # nothing is ever sent
    )


def _kind(resource: Resource) -> ChangeKind:
    """A group names its members by ids of the provider, so who they are has to be read."""
    if not resource.exists:
        return ChangeKind.DELETED
    return ChangeKind.HINT if resource.object == GROUP else ChangeKind.SNAPSHOT


def _told(resource: Resource) -> Snapshot:
    snapshot = _snapshot(resource)
    return msgspec.structs.replace(snapshot, partial=True) if _kind(resource) is ChangeKind.HINT else snapshot


class PushedTo:
    """One connection that an identity provider pushes to."""

    def __init__(self, name: str, shelf: Shelf | None, clock: Clock) -> None:
        self.name, self._shelf, self.clock = name, shelf, clock
        self._specs = {USER: _spec(USER), GROUP: _spec(GROUP)}

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        """Users and groups, with a version of ours."""
        return self._specs

    @property
    def shelf(self) -> Shelf:
        """Where what was pushed is kept. Raises Retryable in a process that has no such place."""
        if self._shelf is None:
            raise Retryable(f"what was pushed to {self.name} is in the gateway's database, which is not open here")
        return self._shelf

    def told(self, resource: Resource, *, received_at: float, traceparent: str = "") -> Change:
        """A whole snapshot, or that it was taken away. The delivery key is the resource and its version."""
        key = f"{resource.object}:{resource.id}:{resource.version}" if resource.exists else ""
        return Change(
            connection=self.name,
            delivery_key=key or f"{resource.object}:{resource.id}:deleted",
            kind=_kind(resource),
            snapshot=_told(resource),
            received_at=received_at,
            occurred_at=resource.modified_at,
            via="push",
            traceparent=traceparent,
        )

    async def check(self) -> Sequence[Finding]:
        """That the place of what is pushed can be read, and when something last came."""
        at = await self.shelf.pushed_at()
        detail = f"last at {at:.0f} (epoch seconds)" if at else "nothing has been pushed yet: point the provider at it"
        return [Finding(proves="something was pushed", ok=bool(at), detail=detail)]

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        """What was accepted and did not get into the stream at once; as a rule nothing."""
        before = int((cursor or {}).get("number", 0))
        found = await self.shelf.untold(before, PAGE)
        number = found[-1][0] if found else before
        return Page(changes=tuple(change for _, change in found), cursor={"number": number}, more=len(found) == PAGE)

    def receive(self, webhook: Webhook) -> Received:
        """Refused: pushes have an address of their own."""
        raise MalformedError(f"this connection is pushed to at /scim/v2/{self.name}", code="not_a_webhook")

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        """As it was pushed last."""
        found = await self.shelf.resource(ref.object, ref.id)
        if found is None:
            return Snapshot(object=ref.object, id=ref.id, key=ref.key, exists=False)
        return _snapshot(found) if ref.object != GROUP else await self._with_people(_snapshot(found))

    async def _with_people(self, group: Snapshot) -> Snapshot:
        """Raises Retryable while somebody in it has not been pushed: providers push in any order."""
        users = {id: await self.shelf.resource(USER, id) for id in member_ids(group.raw)}
        names = {id: known_as(user.body) for id, user in users.items() if user is not None and user.exists}
        return msgspec.structs.replace(group, raw=with_people(group.raw, names, group.key or group.id))

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        """Nothing of ours is ever stored at the provider."""
        return []

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        """Looks through all that was pushed."""
        found: list[Ref] = []
        after = ""
        while page := await self.shelf.after(object, after, PAGE):
            found += [_ref(each) for each in page if holds(shown(each.body), fragment)]
            after = page[-1].id
        return found

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        """The provider does not say who changed what."""
        return []

    async def steps(self, ref: Ref) -> Sequence[Step]:
        """No field is stepped."""
        return []

    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        """All that was pushed and not taken away."""
        page = await self.shelf.after(object, str((cursor or {}).get("after", "")), PAGE)
        listed = tuple(Listed(id=each.id, key=name_of(each.body), updated_at=each.modified_at) for each in page)
        return IdPage(listed=listed, cursor={"after": page[-1].id} if len(page) == PAGE else None)

    async def apply(self, write: Write) -> Receipt:
        """Refused: the provider is the only one that writes here."""
        why = f"{self.name} is pushed to and cannot be written to: what it has is changed at the provider"
        raise Refused(why, said=why)

    @property
    def ends(self) -> Mapping[GrantKind, str]:
        """Nothing: see `access`."""
        return access.ENDS

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        """People that were pushed."""
        return await access.accounts(self.shelf, whom)

    async def holdings(self, account: str) -> Holdings:
        """What was pushed of somebody."""
        return await access.holdings(self.shelf, account)

    async def end(self, ending: Ending) -> None:
        """Refused: as `apply` is."""
        why = objection(access.ENDS, ending)
        raise Refused(why, said=why)

    async def close(self) -> None:
        """Nothing is open."""


def _ref(resource: Resource) -> Ref:
    return Ref(object=resource.object, id=resource.id, key=name_of(resource.body))


def _snapshot(resource: Resource) -> Snapshot:
    return Snapshot(
        object=resource.object,
        id=resource.id,
        key=name_of(resource.body),
        exists=resource.exists,
        version=resource.version,
        updated_at=resource.modified_at,
        raw=shown(resource.body),
    )
