"""What a person has in a system that a connector file describes: who is meant, and what is there."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from connectors.contract.access import Account, Grant, GrantKind, Holdings, Whom
from connectors.contract.errors import Refused
from connectors.declared.asking import Asker
from connectors.declared.deciding import decided
from connectors.declared.gathering import with_parts
from connectors.declared.looking import many, one, text_at
from connectors.declared.model.access import Access, Finder, Having
from connectors.declared.model.requests import Reading
from connectors.declared.slots import fill_text

Values = Mapping[str, Any]
_ORDER = list(GrantKind)
_AT_ONCE = 5


class Holder(NamedTuple):
    """Reads one connection's accounts and what they have."""

    ask: Asker
    access: Access
    own: Values
    """Settings of the connection."""

    @property
    def has(self) -> dict[str, Having]:
        """What accounts of this connection may have."""
        said = {"setting": dict(self.own)}
        return {name: having for name, having in self.access.has.items() if decided(having.when, said)}

    async def found(self, whom: Whom) -> list[Account]:
        """Everybody that any way of the file finds, each once, with the ways that found the account."""
        if whom.account:
            known = await self.account(whom.account)
            return [] if known is None else [msgspec.structs.replace(known, matched=("account",))]
        matched: dict[str, list[str]] = {}
        for finder in self.access.found_by:
            for id in await self._ids(finder, getattr(whom, finder.by)):
                matched.setdefault(id, []).append(finder.by)
        found = [(await self.account(id), by) for id, by in sorted(matched.items())]
        return [
            msgspec.structs.replace(known, matched=tuple(dict.fromkeys(by))) for known, by in found if known is not None
        ]

    async def account(self, wanted: str) -> Account | None:
        """The account with this id; None: there is none."""
        shape = self.access.account
        row = await self._asked(shape, shape.absent, wanted)
        if row is None and shape.otherwise is not None:
            row = await self._asked(shape.otherwise, shape.absent, wanted)
        if not isinstance(row, Mapping) or not text_at(shape.id, row):
            return None
        id, name = text_at(shape.id, row), text_at(shape.name, row)
        row = await with_parts(self.ask, row, shape.also, {**self.own, "account": {"id": id, "name": name}})
        said = {"row": row, "setting": dict(self.own)}
        return Account(
            id=id,
            name=name,
            email=text_at(shape.email, row),
            active=decided(shape.active, said),
            privileged=decided(shape.privileged, said),
        )

    async def _asked(self, reading: Reading, absent: Sequence[int], id: str) -> Any:
        answer = await self.ask.ask(reading, {**self.own, "account": {"id": id}}, tolerate=absent)
        return None if answer.status in absent else one(reading.pick)(answer.data)

    async def holdings(self, id: str) -> Holdings:
        """All that the account has. Raises rather than leave something out."""
        known = await self.account(id)
        if known is None:
            return Holdings(account=None, grants=(), unseen=self._never_seen())
        grants, unseen = list[Grant](), dict(self._never_seen())
        for name, having in self.has.items():
            kind = GrantKind(having.kind)
            if why := await self._hidden(having):
                unseen[kind] = _and(unseen.get(kind, ""), why)
                continue
            try:
                grants += await self.grants(name, having, known)
            except Refused as error:
                if error.status not in having.unseen_on:
                    raise
                unseen[kind] = _and(unseen.get(kind, ""), having.unseen_on[error.status])
        grants.sort(key=lambda grant: _ORDER.index(grant.kind))
        return Holdings(account=known, grants=tuple(grants), unseen=unseen)

    async def grants(self, name: str, having: Having, account: Account) -> list[Grant]:
        """What the account has of one sort."""
        if having.list is None:
            is_on = having.unseen is None and account.active
            return [_the_account(account)] if is_on else []
        values, rows = self.values(account), await self.rows(having, account)
        told = [_grant(name, having, row, values | {"row": row}) for row in rows]
        return _with_what_they_bring(name, having, rows, told)

    async def rows(self, having: Having, account: Account) -> list[Mapping[str, Any]]:
        """The rows that are the account's, to the last page."""
        assert having.list is not None
        values = self.values(account)
        shown = [row for row in await self.ask.all(having.list, values) if isinstance(row, Mapping)]
        whole = await self._whole(having, shown, values)
        return [row for row in whole if decided(having.where, self.said(account) | {"row": row})]

    async def _whole(
        self, having: Having, rows: list[Mapping[str, Any]], values: dict[str, Any]
    ) -> list[Mapping[str, Any]]:
        """The rows with their parts, a few at once: an organisation has hundreds of teams."""
        if not having.also:
            return rows
        found = list[Mapping[str, Any]]()
        for begin in range(0, len(rows), _AT_ONCE):
            few = rows[begin : begin + _AT_ONCE]
            asked = (with_parts(self.ask, row, having.also, {**values, "row": row}) for row in few)
            for each in await asyncio.gather(*asked, return_exceptions=True):
                if isinstance(each, BaseException):
                    raise each
                found.append(each)
        return found

    def values(self, account: Account) -> dict[str, Any]:
        """What slots may name."""
        return {**self.own, "account": of_account(account)}

    def said(self, account: Account) -> dict[str, Any]:
        """What conditions may name."""
        return {"account": of_account(account), "setting": dict(self.own)}

    async def _hidden(self, having: Having) -> str:
        """Why this is not shown to us; "" if it is."""
        if having.seen_if is None:
            return ""
        row = one(having.seen_if.pick)((await self.ask.ask(having.seen_if, self.own)).data)
        is_shown = decided(having.seen_if.holds, {"row": row, "setting": dict(self.own)})
        return "" if is_shown else having.seen_if.say

    def _never_seen(self) -> dict[GrantKind, str]:
        unseen: dict[GrantKind, str] = {}
        for having in self.has.values():
            if having.unseen is not None:
                unseen[GrantKind(having.kind)] = _and(unseen.get(GrantKind(having.kind), ""), having.unseen)
        return unseen

    async def _ids(self, finder: Finder, wanted: str) -> list[str]:
        if not wanted or not decided(finder.when, {"setting": dict(self.own)}):
            return []
        values = {**self.own, "whom": {finder.by: wanted}}
        rows: Sequence[Any] = await self.ask.all(finder, values)
        if finder.each is not None:
            rows = [each for row in rows for each in await self._each(finder, {**values, "row": row})]
        return [id for row in rows if _equals(finder.equals, row, wanted) and (id := text_at(finder.id, row))]

    async def _each(self, finder: Finder, values: Values) -> list[Any]:
        assert finder.each is not None
        answer = await self.ask.ask(finder.each, values, tolerate=finder.each.absent)
        return [] if answer.status in finder.each.absent else many(finder.each.pick)(answer.data)


