"""What a connection gives to a connector file is checked before anything is asked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from connectors.contract.credentials import Material
from connectors.contract.errors import ConfigError
from connectors.contract.values import Ref
from tests.unit.connectors.declared.support import engine

NEEDS = (
    "needs",
    {
        "team": {"doc": "The team's number.", "pattern": "[0-9]+", "example": "12"},
        "size": {"type": "integer", "default": 5},
        "zone": {"type": "choice", "choices": ["eu", "us"], "default": "eu"},
    },
)


def problems(**settings: Any) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        engine(lambda request: {}, NEEDS, **settings)
    return refused.value.problems


def test_every_problem_is_told_at_once() -> None:
    told = problems(options={"size": "5", "zone": "mars", "teem": "1"}, objects={"tiket": {}})
    assert [each.partition("error")[2] for each in told] == [
        "[options]: team is missing: The team's number.; try adding 'team:', such as 12",
        "[options]: size: input should be a valid integer",
        "[options]: zone: input should be 'eu' or 'us'",
        "[options]: teem is not an option; try 'team'",
        "[objects]: desk has no object tiket; try 'ticket'",
    ]


def test_a_pattern_is_matched_as_a_whole() -> None:
    assert "team" in problems(options={"team": "12 or so"})[0]


def test_fields_that_a_mapping_asks_for_are_no_option_here() -> None:
    """The configuration hands them to every connector; this one reads whole objects."""
    engine(lambda request: {}, NEEDS, options={"team": "1", "fields": ["u_x"]})


def test_a_kind_of_signing_in_that_the_file_does_not_have() -> None:
    told = problems(options={"team": "1"}, auth={"basic": {"user": "a", "password": "b"}})
    assert told == [
        "connection desk: error[auth]: desk does not sign in by basic; try 'auth: {bearer: ...}'",
    ]


async def test_the_file_says_how_and_the_connection_with_what() -> None:
    seen: list[httpx.Request] = []
    kinds = [{"kind": "api_key", "header": "X-Key", "prefix": "Key "}, {"kind": "basic"}]
    key = engine(lambda r: {"id": 1}, ("auth", kinds), seen=seen, auth={"api_key": {"key": "k-1"}})
    await key.read(Ref(object="ticket", id="1"))
    assert seen[0].headers["x-key"] == "Key k-1"


async def test_a_credential_that_is_replaced_keeps_the_files_settings() -> None:
    class Rotating:
        version = "1"

        def current(self) -> Material:
            return Material(version=self.version, auth={"api_key": {"key": f"k-{self.version}"}})

        def former(self) -> None:
            return None

    ring, seen = Rotating(), list[httpx.Request]()
    kind = ("auth", {"kind": "api_key", "header": "X-Key"})
    connector = engine(lambda r: {"id": 1}, kind, seen=seen, auth={"api_key": {"key": "old"}}, keyring=ring)
    for ring.version in ("1", "2"):
        await connector.read(Ref(object="ticket", id="1"))
    assert [each.headers["x-key"] for each in seen] == ["k-1", "k-2"]


@pytest.mark.parametrize("url", ["https://evil.test", "https://desk.test.evil.test", "https://xdesk.test"])
def test_a_file_may_say_which_hosts_it_is_for(url: str) -> None:
    with pytest.raises(ConfigError, match="only spoken to at"):
        engine(lambda request: {}, ("http", {"only_hosts": ["desk.test", "*.desk.test"]}), url=url)


@pytest.mark.parametrize("url", ["https://desk.test", "https://eu.desk.test/jira", "http://127.0.0.1:8080"])
def test_its_own_hosts_and_stand_ins_of_this_machine_are_fine(url: str) -> None:
    engine(lambda request: {}, ("http", {"only_hosts": ["desk.test", "*.desk.test"]}), url=url)


async def test_the_connections_own_path_comes_before_the_files() -> None:
    seen: list[httpx.Request] = []
    connector = engine(lambda r: {"id": 1}, ("http", {"base": "/api"}), seen=seen, url="https://desk.test/proxy/")
    await connector.read(Ref(object="ticket", id="a/b"))
    assert seen[0].url.raw_path == b"/proxy/api/tickets/a%2Fb"


async def test_pages_of_another_size() -> None:
    seen: list[httpx.Request] = []
    page = {"kind": "offset", "size": {"param": "limit", "value": 100}}
    listing = ("ticket.list", {"get": "/tickets", "pick": "$.items[*]", "page": page})
    connector = engine(lambda r: {"items": []}, listing, seen=seen, options={"page_size": 3})
    await connector.ids("ticket", None)
    assert seen[0].url.params["limit"] == "3"
