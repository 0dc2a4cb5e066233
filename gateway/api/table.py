"""All routes of the API. What is not here does not exist."""

from __future__ import annotations

from gateway.api.declare import Route
from gateway.api.resources import (
    audit,
    case_looks,
    case_many,
    cases,
    configuration,
    connections,
    connectors,
    flows,
    mapping_versions,
    mappings,
    notifications,
    now,
    people,
    records,
    replays,
    stream,
)

ROUTES: tuple[Route, ...] = (
    *now.ROUTES,
    *case_looks.ROUTES,
    *cases.ROUTES,
    *case_many.ROUTES,
    *records.ROUTES,
    *connections.ROUTES,
    *connectors.ROUTES,
    *configuration.ROUTES,
    *flows.ROUTES,
    *mappings.ROUTES,
    *mapping_versions.ROUTES,
    *replays.ROUTES,
    *audit.ROUTES,
    *notifications.ROUTES,
    *people.ROUTES,
    *stream.ROUTES,
)
