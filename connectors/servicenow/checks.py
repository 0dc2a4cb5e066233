"""What `check` proves about a ServiceNow connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from connectors.contract.clock import Clock
from connectors.contract.errors import Refused
from connectors.contract.values import Finding
from connectors.rest import RestClient
from connectors.rest.prove import prove
from connectors.servicenow.bound import Bound
from connectors.servicenow.rows import text
from connectors.servicenow.table import anything, equals, moment, nothing, page, path

_NOBODY = "0" * 32
_FAR = "2999-01-01 00:00:00"


class Checks:
    """The proofs for one table; none leaves a trace."""

    def __init__(self, client: RestClient, clock: Clock, user: str, *, history: bool, deletes: bool) -> None:
        self._client, self._clock, self._user = client, clock, user
        self._history, self._deletes = history, deletes

    async def of(self, one: Bound) -> list[Finding]:
        """Findings in the order in which a person would mend them."""
        table = one.table

        async def read() -> str:
            rows, _ = await page(self._client, table, "", "sys_id,sys_mod_count", anything, limit=1)
            if rows and not text(rows[0].get("sys_mod_count")):
                return "readable, but sys_mod_count is hidden: versions cannot be told"
            return f"{len(rows)} record seen"

        async def bound() -> str:
            query = f"sys_updated_on>={moment(_FAR)}"
            await page(self._client, table, query, "sys_id", nothing, limit=1)
            return "a bound in the far future finds nothing"

        async def marker() -> str:
            if not one.marker:
                return "no column for our key (`marker`): a create that is not answered will need a person"
            query = equals(one.marker, f"lockstep-check-{_NOBODY}")
            await page(self._client, table, query, "sys_id", nothing, limit=1)
            return f"{one.marker} is searched by, not ignored"

        async def write() -> str:
            await self._client.write("PATCH", path(table, _NOBODY), {}, tolerate={404})
            return "writes are accepted; the rights on single records show with the first one"

        proofs: list[tuple[str, Callable[[], Awaitable[str]]]] = [
            ("sign-in", self._sign_in),
            (f"{table}: read", read),
            (f"{table}: poll bound is applied", bound),
            (f"{table}: marker is searchable", marker),
            (f"{table}: write", write),
        ]
        proofs += [("journal can be read", self._reader("sys_journal_field"))] if one.kind.journal else []
        audited = self._history and one.kind.history
        proofs += [("history can be read", self._reader("sys_audit"))] if audited else []
        proofs += [("deletions can be read", self._reader("sys_audit_delete"))] if self._deletes else []
        return [await prove(name, proof, self._clock) for name, proof in proofs]

    async def _sign_in(self) -> str:
        query = equals("user_name", self._user)
        rows, _ = await page(
            self._client, "sys_user", query, "sys_id,user_name", lambda row: row.get("user_name") == self._user, limit=1
        )
        if not rows:
            who = f"there is no user {self._user!r} to recognise our own edits by"
            raise Refused(f"signed in, but {who}; name the account that signs in under options: user")
        return f"signed in as {self._user}"

    def _reader(self, table: str) -> Callable[[], Awaitable[str]]:
        async def proof() -> str:
            await page(self._client, table, "", "sys_id", anything, limit=1)
            return f"{table} answers"

        return proof
