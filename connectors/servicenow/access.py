"""What a user of an instance has, and how that ends.

The traps: what the integration user may not read is left out of lists without a word, so the total is compared with
what came; and no write is conditional (facts.md 1.4), so work is read right before it is handed over, and left alone
where somebody else has it by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.access import Account, Ending, Grant, GrantKind, Holdings, Whom, objection
from connectors.contract.clock import Clock
from connectors.contract.errors import Refused
from connectors.rest import RestClient
from connectors.servicenow import answers, having, table
from connectors.servicenow.having import PLACES, USER_FIELDS, Place
from connectors.servicenow.rows import Row, text
from connectors.servicenow.settings import ServiceNowOptions

ENDS: Mapping[GrantKind, str] = dict.fromkeys((*(place.kind for place in PLACES), GrantKind.ACCOUNT), "")
USERS = "sys_user"
_COLUMNS = {"email": "email", "user_name": "user_name", "employee_number": "employee_number", "account": "sys_id"}
"""Field of `Whom` -> column."""
_OFF = {"active": "false", "locked_out": "true"}
_STILL: Mapping[GrantKind, tuple[str, str]] = {
    GrantKind.WORK: ("active", "true"),
    GrantKind.JOB: ("active", "true"),
    GrantKind.APPROVAL: ("state", "requested"),
}
"""What makes it open: column and value."""


class Access:
    """The people of one instance, as far as the integration user may see them."""

    def __init__(self, client: RestClient, clock: Clock, options: ServiceNowOptions) -> None:
        self._client, self._clock, self._limit = client, clock, options.page_size
        self._privileged = {*having.PRIVILEGED, *options.privileged}

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        """By id; else by each column that is known. Raises Refused where rows that match are hidden from us."""
        fields = ["account"] if whom.account else ["email", "user_name", "employee_number"]
        found: dict[str, Row] = {}
        matched: dict[str, list[str]] = {}
        for field in fields:
            for row in await self._users(_COLUMNS[field], getattr(whom, field)):
                found[text(row["sys_id"])] = row
                matched.setdefault(text(row["sys_id"]), []).append(field)
        privileged = {id: await self._rules(row) for id, row in found.items()}
        return tuple(
            having.account_of(row, privileged=privileged[id], matched=tuple(matched[id]))
            for id, row in sorted(found.items())
        )

    async def holdings(self, account: str) -> Holdings:
        """Kind by kind. What cannot be read, or not all of it, is told with the reason."""
        answer = await self._client.read(
            table.path(USERS, account),
            {**table.PLAIN, "sysparm_fields": USER_FIELDS},
            sound=answers.one_row,
            tolerate={404},
        )
        if answer.status == 404:
            await self._is_gone(account)
            return Holdings(account=None, grants=())
        row: Row = answer.data["result"]
        grants: list[Grant] = []
        unseen: dict[GrantKind, str] = {}
        for place in PLACES:
            found, reason = await self._held(place, row)
            grants += found
            unseen |= {place.kind: reason} if reason else {}
        known = having.with_groups(grants)
        who = having.account_of(row, privileged=any(each.privileged for each in known))
        return Holdings(account=who, grants=(*known, *having.sign_in(who)), unseen=unseen)

    async def end(self, ending: Ending) -> None:
        """One write: switches off, deletes the row that gives it, or puts somebody else in the person's place."""
        grant = ending.grant
        if why := objection(ENDS, ending):
            raise Refused(why, said=why)
        if grant.kind is GrantKind.ACCOUNT:
            await self._change(ending, USERS, ending.account.id, _OFF)
            return
        place = next(each for each in PLACES if each.kind is grant.kind)
        if place.hands_over:
            await self._hand_over(ending, place)
        else:
            await self._client.write(
                "DELETE", table.path(place.table, grant.id), {}, empty_ok=True, tolerate={404}, **_told(ending)
            )

    async def _hand_over(self, ending: Ending, place: Place) -> None:
        """Only what is still open and still the person's. A job without a person would run as the system itself [P:
        servicenow.com/community developer-forum 1489751], so it is stopped; an approval needs somebody.
        """
        grant, to = ending.grant, ending.to.id if ending.to else ""
        if place.kind is GrantKind.APPROVAL and not to:
            why = f"{grant.name} waits for somebody's word; say who decides in the person's place; nothing was sent"
            raise Refused(why, said=why)
        where = str(grant.detail["table"])
        if not await self._is_still(ending, place, where):
            return
        body = {place.hands_over: to} if to or place.kind is GrantKind.WORK else {"active": "false"}
        note = {GrantKind.WORK: "work_notes", GrantKind.APPROVAL: "comments"}.get(place.kind)
        await self._change(ending, where, grant.id, {**body, **({note: ending.note} if note and ending.note else {})})

    async def _is_still(self, ending: Ending, place: Place, where: str) -> bool:
        column, value = _STILL[place.kind]
        asked = {**table.PLAIN, "sysparm_fields": f"sys_id,{place.column},{column}"}
        answer = await self._client.read(
            table.path(where, ending.grant.id), asked, sound=answers.one_row, tolerate={404}
        )
        if answer.status == 404:
            return False
        row = answer.data["result"]
        return text(row.get(place.column)) == ending.account.id and text(row.get(column)) == value

    async def _change(self, ending: Ending, where: str, id: str, body: Mapping[str, str]) -> None:
        await self._client.write(
            "PATCH",
            table.path(where, id),
            body,
            {**table.PLAIN, "sysparm_fields": "sys_id"},
            sound=answers.one_row,
            tolerate={404},
            **_told(ending),
        )

    async def _held(self, place: Place, account: Row) -> tuple[list[Grant], str]:
        """What is seen, and why that may not be all; "" if it is."""
        owner = place.owner(account)
        if not owner:
            return [], f"the account has no user name, by which {place.table} would tell whose they are"
        query = place.query(account, self._clock.now() + self._client.clock_offset_s)
        try:
            rows, hidden = await table.whole(
                self._client,
                place.table,
                query,
                place.fields,
                lambda row: text(row.get(place.column)).casefold() == owner.casefold(),
                limit=self._limit,
            )
        except Refused as error:
            return [], f"{place.table} cannot be read: {error.said or error}"
        reason = f"{hidden} rows of {place.table} are hidden from the integration user" if hidden else ""
        return [place.grant(row, self._privileged) for row in rows], reason

    async def _rules(self, account: Row) -> bool:
        place = next(each for each in PLACES if each.kind is GrantKind.ROLE)
        return any(each.privileged for each in (await self._held(place, account))[0])

    async def _users(self, column: str, value: str) -> list[Row]:
        if not value:
            return []
        rows, hidden = await table.whole(
            self._client,
            USERS,
            table.equals(column, value),
            USER_FIELDS,
            lambda row: text(row.get(column)).casefold() == value.casefold(),
            limit=self._limit,
        )
        if hidden:
            raise Refused(f"{hidden} users with this {column} are hidden from the integration user; nobody is guessed")
        return rows

    async def _is_gone(self, account: str) -> None:
        """A 404 also says that we may not see it (facts.md 1.2 [M]). Raises Refused unless users are seen and the total
        does not count this one.
        """
        await self._users("sys_id", account)
        rows, _ = await table.page(self._client, USERS, "", "sys_id", table.anything, limit=1)
        if not rows:
            raise Refused(f"no user at all can be seen in {USERS}: that {account} is not there proves nothing")


def _told(ending: Ending) -> dict[str, Any]:
    return {"timeout_s": ending.timeout_s, "operation": ending.operation, "traceparent": ending.traceparent}
