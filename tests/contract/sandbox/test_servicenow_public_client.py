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


def _client(snow: World, person: str = "ann") -> Any:
    import pysnow

    host = snow.stand_in.url.removeprefix("http://")
    return pysnow.Client(host=host, user=person, password=f"{person}-secret", use_ssl=False)


def _incidents(snow: World, person: str = "ann") -> Any:
    return _client(snow, person).resource(api_path="/table/incident")


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


async def test_requests_tasks_people_and_rights(snow: World) -> None:
    """Every table that the connector writes, by somebody else's client."""

    def work() -> None:
        client = _client(snow)

        def of(name: str) -> Any:
            return client.resource(api_path=f"/table/{name}")

        request = of("sc_request").create(payload={"short_description": "Dana starts"}).one()
        item = {"request": request["sys_id"], "delivery_plan": "plan", "short_description": "Laptop"}
        item = of("sc_req_item").create(payload=item).one()
        assert item["request"]["link"].endswith(f"/api/now/table/sc_request/{request['sys_id']}")
        task = of("sc_task").create(payload={"request_item": item["sys_id"]}).one()
        assert (task["number"][:6], task["parent"]["value"]) == ("SCTASK", item["sys_id"])
        of("sc_task").update(query={"number": task["number"]}, payload={"state": "3"})
        assert of("sc_req_item").get(query={"number": item["number"]}).one()["state"] == "3"
        assert of("sc_request").get(query={"number": request["number"]}).one()["request_state"] == "closed_complete"

        person = of("sys_user").create(payload={"user_name": "hal", "first_name": "Hal", "last_name": "Hay"}).one()
        desk = of("sys_user_group").get(query={"name": "Service Desk"}).one()
        joined = {"user": person["sys_id"], "group": desk["sys_id"]}
        member = of("sys_user_grmember").create(payload=joined).one()
        built = {"user": person["sys_id"], "inherited": "true"}
        brought = of("sys_user_has_role").get(query=built).all()
        assert len(brought) == 2
        with pytest.raises(requests.HTTPError) as refused:
            of("sys_user_has_role").delete(query={"sys_id": brought[0]["sys_id"]})
        assert "Inherited roles stay" in refused.value.response.text
        of("sys_user_grmember").delete(query={"sys_id": member["sys_id"]})
        assert list(of("sys_user_has_role").get(query=built).all()) == []
        of("sys_user").update(query={"user_name": "hal"}, payload={"active": "false"})
        assert of("sys_user").get(query={"user_name": "hal"}).one()["active"] == "false"

    await _in_thread(work)
