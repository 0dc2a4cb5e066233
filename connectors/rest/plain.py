"""Plain requests with a connection's credentials, for hands and witnesses of the conformance kit: nothing of
RestClient's judgement is in it, so that a mistake there is not repeated by who checks it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Mapping
from typing import Any

import httpx

from connectors.contract.connector import ConnectionSettings
from connectors.rest.transport import trusted

PATIENCE_S = 30.0


def _authorization(auth: Mapping[str, Any]) -> str:
    """Read here once more, because a mistake in RestClient's sign-in must not sign in its checker."""
    if "basic" in auth:
        user, password = auth["basic"]["user"], auth["basic"]["password"]
        return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
    assert "bearer" in auth, f"a hand cannot sign in with {', '.join(auth)}; give it basic or bearer credentials"
    return f"Bearer {auth['bearer']['token']}"


class PlainApi:
    """JSON over HTTP. Raises AssertionError for any status but 2xx."""

    def __init__(
        self, settings: ConnectionSettings, *, authorization: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Signs in with `authorization`, else with the basic or bearer credentials of the settings. `headers`: what
        this vendor wants with every request.
        """
        sent = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
        sent["Authorization"] = authorization or _authorization(settings.auth)
        self._http = httpx.AsyncClient(base_url=settings.url, headers=sent, timeout=PATIENCE_S, verify=trusted())

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
