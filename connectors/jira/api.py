"""The reads of Jira: search, comments, changelog, transitions.

A dead token may be served as anonymous: fewer rows, or none, and 404 for what is there (facts.md 2.1 [M]). So an
absence is believed only after the sign-in was proved again: nothing that was looked up with a dead token counts as not
there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.errors import DeliveryError, Refused
from connectors.contract.values import Item, Step
from connectors.jira import answers, items, rows
from connectors.jira.people import Directory
from connectors.rest import Answer, RestClient
from connectors.rest.answer import TypeCheck
from connectors.rest.client import Query

API = "/rest/api/3/issue"
SEARCH_PATH = "/rest/api/3/search/jql"
PAGE = 100
"""The most a page of a changelog holds (facts.md 2.4)."""
Document = Mapping[str, Any]


_MISSING = "it is not there, or the integration user has no right to it"


class Api:
    """Safe requests only, so the client may repeat each."""

    def __init__(self, client: RestClient, directory: Directory) -> None:
        self._client, self._directory = client, directory

    async def get(self, path: str, query: Query, sound: TypeCheck) -> Answer:
        """What is there for certain. Raises Refused if it is not."""
        answer = await self.look(path, query, sound)
        if answer.status == 404:
            raise await self.missing("GET", path, answer)
        return answer

    async def look(self, path: str, query: Query, sound: TypeCheck) -> Answer:
        """What may be there: status 404 if it is not, or not for us."""
        answer = await self._client.read(path, query, sound=sound, tolerate={404})
        if answer.status == 404:
            await self.believed()
        return answer

    async def believed(self) -> None:
        """Proves the sign-in, so that what was just found absent is. Raises CredentialsError."""
        await self._directory.myself()

    async def missing(self, method: str, path: str, answer: Answer) -> DeliveryError:
        """The error for a 404, which also stands for a lack of rights (facts.md 2.3 [OAS-JIRA, HAR-JIRA])."""
        await self._directory.myself()
        reason, fields = answers.blame(answer)
        said = f"{method} {path} answered 404: {reason or _MISSING}"
        found = self._client.evidence(method, path, answer)
        return Refused(said, status=404, evidence=found, fields=fields, said=reason or _MISSING)

    async def search(self, jql: str, fields: Sequence[str], *, limit: int = PAGE) -> list[Document]:
        """All issues of a query. May lag behind what was just written (facts.md 2.2)."""
        found, token = await self.search_page(jql, fields, "", limit=limit)
        while token:
            page, token = await self.search_page(jql, fields, token, limit=limit)
            found = [*found, *page]
        if not found:
            await self._directory.myself()
        return found

    async def search_page(
        self, jql: str, fields: Sequence[str], token: str, *, limit: int, expand: str = ""
    ) -> tuple[list[Document], str]:
        """One page, and the token of the next: "" at the end."""
        body: dict[str, Any] = {"jql": jql, "maxResults": limit, "fields": [name for name in fields if name]}
        body |= ({"nextPageToken": token} if token else {}) | ({"expand": expand} if expand else {})
        answer = await self._client.read(SEARCH_PATH, method="POST", body=body, sound=answers.SEARCH)
        following = answer.data.get("nextPageToken")
        ended = answer.data.get("isLast") is True or not isinstance(following, str)
        return answer.data["issues"], "" if ended else following

    async def steps(self, issue_id: str) -> list[Step]:
        """The transitions open now, for us."""
        asked = {"expand": "transitions.fields"}
        answer = await self.get(f"{API}/{issue_id}/transitions", asked, answers.TRANSITIONS)
        return [rows.to_step(each) for each in answer.data["transitions"] if each.get("isAvailable") is not False]

    async def comments(self, issue_id: str) -> tuple[Item, ...]:
        """All comments of an issue, oldest first, with the properties that tell our copies."""
        found: list[Document] = []
        while True:
            asked: dict[str, str | int] = {"startAt": len(found), "maxResults": PAGE, "orderBy": "created"}
            asked["expand"] = "properties"
            answer = await self.get(f"{API}/{issue_id}/comment", asked, answers.COMMENTS)
            page = answer.data["comments"]
            found += page
            if not page or len(found) >= int(answer.data.get("total", 0)):
                return tuple(items.to_item(each) for each in found)

    async def changelog(self, issue_id: str, since: float) -> list[Document]:
        """The entries from `since` on, oldest first: read from the end, which is what is asked for."""
        first = await self._changelog_page(issue_id, 0)
        found: list[Document] = []
        start = (max(int(first.get("total", 0)), 1) - 1) // PAGE * PAGE
        while start > 0 and not (found and rows.entry_time(found[0]) < since):
            found = [*(await self._changelog_page(issue_id, start))["values"], *found]
            start -= PAGE
        whole = found if start > 0 else [*first["values"], *found]
        return [entry for entry in whole if rows.entry_time(entry) >= since]

    async def _changelog_page(self, issue_id: str, start: int) -> Document:
        asked: dict[str, str | int] = {"startAt": start, "maxResults": PAGE}
        answer = await self.get(f"{API}/{issue_id}/changelog", asked, answers.VALUES)
        page: Document = answer.data
        return page
