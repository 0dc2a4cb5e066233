"""A worker process as `lockstep run`, whose wall clock may be wrong, and which may lack one mechanism on purpose.

python -m tests.whole.worker --config lockstep.yaml --ahead 3600 --without FENCE
"""

from __future__ import annotations

import argparse
import os
import signal
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import gateway.app.run as app
from connectors.contract.clock import SystemClock
from gateway.app.compose import compose
from gateway.config import load
from gateway.delivery.runner import Runner
from tests.contract.broken.rules import put
from tests.support.broken import WITHOUT
from tests.support.speaking import say


class WrongClock(SystemClock):
    """A wall clock that was set wrongly by so many seconds; time passes on it as everywhere."""

    def __init__(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s

    def now(self) -> float:
        """Not the time."""
        return super().now() + self.ahead_s


def tell_conclusions(stack: ExitStack) -> None:
    """Says a line when the worker is done with a write, whatever became of it in the database."""
    send = Runner._send

    async def telling(self: Runner, *given: Any) -> Any:
        job = await send(self, *given)
        say("done with a write")
        return job

    put(stack, Runner, "_send", telling)


def freeze_before_sending(stack: ExitStack) -> None:
    """The process stops itself once, when an attempt is durable and its request has not left."""
    send, frozen = Runner._send, list[bool]()

    async def freezing(self: Runner, *given: Any) -> Any:
        if not frozen:
            frozen.append(True)
            say("frozen before sending")
            os.kill(os.getpid(), signal.SIGSTOP)
        return await send(self, *given)

    put(stack, Runner, "_send", freezing)


def main() -> None:
    """Runs until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--ahead", type=float, default=0.0, help="seconds that the wall clock is wrong by")
    parser.add_argument("--without", action="append", default=[], choices=sorted(WITHOUT), help="a mechanism it lacks")
    parser.add_argument("--freeze-before-sending", action="store_true", help="once, at the first write")
    parser.add_argument("--tell", action="store_true", help="say a line after each write")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        for mechanism in chosen.without:
            WITHOUT[mechanism](stack)
        if chosen.tell:
            tell_conclusions(stack)
        if chosen.freeze_before_sending:
            freeze_before_sending(stack)
        put(stack, app, "compose", partial(compose, clock=WrongClock(chosen.ahead)))
        app.serve(load(chosen.config, os.environ))


if __name__ == "__main__":
    main()
