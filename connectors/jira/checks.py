"""What `check` proves about a Jira connection."""

from __future__ import annotations

from connectors.contract.clock import Clock
from connectors.contract.errors import ConfigError, Refused
from connectors.contract.values import Finding
from connectors.jira import marker
from connectors.jira.answers import SEARCH, a_list
from connectors.jira.api import SEARCH_PATH
from connectors.jira.jql import all_of, quoted
from connectors.jira.people import Directory
from connectors.rest import RestClient
from connectors.rest.prove import prove

_RIGHTS = ("BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "ADD_COMMENTS", "ASSIGN_ISSUES")
_NOTHING = "check-" + "0" * 32


class Checks:
    """The proofs; none leaves a trace."""

    def __init__(
        self, client: RestClient, directory: Directory, clock: Clock, *, project: str, correlation_field: str
    ) -> None:
        self._client, self._directory, self._clock = client, directory, clock
        self._project, self._field = project, correlation_field

    async def all(self) -> list[Finding]:
        """Findings in the order in which a person would mend them."""
        proofs = [("sign-in", self._sign_in), ("issue: read", self._read), ("issue: write", self._write)]
        proofs += [("issue: marker is searchable", self._marker)]
        return [await prove(name, proof, self._clock) for name, proof in proofs]

    async def _sign_in(self) -> str:
        return f"signed in as {await self._directory.myself()}"

    async def _read(self) -> str:
        """A project that is missing or hidden is an error in JQL (facts.md 2.2 [HAR-JIRA])."""
        scope = f"project = {quoted(self._project)}" if self._project else "updated >= -1d"
        found = await self._search(scope)
        return f"{found} issue seen in {self._project or 'all projects'}"

    async def _write(self) -> str:
        asked = {"permissions": ",".join(_RIGHTS)} | ({"projectKey": self._project} if self._project else {})
        answer = await self._client.read("/rest/api/3/mypermissions", asked, tolerate={404})
        if answer.status == 404:
            return "this site does not tell rights; they show with the first write"
        rights = answer.data.get("permissions", {})
        missing = [name for name in _RIGHTS if not rights.get(name, {}).get("havePermission")]
        if missing:
            raise Refused(f"the integration user lacks {', '.join(missing)}")
        return "all rights that writing needs are there"

    async def _marker(self) -> str:
        if self._field:
            answer = await self._client.read("/rest/api/3/field", sound=a_list)
            if self._field not in {each.get("id") for each in answer.data}:
                raise ConfigError([f"options.correlation_field: there is no field {self._field} on this site"])
        found = await self._search(all_of([marker.condition(_NOTHING, self._field)]))
        if found:
            raise Refused("a search for a marker that nothing carries finds issues")
        return f"searchable by {self._field or 'label'}"

    async def _search(self, jql: str) -> int:
        body = {"jql": jql, "maxResults": 1, "fields": ["id"]}
        answer = await self._client.read(SEARCH_PATH, method="POST", body=body, sound=SEARCH)
        return len(answer.data["issues"])
