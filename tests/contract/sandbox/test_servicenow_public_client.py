"""The public client `pysnow` works against the stand-in as it does against an instance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.contract.sandbox.calling import World

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::SyntaxWarning"
)
"""The client's own; it is old and still the one people use."""


async def _in_thread(work: Callable[[], None]) -> None:
    """The client blocks, the stand-in lives on this loop."""
    await asyncio.to_thread(work)


def _incidents(snow: World, person: str = "ann") -> Any:
    import pysnow

    client = pysnow.Client(
        host=snow.stand_in.url.removeprefix("http://"), user=person, password=f"{person}-secret", use_ssl=False
    )
    return client.resource(api_path="/table/incident")


async def test_the_life_of_an_incident(snow: World) -> None:
    def work() -> None:
        incidents = _incidents(snow)
        made = incidents.create(payload={"short_description": "printer on fire", "impact": "1", "urgency": "1"}).one()
        assert made["priority"] == "1"
        query = {"number": made["number"]}
        incidents.update(query=query, payload={"state": "2", "work_notes": "on it"})
        assert incidents.get(query=query).one()["state"] == "2"
        assert incidents.delete(query=query)["status"] == "record deleted"
        assert incidents.get(query=query).one_or_none() is None

    await _in_thread(work)


async def test_its_query_builder_and_pages(snow: World) -> None:
    import pysnow

    def work() -> None:
        incidents = _incidents(snow)
        for number in range(5):
            incidents.create(payload={"short_description": f"number {number}", "urgency": str(1 + number % 3)})
        built = pysnow.QueryBuilder()
        built = built.field("short_description").contains("number").AND().field("urgency").equals(["1", "2"])
        built = built.AND().field("short_description").order_descending()
        found = incidents.get(query=built, limit=3, fields=["short_description"]).all()
        assert [row["short_description"] for row in found] == ["number 4", "number 3", "number 1"]

    await _in_thread(work)


async def test_what_it_says_of_refusals(snow: World) -> None:
    def work() -> None:
        incidents = _incidents(snow)
        made = incidents.create(payload={"short_description": "s"}).one()
        with pytest.raises(requests.HTTPError) as refused:
            incidents.update(query={"number": made["number"]}, payload={"state": "6"}).one()
        assert "Data Policy Exception" in refused.value.response.text

    await _in_thread(work)
