"""Which gateway a command asks: its configuration's, or one elsewhere. What it refuses becomes an exit code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gateway.cli.exits import Code, Ending
from gateway.cli.refusals import as_codes
from gateway.cli.wishes import wishes

if TYPE_CHECKING:
    from gateway.cli.port import Gateway

T = TypeVar("T")


def asked(config: Path, question: Callable[[Gateway], Awaitable[T]], *, actor: str = "") -> T:
    """The answer of the gateway. Ends with the code of what it refuses, 8 if it, or its database, cannot be reached."""

    async def put() -> T:
        async with gateway_of(config, actor) as gateway:
            with as_codes():
                return await question(gateway)

    return asyncio.run(put())


@asynccontextmanager
async def gateway_of(config: Path, actor: str) -> AsyncIterator[Gateway]:
    """The gateway that the command line names."""
    typed = wishes()
    if not typed.url:
        from gateway.cli.local import opened
        from gateway.cli.store import configuration

        async with opened(configuration(config), actor) as here:
            yield here
        return
    if actor:
        raise Ending(Code.WRONG_USE, "--as is a name on this machine; elsewhere you are whom your token says")
    from gateway.cli.remote import reached

    async with reached(typed) as there:
        yield there
