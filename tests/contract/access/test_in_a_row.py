"""Sign-ins that fail in a row, of one account or from one address, are told of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from gateway.access.rights import Role
from gateway.access.throttle import ACCOUNT
from gateway.work import people
from gateway.work.workplace import Workplace
from tests.support.access import GOOD, ROOT, Time, application, details, everything

Client = TestClient[Any, Any]
JSON = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}


@pytest.fixture
async def client(place: Workplace) -> AsyncIterator[Client]:
    await people.add_person(place, ROOT, "bob", roles=[Role.OPERATOR], password=GOOD)
    async with TestClient(TestServer(application(place)), cookie_jar=CookieJar(unsafe=True)) as made:
        yield made


async def enter(client: Client, name: str = "bob", password: str = GOOD) -> Any:
    return await client.post("/sign-in", json={"name": name, "password": password}, headers=JSON)


async def test_failures_in_a_row_are_told_once_and_again_when_they_double(
    place: Workplace, client: Client, time: Time
) -> None:
    for _ in range(20):
        time.at += ACCOUNT.cap_s
        assert (await enter(client, password="wrong")).status == 401
    found = [detail for kind, detail in await details(place.database) if kind == "sign_ins_failed"]
    assert [(each["of"], each["count"]) for each in found] == [
        (of, count) for count in (5, 10, 20) for of in ("account", "address")
    ]
    assert {each["person"] for each in found} == {"bob"}


async def test_a_row_ends_with_time_and_with_a_success(place: Workplace, client: Client, time: Time) -> None:
    for pause_s in (60, 60, 60, 60, 3601, 60, 60, 60):
        time.at += pause_s
        assert (await enter(client, password="wrong")).status == 401
    time.at += 60
    assert (await enter(client)).status == 200
    for _ in range(4):
        time.at += 60
        await enter(client, password="wrong")
    assert "sign_ins_failed" not in [kind for kind, _ in await details(place.database)]


async def test_the_name_of_nobody_is_not_kept_though_its_failures_count(
    place: Workplace, client: Client, time: Time
) -> None:
    for _ in range(5):
        time.at += 60
        await enter(client, name="hunter2", password="wrong")
    found = [detail for kind, detail in await details(place.database) if kind == "sign_ins_failed"]
    assert [(each["of"], each["person"]) for each in found] == [("account", "(unknown)"), ("address", "(unknown)")]
    assert "hunter2" not in await everything(place.database)
