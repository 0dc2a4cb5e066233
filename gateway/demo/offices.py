"""How people work in Salesforce, GitHub and BambooHR: through the vendors' own APIs, as in `desks`."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from gateway.demo.desks import Api

_CRM = "/services/data/v60.0/sobjects"
_HUB = "/repos/lockstep/desk/issues"
_HR = "/api/v1/employees"


class TokenApi(Api):
    """People sign in with a token of their own."""

    def signed(self, who: str) -> str:
        return f"Bearer {who}-secret"


class KeyApi(Api):
    """People sign in with a key, which is the user's name."""

    def signed(self, who: str) -> str:
        return aiohttp.encode_basic_auth(f"{who}-secret", "x")


@dataclass(frozen=True, slots=True)
class SalesforceDesk:
    """Cases of customers, and contacts. Every verb raises NotMade."""

    api: TokenApi

    async def open_case(self, who: str, subject: str, text: str) -> str:
        """A customer has called; gives the case's id."""
        fields = {"Subject": subject, "Description": text, "Priority": "High", "Origin": "Phone"}
        return str((await self.api.call(who, "POST", f"{_CRM}/Case", fields))["id"])

    async def phone(self, who: str, contact: str, number: str) -> None:
        """Corrects the telephone number of a contact."""
        await self.api.call(who, "PATCH", f"{_CRM}/Contact/{contact}", {"Phone": number})


@dataclass(frozen=True, slots=True)
class GitHubDesk:
    """Issues of one repository. Every verb raises NotMade."""

    api: TokenApi

    async def open_issue(self, who: str, title: str, body: str) -> str:
        """Gives the issue's number."""
        return str((await self.api.call(who, "POST", _HUB, {"title": title, "body": body}))["number"])

    async def comment(self, who: str, number: str, text: str) -> None:
        await self.api.call(who, "POST", f"{_HUB}/{number}/comments", {"body": text})

    async def close(self, who: str, number: str) -> None:
        await self.api.call(who, "PATCH", f"{_HUB}/{number}", {"state": "closed"})


@dataclass(frozen=True, slots=True)
class BambooHrDesk:
    """Who works here. Every verb raises NotMade."""

    api: KeyApi

    async def hire(self, who: str, first: str, last: str, title: str, **more: str) -> None:
        """Somebody starts today. The answer has no body; the log shows the id. `more`: other fields."""
        email = f"{first}.{last}@example.com".lower()
        fields = {"firstName": first, "lastName": last, "workEmail": email, "jobTitle": title, "department": "Support"}
        await self.api.call(who, "POST", _HR, fields | more)

    async def correct(self, who: str, number: str, phone: str) -> None:
        """Another telephone number."""
        await self.api.call(who, "POST", f"{_HR}/{number}", {"workPhone": phone})

    async def end(self, who: str, number: str, day: str) -> None:
        """The employment ends on that day."""
        row = {"date": day, "employmentStatus": "Terminated"}
        await self.api.call(who, "POST", f"{_HR}/{number}/tables/employmentStatus", row)
