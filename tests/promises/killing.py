"""A gateway process that is killed around its request: `python -m tests.promises.killing DIRECTORY WHAT WHERE`.

The target lives in a file and survives, like a system on the other side of a network. WHERE is `before` or `after` the
effect: there the process says `here` and waits for its end; `never` lets it finish, and it says what the target shows.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
from pathlib import Path
from typing import Any

from connectors.contract.values import Write
from tests.scenarios.world_of_two import START
from tests.support.gateway import Bench, bench
from tests.support.speaking import say
from tests.support.world import FakeClock, System

LATER_S = 3_600.0


class Kept(System):
    """A system whose objects are on disk before anybody is answered."""

    def at(self, file: Path) -> Kept:
        self.file = file
        if file.exists():
            self.things, self.writes = pickle.loads(file.read_bytes())
            self._ids = iter(range(len(self.things) * 100 + 100, 10_000))
        return self

    def keep(self) -> None:
        temporary = self.file.with_suffix(".new")
        temporary.write_bytes(pickle.dumps((self.things, self.writes)))
        temporary.rename(self.file)


async def _act(gateway: Bench, a: Kept, b: Kept, what: str) -> None:
    """What a person does in A; a create needs no linked thing before."""
    thing = a.create(**START)
    if what != "create":
        await gateway.settle()
        b.writes.clear()
        b.keep()
        a.comment(thing, "hello") if what == "comment" else a.edit(thing, x="17")
    a.keep()


def _shown(b: Kept, what: str) -> int:
    if what == "create":
        return len(b.things)
    (thing,) = b.things.values()
    return len(thing.items) if what == "comment" else int(thing.raw["x"] == "17")


async def main(directory: Path, what: str, where: str) -> None:
    """One life of the gateway."""
    first = not (directory / "a").exists()
    clock = FakeClock() if first else FakeClock(1_700_000_000.0 + LATER_S)
    a, b = Kept("a", clock).at(directory / "a"), Kept("b", clock).at(directory / "b")
    async with bench(f"sqlite+aiosqlite:///{directory}/store.db", [a, b], clock) as gateway:
        if first:
            await _act(gateway, a, b, what)

        async def stop_here(write: Write) -> None:
            say("here")
            await asyncio.Event().wait()

        original = b.apply

        async def apply(write: Write) -> Any:
            if where == "before":
                await stop_here(write)
            receipt = await original(write)
            b.keep()
            if where == "after":
                await stop_here(write)
            return receipt

        b.apply = apply
        await gateway.settle()
        say(json.dumps({"writes": len(b.writes), "shown": _shown(b, what), "cases": len(await gateway.cases())}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
