"""`/oauth_token.do` as facts.md 1.1 describes it, and what tests of credentials switch."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract.sandbox.calling import Answer, Caller, World

CLIENT = {"client_id": "lockstep-client", "client_secret": "lockstep-client-secret"}
TABLE = "/api/now/table/incident?sysparm_limit=1"


async def ask(snow: World, **form: Any) -> Answer:
    sent = urlencode(CLIENT | form).encode()
    return await snow.nobody("POST", "/oauth_token.do", sent, headers={"Content-Type": FORM})


FORM = "application/x-www-form-urlencoded"


async def seen_with(snow: World, token: str) -> int:
    caller = Caller(snow.session, snow.stand_in.url)
    return (await caller.get(TABLE, headers={"Authorization": f"Bearer {token}"})).status


async def test_the_password_grant_gives_a_pair(snow: World) -> None:
    """facts.md 1.1 [P]: a refresh gives the current refresh token, and within its life the same access token."""
    answer = await ask(snow, grant_type="password", username="ann", password="ann-secret")
    pair = answer.json
    assert answer.status == 200
    assert set(pair) == {"access_token", "refresh_token", "scope", "token_type", "expires_in"}
    assert (pair["scope"], pair["token_type"], pair["expires_in"]) == ("useraccount", "Bearer", 1799)
    assert await seen_with(snow, pair["access_token"]) == 200
    again = (await ask(snow, grant_type="refresh_token", refresh_token=pair["refresh_token"])).json
    assert (again["refresh_token"], again["access_token"]) == (pair["refresh_token"], pair["access_token"])
    await snow.option(oauth_valid_from=time.time() + 60)
    assert await seen_with(snow, pair["access_token"]) == 401
    answer = await ask(snow, grant_type="refresh_token", refresh_token=pair["refresh_token"])
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")


async def test_a_client_signs_in_for_itself_as_the_integration_user(snow: World) -> None:
    token = (await ask(snow, grant_type="client_credentials")).json
    assert "refresh_token" not in token
    caller = Caller(snow.session, snow.stand_in.url)
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    made = await caller("POST", "/api/now/table/incident", {"short_description": "x"}, headers=bearer)
    assert made.status == 201
    assert (await snow.log())[0]["user"] == "lockstep"


async def test_a_token_ends(snow: World) -> None:
    await snow.option(oauth_lasts_s=0.0)
    token = (await ask(snow, grant_type="client_credentials")).json
    assert await seen_with(snow, token["access_token"]) == 401


async def test_json_is_not_understood(snow: World) -> None:
    given = CLIENT | {"grant_type": "client_credentials"}
    assert (await snow.nobody("POST", "/oauth_token.do", given)).status == 401


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "client_credentials", "client_secret": "wrong"}, 401),
        ({"grant_type": "password", "username": "ann", "password": "wrong"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, 400),
        ({"grant_type": "implicit"}, 400),
    ],
)
async def test_what_is_refused(snow: World, form: dict[str, str], status: int) -> None:
    answer = await ask(snow, **form)
    assert answer.status == status
    assert set(answer.json) == {"error", "error_description"}


async def test_single_use_refresh_tokens(snow: World) -> None:
    await snow.option(oauth_single_use=True)
    first = (await ask(snow, grant_type="password", username="ann", password="ann-secret")).json["refresh_token"]
    second = (await ask(snow, grant_type="refresh_token", refresh_token=first)).json["refresh_token"]
    assert second != first
    assert (await ask(snow, grant_type="refresh_token", refresh_token=first)).status == 400
    assert (await ask(snow, grant_type="refresh_token", refresh_token=second)).status == 200


async def test_what_an_account_may_sign_in_with_can_be_changed(world: World) -> None:
    path = TABLE if not world.domain else "/rest/api/3/myself"

    async def statuses() -> list[int]:
        return [(await world.person("ann", each).get(path)).status for each in ("ann-secret", "second")]

    assert await statuses() == [200, 401]
    await world.option(passwords={"ann": ["ann-secret", "second"]})
    assert await statuses() == [200, 200]
    await world.option(passwords={"ann": ["second"]})
    assert await statuses() == [401, 200]
    assert (await world.person("bob").get(path)).status == 200
