"""The gateway's own API, as people in charge use it: asked again while the gateway is killed and started."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import orjson

from gateway.demo.desks import NotMade

PATIENCE_S = 60.0
_AGAIN_S = 0.3


@dataclass(frozen=True, slots=True)
class Service:
    """`signed_in`: headers."""

    url: str
    signed_in: Mapping[str, str]
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None, *, version: int | None = None) -> Any:
        """The JSON answered. However often it is asked, it takes effect once. Raises NotMade."""
        headers = {**self.signed_in, "Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        data = None if body is None else orjson.dumps(body)
        end = time.monotonic() + PATIENCE_S
        while True:
            status, said = await self._once(method, path, data, headers)
            if 0 < status < 300:
                return orjson.loads(said) if said else None
            if 0 < status < 500 or time.monotonic() > end:
                raise NotMade(f"{method} {path}: {status} {said[:300].decode(errors='replace')}", status or None)
            await asyncio.sleep(_AGAIN_S)

    async def _once(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        try:
            async with self.http.request(method, self.url + path, data=data, headers=headers) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return 0, type(error).__name__.encode()
