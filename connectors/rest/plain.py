"""Plain requests with a connection's credentials, for hands and witnesses of the conformance kit: nothing of
RestClient's judgement is in it, so that a mistake there is not repeated by who checks it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import httpx

from connectors.contract.connector import ConnectionSettings
from connectors.rest.auth import credentials

PATIENCE_S = 30.0


class PlainApi:
    """JSON over HTTP. Raises AssertionError for any status but 2xx."""

    def __init__(self, settings: ConnectionSettings) -> None:
        authorization = credentials(settings.name, settings.auth).authorization
        headers = {"Authorization": authorization, "Accept": "application/json", "Content-Type": "application/json"}
        self._http = httpx.AsyncClient(base_url=settings.url, headers=headers, timeout=PATIENCE_S)

    async def ask(self, method: str, path: str, body: Any = None, *, absent: Collection[int] = ()) -> Any:
        """The parsed answer; None for one without body and for the statuses in `absent`."""
        answer = await self._http.request(method, path, json=body)
        if answer.status_code in absent:
            return None
        assert answer.is_success, f"{method} {path} answered {answer.status_code}: {answer.text[:300]}"
        return answer.json() if answer.content else None

    async def close(self) -> None:
        """Closes pooled connections."""
        await self._http.aclose()
