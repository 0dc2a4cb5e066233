"""All routes of the API. What is not here does not exist."""

from __future__ import annotations

from gateway.api.declare import Route
from gateway.api.resources import audit, case_many, cases, connections, mappings, now, people, records, replays, stream

ROUTES: tuple[Route, ...] = (
    *now.ROUTES,
    *cases.ROUTES,
    *case_many.ROUTES,
    *records.ROUTES,
    *connections.ROUTES,
    *mappings.ROUTES,
    *replays.ROUTES,
    *audit.ROUTES,
    *people.ROUTES,
    *stream.ROUTES,
)
