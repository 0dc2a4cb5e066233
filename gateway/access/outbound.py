"""Our own requests to addresses that somebody configured: the provider of sign-ins, receivers of notifications.

None goes to an address inside (loopback, private, link-local, a cloud's metadata) unless `access.internal` names it.
The address that was checked is the one that is connected to, redirects are not followed, and an answer has a size.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from connectors.contract.errors import LockstepError

TIMEOUT_S = 15.0
LARGEST = 1 << 20
Address = IPv4Address | IPv6Address
_NAT64 = ip_network("64:ff9b::/96")


class AddressRefused(LockstepError):
    """Nothing was sent: the address is one that our requests do not go to. No use in trying again."""


class NotReached(LockstepError):
    """Nobody answered, or not to the end; what was sent may have arrived."""


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Guard:
    """Says where requests may go. `internal`: host names and networks inside that they may go to as well."""

    def __init__(self, internal: Sequence[str] = ()) -> None:
        self._names = frozenset(each.lower() for each in internal if not _is_network(each))
        self._networks = tuple(ip_network(each) for each in internal if _is_network(each))

    def check_url(self, url: str) -> None:
        """Raises AddressRefused for what can be told before the name is looked up."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise AddressRefused("this is no address of a server") from None
        if (
            parts.scheme not in ("https", "http")
            or not host
            or parts.username is not None
            or parts.password is not None
        ):
            raise AddressRefused("requests go to https://host only, without a user in the address")
        literal = _literal(host)
        if literal is not None:
            self.check(host, literal)
        if parts.scheme == "http" and not self._is_ours(host, literal):
            raise AddressRefused(f"requests to {host} go by https only; access.internal lists hosts of your own")

    def check(self, host: str, address: Address) -> None:
        """Raises AddressRefused if the host has an address inside that nobody allowed."""
        address = _real(address)
        if address.is_global and not address.is_multicast:
            return
        if not self._is_ours(host, address):
            raise AddressRefused(f"{host} is an address inside; access.internal lists those that requests may go to")

    def _is_ours(self, host: str, address: Address | None) -> bool:
        if host.lower().rstrip(".") in self._names:
            return True
        return address is not None and any(address in network for network in self._networks)


class Outbound:
    """Sends requests past the guard. Safe for many tasks; no connection outlives its request."""

    def __init__(
        self, guard: Guard, *, resolver: AbstractResolver | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        """`context`: whom to trust by https; None: whom the system trusts."""
        self._guard, self._resolver, self._context = guard, resolver, context or True

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = TIMEOUT_S,
        largest: int = LARGEST,
    ) -> Answer:
        """The answer, redirects included, whatever its status. Raises AddressRefused (nothing was sent), NotReached."""
        self._guard.check_url(url)
        connector = aiohttp.TCPConnector(
            resolver=_Guarded(self._guard, self._resolver), use_dns_cache=False, force_close=True, ssl=self._context
        )
        patience = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=patience, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
                ) as session,
                session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer,
            ):
                read = await _read(answer, largest)
                return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, read)
        except AddressRefused:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise NotReached(f"{urlsplit(url).hostname} did not answer: {type(error).__name__}") from error


class _Guarded(AbstractResolver):
    """Looks names up, and gives only addresses that may be connected to: there is no second look that could differ."""

    def __init__(self, guard: Guard, inner: AbstractResolver | None) -> None:
        self._guard, self._inner = guard, inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for each in found:
            self._guard.check(host, ip_address(each["host"].partition("%")[0]))
        return found

    async def close(self) -> None:
        await self._inner.close()


async def _read(answer: Any, largest: int) -> bytes:
    read = bytearray()
    async for chunk in answer.content.iter_chunked(65536):
        read += chunk
        if len(read) > largest:
            raise NotReached(f"the answer is longer than {largest} bytes")
    return bytes(read)


def _literal(host: str) -> Address | None:
    """The address that stands in place of a name. Odd spellings (`0x7f.1`, `2130706433`) go to the resolver, which says
    what they mean.
    """
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _real(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
