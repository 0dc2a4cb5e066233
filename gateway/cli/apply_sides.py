"""Where files are put in place: beside the configuration here, or at a gateway elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gateway.cli.exits import Code, Ending
from gateway.cli.gateways import gateway_of
from gateway.cli.output import say
from gateway.cli.refusals import as_codes
from gateway.cli.wishes import wishes

if TYPE_CHECKING:
    from gateway.cli.port import Gateway
    from gateway.work.registering import Handed, Plan

T = TypeVar("T")
LATER = "gateways work by it from their next start on"
AT_ONCE = "the gateway works by it"


class Elsewhere:
    """A gateway that runs, by its API."""

    base = Path()

    def __init__(self, config: Path, actor: str) -> None:
        self.config, self.actor, self.where = config, actor, wishes().url

    def plan(self, handed: Handed) -> Plan:
        """What would change."""
        return _asked(self.config, self.actor, lambda gateway: gateway.configuring.plan_files(handed))

    def put(self, handed: Handed, planned: Plan, reason: str) -> int:
        """The number of the version that stands now; 0: nobody counts yet."""

        async def put(gateway: Gateway) -> int:
            return (await gateway.configuring.apply_files(handed, expected=planned.digest, reason=reason)).version

        return _asked(self.config, self.actor, put)

    def take_up(self) -> str:
        """Has it work by what is in place, and says so."""
        found = _asked(self.config, self.actor, lambda gateway: gateway.configuring.take_up())
        return AT_ONCE if found.taken_up else f"{AT_ONCE} in a moment"


class Here(Elsewhere):
    """The files on this machine. Where there is no database yet, nothing runs that a change could harm."""

    def __init__(self, config: Path, actor: str) -> None:
        super().__init__(config, actor)
        self.base, self.where = config.resolve().parent, str(config)

    def plan(self, handed: Handed) -> Plan:
        """See `Elsewhere`."""
        from gateway.work.applying import begin_live, noted
        from gateway.work.registering import Plan, prepared

        if self.config.is_file():
            try:
                return super().plan(handed)
            except Ending as ending:
                if ending.code is not Code.NOT_REACHABLE:
                    raise
                reason = ending.message
        else:
            reason = ""
        with prepared(self.config, handed) as made:
            steps = tuple(noted(each, made.then) for each in made.changes)
            live = tuple(begin_live(made.changes, made.then))
        if reason and any(each.change.change != "added" for each in steps):
            say(f"{reason}; what changes do to lanes is not known")
        return Plan(steps=steps, admin=(), live=live, digest="")

    def put(self, handed: Handed, planned: Plan, reason: str) -> int:
        """See `Elsewhere`. Before the first start the start keeps the version."""
        from gateway.config.staging import put
        from gateway.work.registering import prepared

        if planned.digest:
            return super().put(handed, planned, reason)
        with prepared(self.config, handed) as made:
            if not put(self.config, made.found):
                raise Ending(Code.PLAN_STALE, f"somebody wrote to {self.config} at this moment; look again")
        return 0

    def take_up(self) -> str:
        """See `Elsewhere`: files do not reach a process."""
        raise Ending(Code.WRONG_USE, "--take-up asks a gateway that runs: name it with --url, or start it again")


def side_of(config: Path, actor: str) -> Elsewhere:
    """The one that the command line names."""
    return Elsewhere(config, actor) if wishes().url else Here(config, actor)


def _asked(config: Path, actor: str, question: Callable[[Gateway], Awaitable[T]]) -> T:
    """As `gateways.asked`; but what is wrong with files is raised as it is, with its places."""
    from gateway.work.registering import ConfigurationInvalid

    async def put() -> T | ConfigurationInvalid:
        async with gateway_of(config, actor) as gateway:
            try:
                return await question(gateway)
            except ConfigurationInvalid as error:
                return error

    with as_codes():
        found = asyncio.run(put())
    if isinstance(found, ConfigurationInvalid):
        raise found
    return found
