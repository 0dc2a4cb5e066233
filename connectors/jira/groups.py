"""Groups and who belongs to them.

The trap: nothing tells when a membership changed, a group has no place for a marker, and each membership is a request
of its own (facts.md 2.3 [OAS-JIRA]). Each is a target state, so any of them may be asked for twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import DeliveryError, OutcomeUnknown, Refused
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
from connectors.jira.settings import GROUP, GroupOptions
from connectors.rest import Answer, RestClient
from connectors.rest.prove import prove
from connectors.rest.remember import Memory

SETTLES_S = 120.0
KEY_S = 365 * 86_400.0
"""A group is known by its name, which no other one may have."""
GROUP_PATH = "/rest/api/3/group"
_MEMBERS_AT_ONCE = 50
_MOST_READS = 3
"""Of a list of members that does not add up, because somebody came or went while it was read."""
Members = Mapping[str, str]
"""Account id -> how the member is named: by address, or by account id where the profile hides it."""


class Groups:
    """The groups of one site."""

    def __init__(
        self,
        settings: ConnectionSettings,
        options: GroupOptions,
        *,
        client: RestClient,
        directory: Directory,
        clock: Clock,
        new_key: Callable[[], str],
    ) -> None:
        self._settings, self._options, self._client = settings, options, client
        self._directory, self._api = directory, Api(client, directory)
        self._clock, self._new_key = clock, new_key
        self._seen: Memory[str, Members] = Memory(clock, ttl_s=3600.0)

    @property
    def spec(self) -> ObjectSpec:
        """Neither version nor time nor marker; a group is known by its name."""
        settles_s = self._settings.settles_s
        return ObjectSpec(
            name=GROUP,
            version_kind=VersionKind.NONE,
            granularity_s=1.0,
            marker=False,
            key_s=KEY_S,
            settles_s=SETTLES_S if settles_s is None else settles_s,
            tells="nobody",
        )

    async def check(self) -> Sequence[Finding]:
        """That groups can be listed."""

        async def reads() -> str:
            return f"{(await self._page(0, 1)).total} groups seen"

        return [await prove("group: read", reads, self._clock)]

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        """One page with all members, compared with what it showed before."""
        stands = msgspec.convert(cursor or {}, roll.Cursor)
        page = await self._page(stands.at, self._options.page_size)
        states = {}
        for row in page.rows:
            members = await self._members(str(row["groupId"])) if self._counts(row) else None
            if members is not None:
                states[str(row["groupId"])] = roll.state(_raw(row, members))
        done = roll.step(stands, states, page)
        told = [
            events.roll_hint(self._settings.name, GROUP, id, self._new_key(), self._clock.now()) for id in done.news
        ]
        return Page(changes=tuple(told), cursor=msgspec.to_builtins(done.cursor), more=done.more)

    async def ids(self, cursor: Mapping[str, Any] | None) -> IdPage:
        """One page of all."""
        at = (cursor or {}).get("at", 0)
        page = await self._page(at, self._options.page_size)
        listed = [Listed(id=str(row["groupId"]), key=str(row["name"])) for row in page.rows if self._counts(row)]
        following = roll.going(at, 0, page)
        return IdPage(listed=tuple(listed), cursor={"at": following[0]} if following else None)

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        """A group with its members."""
        found = await self._listed({"groupId": ref.id})
        members = await self._members(ref.id) if found else None
        if members is None:
            await self._api.believed()
            return Snapshot(object=GROUP, id=ref.id, key=ref.key, exists=False)
        self._seen.put(ref.id, members)
        return Snapshot(object=GROUP, id=ref.id, key=str(found[0]["name"]), raw=_raw(found[0], members))

    async def find(self, correlation: str) -> Sequence[Ref]:
        """Never: there is no place for a marker."""
        return ()

    async def find_by(self, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        """By name or id."""
        keys = {"name": "groupName", "groupId": "groupId"}
        asked = {keys[name]: str(value) for name, value in fragment.items() if name in keys}
        if not asked or len(asked) != len(fragment):
            raise Refused("groups are looked up by name or groupId", fields=dict.fromkeys(fragment, "no key"))
        found = await self._listed(asked)
        return [_ref(row) for row in found if all(row.get(name) == value for name, value in fragment.items())]

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
        """Makes a group, takes one away, or moves members, one request each. What was done when one of them failed
        stays; the outcome is unknown then, and the next attempt asks for the rest.
        """
        if write.kind is WriteKind.CREATE:
            return await self._create(write)
        if write.ref is None or write.kind not in (WriteKind.UPDATE, WriteKind.DELETE):
            raise Refused(f"a group takes no write of kind {write.kind}")
        if write.kind is WriteKind.DELETE:
            return await self._delete(write, write.ref)
        return await self._update(write, write.ref)

    async def _create(self, write: Write) -> Receipt:
        """A name that is taken is ours if nobody belongs to the group but whom we would let in: a create that landed
        before. Anybody else's group is not taken over.
        """
        name = str(write.values.get("name") or "")
        if not name:
            raise Refused("a group needs a name", fields={"name": "is missing"})
        wanted = await self._accounts(write.values.get("members") or (), {})
        answer = await self._client.write(
            "POST", GROUP_PATH, {"name": name}, sound=answers.a_group, tolerate={400}, **_told(write)
        )
        made = answer.data if answer.status != 400 else await self._ours(name, wanted, answer)
        ref = _ref(made)
        before = {} if answer.status != 400 else await self._members(ref.id) or {}
        done = int(answer.status != 400)
        await self._in_turn([self._join(write, ref, each) for each in wanted if each not in before], done)
        return Receipt(ref=ref, evidence={"status": answer.status})

    async def _ours(self, name: str, wanted: Collection[str], answer: Answer) -> Mapping[str, Any]:
        found = [row for row in await self._listed({"groupName": name}) if row.get("name") == name]
        members = await self._members(str(found[0]["groupId"])) if found else None
        if members is not None and members.keys() <= set(wanted):
            return found[0]
        reason, fields = answers.blame(answer)
        told = self._client.evidence("POST", GROUP_PATH, answer)
        raise Refused(
            f"group {name}: {reason}", status=400, evidence=told, fields=fields or {"name": reason}, said=reason
        )

    async def _update(self, write: Write, ref: Ref) -> Receipt:
        """Who came since the last read stays, and who went since is not let in again by us."""
        now = await self._members(ref.id)
        if now is None:
            await self._api.believed()
            raise Refused(f"group {ref.key or ref.id} is not there", fields={"group": "is not there"})
        if "name" in write.values:
            await self._same_name(ref, str(write.values["name"]))
        if "members" not in write.values:
            return Receipt(ref=ref)
        seen = self._seen.get(ref.id)
        before = now if seen is None else seen
        wanted = await self._accounts(write.values["members"] or (), {**before, **now})
        joins = [self._join(write, ref, each) for each in wanted if each not in now and each not in before]
        leaves = [self._leave(write, ref, each) for each in before if each not in wanted and each in now]
        await self._in_turn([*joins, *leaves], 0)
        return Receipt(ref=ref, evidence={"joined": len(joins), "left": len(leaves)})

    async def _same_name(self, ref: Ref, name: str) -> None:
        found = await self._listed({"groupId": ref.id})
        if not found or found[0].get("name") != name:
            why = "Jira Cloud renames no group over its API; rename it at admin.atlassian.com"
            raise Refused(f"name: {why}", fields={"name": why})

    async def _delete(self, write: Write, ref: Ref) -> Receipt:
        asked = {"groupId": ref.id}
        answer = await self._client.write(
            "DELETE", GROUP_PATH, None, asked, empty_ok=True, tolerate={404}, **_told(write)
        )
        if answer.status == 404:
            await self._api.believed()
        return Receipt(ref=ref, evidence={"status": answer.status})

    def _join(self, write: Write, ref: Ref, account: str) -> Callable[[], Awaitable[bool]]:
        async def join() -> bool:
            path, asked = f"{GROUP_PATH}/user", {"groupId": ref.id}
            answer = await self._client.write(
                "POST", path, {"accountId": account}, asked, sound=answers.a_group, tolerate={400, 404}, **_told(write)
            )
            return await self._moved("POST", path, answer, ref, account, joins=True)

        return join

    def _leave(self, write: Write, ref: Ref, account: str) -> Callable[[], Awaitable[bool]]:
        async def leave() -> bool:
            path, asked = f"{GROUP_PATH}/user", {"groupId": ref.id, "accountId": account}
            answer = await self._client.write(
                "DELETE", path, None, asked, empty_ok=True, tolerate={400, 404}, **_told(write)
            )
            return await self._moved("DELETE", path, answer, ref, account, joins=False)

        return leave

    async def _moved(self, method: str, path: str, answer: Answer, ref: Ref, account: str, *, joins: bool) -> bool:
        """Whether the request had an effect; who is in the wanted state already is answered with 400 [M]."""
        if answer.status < 300:
            return True
        there = account in (await self._members(ref.id) or {})
        if there is joins:
            return False
        reason, _ = answers.blame(answer)
        told = self._client.evidence(method, path, answer)
        said = f"members: {account} could not {'join' if joins else 'leave'} {ref.key or ref.id}: {reason}"
        raise Refused(said, status=answer.status, evidence=told, fields={"members": reason}, said=reason)

    async def _in_turn(self, requests: Sequence[Callable[[], Awaitable[bool]]], done: int) -> None:
        """Once something had an effect, no error may say that there was none."""
        for request in requests:
            try:
                done += await request()
            except OutcomeUnknown:
                raise
            except DeliveryError as error:
                if not done:
                    raise
                said = f"{done} changes of the group stand, then: {error}"
                evidence = {**error.evidence, "done": done}
                raise OutcomeUnknown(said, status=error.status, evidence=evidence, said=error.said) from error

    async def _accounts(self, named: Collection[Any], known: Members) -> list[str]:
        """Account ids of whom the values name. Raises Refused for somebody who is not there, before anything is
        written: nobody is left out silently.
        """
        ids = {name.casefold(): id for id, name in known.items()}
        found: list[str] = []
        for name in map(str, named):
            by_address = "@" in name and name.casefold() not in ids
            found.append(
                await self._directory.account("members", name) if by_address else ids.get(name.casefold(), name)
            )
        return list(dict.fromkeys(found))

    async def _members(self, group: str) -> Members | None:
        """All members, active or not; None: there is no such group."""
        found: dict[str, str] = {}
        for _ in range(_MOST_READS):
            found, at, total = {}, 0, 1
            while at < total:
                asked: dict[str, str | int] = {"groupId": group, "startAt": at, "maxResults": _MEMBERS_AT_ONCE}
                asked["includeInactiveUsers"] = "true"
                answer = await self._client.read(f"{GROUP_PATH}/member", asked, sound=answers.VALUES, tolerate={404})
                if answer.status == 404:
                    return None
                found |= {str(row["accountId"]): _named(row) for row in answer.data["values"]}
                at, total = at + _MEMBERS_AT_ONCE, int(answer.data.get("total", 0))
            if len(found) == total:
                break
        return found

    def _counts(self, row: Mapping[str, Any]) -> bool:
        return not self._options.names or row.get("name") in self._options.names

    async def _listed(self, asked: Mapping[str, str]) -> list[Mapping[str, Any]]:
        return list((await self._client.read(f"{GROUP_PATH}/bulk", asked, sound=answers.VALUES)).data["values"])

    async def _page(self, at: int, size: int) -> roll.Listing:
        asked: dict[str, str | int] = {"startAt": at, "maxResults": size}
        answer = await self._client.read(f"{GROUP_PATH}/bulk", asked, sound=answers.VALUES)
        return roll.Listing(rows=answer.data["values"], size=size, total=int(answer.data.get("total", 0)))


def _named(row: Mapping[str, Any]) -> str:
    return str(row["emailAddress"]).lower() if row.get("emailAddress") else str(row["accountId"])


def _raw(row: Mapping[str, Any], members: Members) -> dict[str, Any]:
    return {"groupId": str(row["groupId"]), "name": str(row["name"]), "members": sorted(members.values())}


def _ref(row: Mapping[str, Any]) -> Ref:
    return Ref(object=GROUP, id=str(row["groupId"]), key=str(row.get("name", "")))


def _told(write: Write) -> dict[str, Any]:
    return {"timeout_s": write.timeout_s, "operation": write.operation, "traceparent": write.traceparent}
