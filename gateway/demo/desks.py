"""How people work in ServiceNow and Jira: through the vendors' own APIs, with their own credentials, never ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import aiohttp
import orjson

PEOPLE = ("ann", "bob", "cara", "dev")
LEVELS = (1, 2, 3, 4, 5)
"""Priorities, most urgent first."""


class NotMade(Exception):
    """The system refused the edit or could not be reached: nothing was edited, as far as this person knows. `status`:
    of the answer, if there was one.
    """

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class Desk(Protocol):
    """One system, as a person uses it. Every verb raises NotMade."""

    async def create(self, who: str, summary: str, description: str, level: int) -> str:
        """Raises a ticket; gives its id."""
        ...

    async def summary(self, who: str, number: str, text: str) -> None: ...
    async def description(self, who: str, number: str, text: str) -> None: ...
    async def priority(self, who: str, number: str, level: int) -> None: ...
    async def assign(self, who: str, number: str, person: str | None) -> None: ...
    async def label(self, who: str, number: str, add: str, remove: str | None) -> None: ...
    async def move(self, who: str, number: str, chance: Random, note: str) -> None:
        """Moves the ticket to another state, one that can be reached from where it is."""
        ...

    async def comment(self, who: str, number: str, text: str) -> None: ...
    async def labels(self, number: str) -> list[str]:
        """The labels it has."""
        ...


@dataclass(frozen=True, slots=True)
class Api:
    """One vendor's API. `email_signs_in`: people sign in with their e-mail address."""

    url: str
    http: aiohttp.ClientSession
    email_signs_in: bool = False

    def signed(self, who: str) -> str:
        """What a person shows to be let in."""
        return aiohttp.encode_basic_auth(f"{who}@example.com" if self.email_signs_in else who, f"{who}-secret")

    async def call(self, who: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON answered, None for none. Raises NotMade."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        headers["Authorization"] = self.signed(who)
        data = None if body is None else orjson.dumps(body)
        try:
            async with self.http.request(method, self.url + path, data=data, headers=headers) as answer:
                said = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotMade(f"{method} {path}: {type(error).__name__}") from error
        if answer.status >= 300:
            raise NotMade(f"{method} {path}: {answer.status} {said[:200].decode(errors='replace')}", answer.status)
        return orjson.loads(said) if said else None


class ServiceNowDesk:
    """Incidents through the Table API."""

    _MOVES: Mapping[str, Mapping[str, str]] = {
        "1": {"state": "1"},
        "2": {"state": "2"},
        "3": {"state": "3", "hold_reason": "4"},
        "6": {"state": "6", "close_code": "Solution provided"},
    }
    _LEVELS: Mapping[int, tuple[str, str]] = {1: ("1", "1"), 2: ("1", "2"), 3: ("2", "2"), 4: ("2", "3"), 5: ("3", "3")}

    def __init__(self, api: Api) -> None:
        self._api = api
        self._accounts: dict[str, str] = {}

    async def create(self, who: str, summary: str, description: str, level: int) -> str:
        impact, urgency = self._LEVELS[level]
        fields = {"short_description": summary, "description": description, "impact": impact, "urgency": urgency}
        made = await self._api.call(who, "POST", "/api/now/table/incident", fields)
        return str(made["result"]["sys_id"])

    async def summary(self, who: str, number: str, text: str) -> None:
        await self._edit(who, number, short_description=text)

    async def description(self, who: str, number: str, text: str) -> None:
        await self._edit(who, number, description=text)

    async def priority(self, who: str, number: str, level: int) -> None:
        impact, urgency = self._LEVELS[level]
        await self._edit(who, number, impact=impact, urgency=urgency)

    async def assign(self, who: str, number: str, person: str | None) -> None:
        await self._edit(who, number, assigned_to=await self._account(person) if person else "")

    async def label(self, who: str, number: str, add: str, remove: str | None) -> None:
        wanted = [label for label in await self.labels(number) if label != remove]
        await self._edit(who, number, u_labels=",".join([*wanted, add]))

    async def labels(self, number: str) -> list[str]:
        found = await self._api.call("ann", "GET", f"/api/now/table/incident/{number}?sysparm_fields=u_labels")
        return [label.strip() for label in str(found["result"]["u_labels"]).split(",") if label.strip()]

    async def move(self, who: str, number: str, chance: Random, note: str) -> None:
        found = await self._api.call("ann", "GET", f"/api/now/table/incident/{number}?sysparm_fields=state")
        goal = chance.choice([state for state in self._MOVES if state != found["result"]["state"]])
        notes = {"close_notes": note} if goal == "6" else {}
        await self._edit(who, number, **self._MOVES[goal], **notes)

    async def resolve(self, who: str, number: str, note: str) -> None:
        """Ends it."""
        await self._edit(who, number, **self._MOVES["6"], close_notes=note)

    async def comment(self, who: str, number: str, text: str) -> None:
        await self._edit(who, number, comments=text)

    async def _edit(self, who: str, number: str, **fields: str) -> None:
        await self._api.call(who, "PATCH", f"/api/now/table/incident/{number}", fields)

    async def _account(self, person: str) -> str:
        if person not in self._accounts:
            path = f"/api/now/table/sys_user?sysparm_query=user_name={person}&sysparm_fields=sys_id"
            self._accounts[person] = (await self._api.call("ann", "GET", path))["result"][0]["sys_id"]
        return self._accounts[person]


class JiraDesk:
    """Issues through REST v3."""

    _LEVELS: Mapping[int, str] = {1: "Highest", 2: "High", 3: "Medium", 4: "Low", 5: "Lowest"}

    def __init__(self, api: Api, project: str) -> None:
        self._api, self._project = api, project
        self._accounts: dict[str, str] = {}

    async def create(self, who: str, summary: str, description: str, level: int) -> str:
        fields = {
            "project": {"key": self._project},
            "issuetype": {"name": "Task"},
            "summary": summary,
            "description": _document(description),
            "priority": {"name": self._LEVELS[level]},
        }
        made = await self._api.call(who, "POST", "/rest/api/3/issue", {"fields": fields})
        return str(made["id"])

    async def summary(self, who: str, number: str, text: str) -> None:
        await self._edit(who, number, fields={"summary": text})

    async def description(self, who: str, number: str, text: str) -> None:
        await self._edit(who, number, fields={"description": _document(text)})

    async def priority(self, who: str, number: str, level: int) -> None:
        await self._edit(who, number, fields={"priority": {"name": self._LEVELS[level]}})

    async def assign(self, who: str, number: str, person: str | None) -> None:
        account = {"accountId": await self._account(person) if person else None}
        await self._api.call(who, "PUT", f"/rest/api/3/issue/{number}/assignee", account)

    async def label(self, who: str, number: str, add: str, remove: str | None) -> None:
        changes = [{"add": add}, *([{"remove": remove}] if remove else [])]
        await self._edit(who, number, update={"labels": changes})

    async def labels(self, number: str) -> list[str]:
        found = await self._api.call("ann", "GET", f"/rest/api/3/issue/{number}?fields=labels")
        return [label for label in found["fields"]["labels"] if not label.startswith("lockstep-")]

    async def move(self, who: str, number: str, chance: Random, note: str) -> None:
        path = f"/rest/api/3/issue/{number}/transitions"
        found = await self._api.call(who, "GET", f"{path}?expand=transitions.fields")
        step = chance.choice(found["transitions"])
        fields: dict[str, Any] = {}
        if "resolution" in step.get("fields", {}):
            fields["resolution"] = {"name": "Done"}
        await self._api.call(who, "POST", path, {"transition": {"id": step["id"]}, "fields": fields})

    async def comment(self, who: str, number: str, text: str) -> None:
        await self._api.call(who, "POST", f"/rest/api/3/issue/{number}/comment", {"body": _document(text)})

    async def _edit(self, who: str, number: str, **change: Any) -> None:
        await self._api.call(who, "PUT", f"/rest/api/3/issue/{number}", change)

    async def _account(self, person: str) -> str:
        if person not in self._accounts:
            self._accounts[person] = str((await self._api.call(person, "GET", "/rest/api/3/myself"))["accountId"])
        return self._accounts[person]


def _document(text: str) -> dict[str, Any]:
    """Plain text in Atlassian's document format, one paragraph a line."""
    paragraphs = [
        {"type": "paragraph", "content": [{"type": "text", "text": line}] if line else []} for line in text.split("\n")
    ]
    return {"type": "doc", "version": 1, "content": paragraphs}
