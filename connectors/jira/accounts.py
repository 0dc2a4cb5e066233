"""People with access to the site.

The trap: a profile belongs to its owner, and the account to the organisation that manages it. Over this API nobody
changes a name or an address, and nobody switches an account off (facts.md 2.3 [OAS-JIRA]).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import Refused
from connectors.contract.fields import FieldInfo
from connectors.contract.values import (
    Finding,
    HistoryEntry,
    IdPage,
    Listed,
    ObjectSpec,
    Page,
    Receipt,
    Ref,
    Snapshot,
    Step,
    VersionKind,
    Write,
    WriteKind,
)
from connectors.jira import answers, events, roll
from connectors.jira.api import Api
from connectors.jira.people import Directory
from connectors.jira.settings import USER, UserOptions
from connectors.rest import RestClient
from connectors.rest.prove import prove

SETTLES_S = 120.0
KEY_S = 365 * 86_400.0
"""An invitation is known by its address for as long as the account has access: for good, as far as we wait [OAS-JIRA].
"""
USER_PATH = "/rest/api/3/user"
_SHOWN = ("accountId", "accountType", "active", "displayName", "emailAddress", "locale", "timeZone")
_NOT_OURS: Mapping[str, str] = {
    "active": "whether an account is active is decided where it is managed (admin.atlassian.com), not in Jira; "
    "take the person out of groups, or take the access to the site away",
    "emailAddress": "the address belongs to the Atlassian account; only its owner or organisation changes it",
}
_A_PROFILE = "a profile is changed only by its owner or the organisation that manages the account"


class Accounts:
    """The people of one site."""

    def __init__(
        self,
        settings: ConnectionSettings,
        options: UserOptions,
        *,
        client: RestClient,
        directory: Directory,
        clock: Clock,
        new_key: Callable[[], str],
    ) -> None:
        self._settings, self._options, self._client = settings, options, client
        self._api, self._clock, self._new_key = Api(client, directory), clock, new_key

    @property
    def spec(self) -> ObjectSpec:
        """Neither version nor time nor marker; an invitation is known by its address."""
        settles_s = self._settings.settles_s
        return ObjectSpec(
            name=USER,
            version_kind=VersionKind.NONE,
            granularity_s=1.0,
            marker=False,
            key_s=KEY_S,
            settles_s=SETTLES_S if settles_s is None else settles_s,
            tells="who is invited, by mail",
        )

    async def check(self) -> Sequence[Finding]:
        """That people can be listed."""

        async def reads() -> str:
            return f"{len((await self._page(0, 1)).rows)} user seen"

        return [await prove("user: read", reads, self._clock)]

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        """One page, compared with what it showed before. An absence is only a hint to read."""
        stands = msgspec.convert(cursor or {}, roll.Cursor)
        page = await self._page(stands.at, self._options.page_size)
        states = {str(row["accountId"]): roll.state(shown(row)) for row in page.rows if self._counts(row)}
        done = roll.step(stands, states, page)
        at, name = self._clock.now(), self._settings.name
        told = [events.roll_hint(name, USER, id, self._new_key(), at) for id in done.news]
        return Page(changes=tuple(told), cursor=msgspec.to_builtins(done.cursor), more=done.more)

    async def ids(self, cursor: Mapping[str, Any] | None) -> IdPage:
        """One page of all."""
        at, empty = (cursor or {}).get("at", 0), (cursor or {}).get("empty", 0)
        page = await self._page(at, self._options.page_size)
        listed = [Listed(id=str(row["accountId"]), key=_key(row)) for row in page.rows if self._counts(row)]
        following = roll.going(at, empty, page)
        onward = {"at": following[0], "empty": following[1]} if following else None
        return IdPage(listed=tuple(listed), cursor=onward)

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        """A person; absent once the access to the site has ended."""
        answer = await self._api.look(USER_PATH, {"accountId": ref.id}, answers.a_person)
        if answer.status == 404:
            return Snapshot(object=USER, id=ref.id, key=ref.key, exists=False)
        return _snapshot(answer.data)

    async def find(self, correlation: str) -> Sequence[Ref]:
        """Never: there is no place for a marker."""
        return ()

    async def find_by(self, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        """By address or account id. Who hides the address is not found by it."""
        wanted = fragment.get("emailAddress") or fragment.get("accountId")
        if not wanted:
            raise Refused("people are looked up by emailAddress or accountId", fields=dict.fromkeys(fragment, "no key"))
        by = "query" if fragment.get("emailAddress") else "accountId"
        asked: dict[str, str | int] = {by: str(wanted), "maxResults": 50}
        found = (await self._client.read(f"{USER_PATH}/search", asked, sound=answers.a_list)).data
        return [_ref(row) for row in found if _has(shown(row), fragment)]

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        """There is none."""
        return ()

    async def steps(self, ref: Ref) -> Sequence[Step]:
        """There are none."""
        return ()

    async def fields(self) -> Sequence[FieldInfo]:
        """The site does not tell; they are always the same."""
        return ()

    async def apply(self, write: Write) -> Receipt:
        """Invites, or takes the access to the site away. Raises Refused for any change of a profile."""
        if write.kind is WriteKind.CREATE:
            return await self._invite(write)
        if write.kind is WriteKind.DELETE and write.ref is not None:
            return await self._remove(write, write.ref)
        fields = {name: _NOT_OURS.get(name, _A_PROFILE) for name in write.values} or {"user": _A_PROFILE}
        raise Refused("; ".join(f"{name}: {why}" for name, why in fields.items()), fields=fields)

    async def _invite(self, write: Write) -> Receipt:
        email = write.values.get("emailAddress")
        wrong = {name: _A_PROFILE for name in write.values if name not in ("emailAddress", "accountId")}
        if not email:
            wrong["emailAddress"] = "nobody is invited without an address"
        if wrong:
            raise Refused("; ".join(f"{name}: {why}" for name, why in wrong.items()), fields=wrong)
        body = {"emailAddress": email, "products": list(self._options.products)}
        answer = await self._client.write("POST", USER_PATH, body, sound=answers.a_person, **_told(write))
        return Receipt(ref=_ref(answer.data), snapshot=_snapshot(answer.data), evidence={"status": answer.status})

    async def _remove(self, write: Write, ref: Ref) -> Receipt:
        asked = {"accountId": ref.id}
        answer = await self._client.write(
            "DELETE", USER_PATH, None, asked, empty_ok=True, tolerate={404}, **_told(write)
        )
        if answer.status == 404:
            await self._api.believed()
        return Receipt(ref=ref, evidence={"status": answer.status})

    def _counts(self, row: Mapping[str, Any]) -> bool:
        return str(row.get("accountType", "atlassian")) in self._options.account_types

    async def _page(self, at: int, size: int) -> roll.Listing:
        asked: dict[str, str | int] = {"startAt": at, "maxResults": size}
        answer = await self._client.read("/rest/api/3/users/search", asked, sound=answers.people)
        return roll.Listing(rows=answer.data, size=size)


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A user as `raw`: without links and pictures. What the profile hides is not there."""
    return {name: row[name] for name in _SHOWN if row.get(name) not in (None, "")}


def _snapshot(row: Mapping[str, Any]) -> Snapshot:
    return Snapshot(object=USER, id=str(row["accountId"]), key=_key(row), raw=shown(row))


def _key(row: Mapping[str, Any]) -> str:
    return str(row.get("emailAddress") or row.get("displayName") or row["accountId"])


def _ref(row: Mapping[str, Any]) -> Ref:
    return Ref(object=USER, id=str(row["accountId"]), key=_key(row))


def _has(raw: Mapping[str, Any], fragment: Mapping[str, Any]) -> bool:
    return all(str(raw.get(name, "")).casefold() == str(value).casefold() for name, value in fragment.items())


def _told(write: Write) -> dict[str, Any]:
    return {"timeout_s": write.timeout_s, "operation": write.operation, "traceparent": write.traceparent}