def id_of(having: Having, row: Any) -> str:
    """Raises Refused for a row without one: it would be left out of what is read as complete."""
    id = text_at(having.id, row)
    if not id:
        raise Refused(f"an entry of a list that should be complete has no id at {having.id}")
    return hashlib.sha256(id.encode()).hexdigest()[:24] if having.secret_id else id


def of_account(account: Account) -> dict[str, str]:
    """An account as slots and conditions see it."""
    return {"id": account.id, "name": account.name, "email": account.email}


def _equals(path: str, row: Any, wanted: str) -> bool:
    return any(str(each).casefold() == wanted.casefold() for each in many(path)(row) if isinstance(each, str | int))


def grant_id(name: str, having: Having, row: Any) -> str:
    """Unique with the kind, of which a file may have several sorts, each with numbers of its own."""
    return f"{name}:{id_of(having, row)}"


def _the_account(account: Account) -> Grant:
    return Grant(kind=GrantKind.ACCOUNT, id=account.id, name=account.name, privileged=account.privileged)


def _grant(name: str, having: Having, row: Mapping[str, Any], values: Mapping[str, Any]) -> Grant:
    said = {"row": row, "account": values["account"], "setting": dict(values)}
    return Grant(
        kind=GrantKind(having.kind),
        id=grant_id(name, having, row),
        name=fill_text(having.name, values),
        privileged=decided(having.privileged, said),
        through=text_at(having.through, row),
        detail={key: one(path)(row) for key, path in having.detail.items()},
    )


def _with_what_they_bring(name: str, having: Having, rows: Sequence[Any], grants: list[Grant]) -> list[Grant]:
    """What comes along with another of the list is had by way of that one."""
    brought = [text_at(having.brings, row) for row in rows]
    by = {f"{name}:{other}": grant.id for other, grant in zip(brought, grants, strict=True) if other}
    return [msgspec.structs.replace(each, through=by[each.id]) if each.id in by else each for each in grants]


def _and(first: str, second: str) -> str:
    return f"{first}; {second}" if first and first != second else second
