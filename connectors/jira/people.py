"""People by e-mail and by account id, and who we are; remembered for a few minutes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from connectors.contract.clock import Clock
from connectors.contract.errors import Refused
from connectors.jira.answers import a_list, a_person
from connectors.rest import RestClient
from connectors.rest.remember import Memory

MYSELF = "/rest/api/3/myself"


class Directory:
    """Jira Cloud knows people by account id only (facts.md 2.3); e-mails may be hidden. Failed look-ups are
    forgotten.
    """

    def __init__(self, client: RestClient, clock: Clock) -> None:
        self._client = client
        self._accounts: Memory[str, str] = Memory(clock)
        self._emails: Memory[str, str] = Memory(clock)
        self.me = ""
        """Our own account id; "" until first asked for."""

    async def myself(self) -> str:
        """Our own account id. Also proves that the credentials work: a bad token is answered 401 here, never 404."""
        answer = await self._client.read(MYSELF, sound=a_person)
        self.me = str(answer.data["accountId"])
        return self.me

    async def known_me(self) -> str:
        """As `myself`, but asks only once."""
        return self.me or await self.myself()

    async def account(self, field: str, email: str) -> str:
        """The account of an e-mail. Raises Refused naming `field` if there is no such active person, or several."""
        known = self._accounts.get(email.lower())
        if known is not None:
            return known
        answer = await self._client.read("/rest/api/3/user/search", {"query": email, "maxResults": 50}, sound=a_list)
        account = _only(field, email, answer.data)
        self._accounts.put(email.lower(), account)
        return account

    async def emails(self, accounts: Collection[str]) -> Mapping[str, str]:
        """account id -> e-mail; people who are gone or hide it are left out."""
        found: dict[str, str] = {}
        for account in accounts:
            email = self._emails.get(account)
            if email is None:
                email = await self._email(account)
                self._emails.put(account, email)
            if email:
                found[account] = email
        return found

    async def _email(self, account: str) -> str:
        answer = await self._client.read("/rest/api/3/user", {"accountId": account}, sound=a_person, tolerate={404})
        return "" if answer.status == 404 else str(answer.data.get("emailAddress") or "")


def _only(field: str, email: str, found: list[Mapping[str, Any]]) -> str:
    """The search matches beginnings too; where e-mails are hidden, a single match is the one that was meant."""
    same = [each for each in found if str(each.get("emailAddress", "")).lower() == email.lower()]
    meant = same or ([each for each in found if not each.get("emailAddress")] if len(found) == 1 else [])
    active = [each for each in meant if each.get("active") is not False]
    if len(active) == 1:
        return str(active[0]["accountId"])
    reason = f"{len(active)} active people have" if active else ("inactive person has" if meant else "nobody has")
    raise Refused(f"{field}: {reason} the e-mail {email}; nothing was written", fields={field: f"{reason} this e-mail"})
