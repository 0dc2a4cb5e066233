"""Our own requests do not go inside: not by an address, a name, a redirect, or a second look at a name."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from gateway.access.outbound import AddressRefused, Guard, NotReached, Outbound


class Names(AbstractResolver):
    """Answers each look-up with the next of the given addresses."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=0)
            for each in found
        ]

    async def close(self) -> None:
        """Nothing to close."""


INSIDE = [
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "::ffff:127.0.0.1"),
    *("::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "ff02::1", "198.18.0.1"),
]


@pytest.mark.parametrize("address", INSIDE)
async def test_addresses_inside_are_refused_however_they_are_told(address: str) -> None:
    shown = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused):
        await Outbound(Guard()).send("GET", f"https://{shown}/")
    with pytest.raises(AddressRefused):
        await Outbound(Guard(), resolver=Names([address])).send("GET", "https://looks-harmless.example/")


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "LOCALHOST."])
async def test_odd_spellings_of_this_machine_are_refused(spelling: str) -> None:
    """The resolver of the machine says what they mean; where it does not know them, nothing is reached either."""
    with pytest.raises((AddressRefused, NotReached)):
        await Outbound(Guard()).send("GET", f"https://{spelling}/", timeout_s=5)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_addresses_outside_are_not(address: str) -> None:
    Guard().check("example.com", ip_address(address))


async def test_one_address_inside_among_several_refuses_all() -> None:
    with pytest.raises(AddressRefused):
        await Outbound(Guard(), resolver=Names(["93.184.216.34", "10.0.0.1"])).send("GET", "https://both.example/")


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https://", "https://u:p@example.com/"),
        *("https://u@example.com/", "https://example.com:x/", "gopher://example.com", "//example.com", ""),
    ],
)
async def test_only_https_without_a_user_goes_out(url: str) -> None:
    with pytest.raises(AddressRefused):
        await Outbound(Guard(), resolver=Names(["93.184.216.34"])).send("GET", url)


@pytest.mark.parametrize("internal", [["127.0.0.1"], ["127.0.0.0/8"], ["notify.internal"]])
async def test_what_is_allowed_is_reached_by_the_address_that_was_checked(internal: list[str]) -> None:
    """The second answer of the resolver is never asked for: nobody can change the name after the check."""
    async with TestServer(_site()) as server:
        names = Names(["127.0.0.1"], ["203.0.113.1"])
        host = "notify.internal" if internal == ["notify.internal"] else "127.0.0.1"
        answer = await Outbound(Guard(internal), resolver=names).send("GET", f"http://{host}:{server.port}/")
        assert (answer.status, answer.body, answer.headers["x-seen"]) == (200, b"here", host)
        assert names.asked <= 1


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with TestServer(_site()) as server:
        answer = await Outbound(Guard(["127.0.0.1"])).send("GET", f"http://127.0.0.1:{server.port}/away")
        assert (answer.status, answer.headers["location"]) == (302, "http://169.254.169.254/")


async def test_a_long_answer_is_cut_off_and_a_silent_one_given_up() -> None:
    async with TestServer(_site()) as server:
        out = Outbound(Guard(["127.0.0.1"]))
        with pytest.raises(NotReached, match="longer than"):
            await out.send("GET", f"http://127.0.0.1:{server.port}/long", largest=1000)
        with pytest.raises(NotReached):
            await out.send("GET", f"http://127.0.0.1:{server.port}/silent", timeout_s=0.2)


def _site() -> web.Application:
    async def here(request: web.Request) -> web.Response:
        return web.Response(body=b"here", headers={"X-Seen": request.host.partition(":")[0]})

    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/"})

    async def long(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 5000)

    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    app = web.Application()
    app.add_routes([web.get("/", here), web.get("/away", away), web.get("/long", long), web.get("/silent", silent)])
    return app
