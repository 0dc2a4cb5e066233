"""The mappings in use."""

from __future__ import annotations

from gateway.access.rights import Right
from gateway.api.declare import Ask, Route
from gateway.work.mapping_views import MappingView, list_mappings


async def every(ask: Ask) -> list[MappingView]:
    return list_mappings(ask.desk.place, ask.who)


ROUTES = (
    Route(
        method="GET",
        path="/v1/mappings",
        name="listMappings",
        tag="mappings",
        summary="What each system's objects are read and written through, with version and digest",
        right=Right.SEE,
        do=every,
        answer=list[MappingView],
    ),
)
