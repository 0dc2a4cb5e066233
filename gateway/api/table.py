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
    keeping,
    leaver_guard,
    leavers,
    mapping_versions,
    mappings,
    notifications,
    now,
    people,
    records,
    replays,
    reports,
    siem,
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
    *leaver_guard.ROUTES,
    *mappings.ROUTES,
    *mapping_versions.ROUTES,
    *replays.ROUTES,
    *audit.ROUTES,
    *reports.ROUTES,
    *keeping.ROUTES,
    *leavers.ROUTES,
    *notifications.ROUTES,
    *siem.ROUTES,
    *people.ROUTES,
    *stream.ROUTES,
)
