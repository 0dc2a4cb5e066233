"""Mappings: read the file, see its tests, try it on a document."""

from __future__ import annotations

from aiohttp import web

from connectors.contract.errors import InputError
from gateway.console.frame import Asked, Unseen
from gateway.work import pages_mappings


async def mappings(asked: Asked) -> web.StreamResponse:
    """`/mappings`."""
    return asked.page("mappings.html", here="mappings", rows=pages_mappings.list_mappings(asked.desk.place, asked.who))


async def mapping(asked: Asked) -> web.StreamResponse:
    """`/map/{name}@{version}`; sent a document, it shows what that means."""
    name, _, version = asked.request.match_info["mapping"].rpartition("@")
    number = int(version) if version.isdigit() else 0
    place, who = asked.desk.place, asked.who
    shown = pages_mappings.show_mapping(place, who, name, number)
    if shown is None:
        raise Unseen("No flow uses this mapping in this version, or you may not see it.")
    text, tried, wrong = asked.field("document"), None, ""
    if text:
        try:
            tried = pages_mappings.try_mapping(place, who, name, number, text)
        except InputError as error:
            wrong = str(error)
    return asked.page("mapping.html", here="mappings", shown=shown, text=text, tried=tried, wrong=wrong)
