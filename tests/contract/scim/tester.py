"""The tester that others wrote, at our endpoint. Imported by its test alone: it builds its models for seconds."""

from __future__ import annotations

from typing import Any

import httpx
from scim2_client import BaseSyncSCIMClient
from scim2_tester import Status, check_server

from connectors.rest.transport import trusted

CLEAN = (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE)


class OverHttp(BaseSyncSCIMClient):
    """The SCIM client that others wrote, over the HTTP client that is here anyway."""

    def __init__(self, http: httpx.Client) -> None:
        super().__init__()
        self.http = http

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return self.http.build_request("GET", endpoint).url.path.startswith(self.http.base_url.path)

    def _parse_json(self, response: Any) -> Any:
        return response.json()

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        """One request."""
        return self.http.request(method, url, **kwargs)


def checked(base: str, headers: dict[str, str]) -> tuple[int, list[str]]:
    """How much was tested, and what was found."""
    with httpx.Client(base_url=base, headers=headers, verify=trusted()) as http:
        results = check_server(OverHttp(http))
    return len(results), [
        f"{each.status.name} {each.title}: {each.reason}" for each in results if each.status not in CLEAN
    ]
