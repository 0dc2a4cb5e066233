"""Jira Cloud: issues with their comments and files; people and groups.

The traps are each object's own: see `issues`, `accounts` and `groups`. Here is only who answers for which object.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from connectors.contract.access import Account, Ending, GrantKind, Holdings, Whom
from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings, Connector, Sink
from connectors.contract.fields import FieldInfo
from connectors.contract.limits import Allowance
from connectors.contract.values import (
    Finding,
    HistoryEntry,
    IdPage,
    ObjectSpec,
    Page,
    Receipt,
    Received,
    Ref,
    Snapshot,
    Step,
    Webhook,
    Write,
)
from connectors.jira import answers, events, turns
from connectors.jira.access import Access
from connectors.jira.accounts import Accounts
from connectors.jira.groups import Groups
from connectors.jira.issues import Issues
from connectors.jira.people import Directory
from connectors.jira.settings import GROUP, ISSUE, USER, parsed
from connectors.jira.turns import Part
from connectors.rest import RestClient


def create(
    settings: ConnectionSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
) -> Connector:
    """The factory the registry calls. Raises ConfigError for options it does not understand."""
    return Jira(settings, clock=clock, transport=transport)


class Jira:
    """One site, seen by one integration user."""

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        new_key: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._settings = settings
        options = parsed(settings)
        self._client = RestClient(
            settings, clock=clock, transport=transport, vendor=answers.vendor_sign, blame=answers.blame
        )
        directory = Directory(self._client, clock)
        shared: dict[str, Any] = {
            "client": self._client,
            "directory": directory,
            "clock": clock,
            "new_key": new_key,
        }
        self._issues = Issues(settings, options.site, options.issue, **shared)
        self._access = Access(self._client, directory, options.site)
        parts: dict[str, Part] = {
            ISSUE: self._issues,
            USER: Accounts(settings, options.user, **shared),
            GROUP: Groups(settings, options.group, **shared),
        }
        self._parts = {name: parts[name] for name in options.objects}

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        """Issues, unless the connection's flows ask for something else."""
        return {name: part.spec for name, part in self._parts.items()}

    async def check(self) -> Sequence[Finding]:
        """What each object needs."""
        return [finding for part in self._parts.values() for finding in await part.check()]

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        """One page of one object; objects take turns."""
        return await turns.page(self._parts, cursor)

    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        """One page of all ids."""
        return await self._parts[object].ids(cursor)

    def receive(self, webhook: Webhook) -> Received:
        """What an event tells of the objects that are synchronised."""
        events.verify(webhook, self._settings.webhook_secret)
        return events.read(webhook, self._issues.reader(), frozenset(self._parts))

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        """The present state."""
        return await self._parts[ref.object].read(ref, items=items)

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        """By marker; people and groups have no place for one."""
        return await self._parts[object].find(correlation)

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        """By the values themselves."""
        return await self._parts[object].find_by(fragment)

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        """An issue's changelog; nothing else has one."""
        return await self._parts[ref.object].history(ref, since)

    async def steps(self, ref: Ref) -> Sequence[Step]:
        """An issue's transitions; nothing else has any."""
        return await self._parts[ref.object].steps(ref)

    async def apply(self, write: Write) -> Receipt:
        """Sends one write."""
        return await self._parts[write.object].apply(write)

    @property
    def ends(self) -> Mapping[GrantKind, str]:
        """See `access`."""
        return self._access.ends

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        """People with access to the site."""
        return await self._access.accounts(whom)

    async def holdings(self, account: str) -> Holdings:
        """What an account has there."""
        return await self._access.holdings(account)

    async def end(self, ending: Ending) -> None:
        """Takes one thing away."""
        await self._access.end(ending)

    async def fields(self, object: str) -> Sequence[FieldInfo]:
        """What the site says of the fields of issues; those of people and groups are always the same."""
        return await self._parts[object].fields()

    async def fetch(self, item: str, into: Sink) -> None:
        """The bytes of one file of an issue."""
        await self._issues.fetch(item, into)

    def allowance(self) -> Allowance:
        """What was used of the site's budget."""
        return self._client.allowance()

    async def close(self) -> None:
        """Closes pooled connections."""
        await self._client.close()
