"""Asking the verbs of replays: a stale plan says what moved, and lists come whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.cli.exits import Code, Ending
from gateway.cli.replay_showing import show_moved

if TYPE_CHECKING:
    from gateway.cli.port import Gateway

T = TypeVar("T")
Facts = dict[str, Any]
MOST = 200
STALE = ("plan.stale", "plan-stale")


def asked(config: Path, actor: str, question: Callable[[Gateway], Awaitable[T]]) -> T:
    """The answer of a verb. What it refuses becomes an exit code; a stale plan says first what moved."""
    from connectors.contract.errors import InputError
    from gateway.cli import gateways

    async def put(gateway: Gateway) -> T:
        try:
            return await question(gateway)
        except InputError as error:
            moved = getattr(error, "moved", None)
            if error.code not in STALE or not moved:
                raise
            plan = str(error).split(" ", 1)[0]
            found = await gateway.replays.show(plan)
            show_moved(plan, found["sends"] if found else len(moved), [_moved(each) for each in moved])
            raise Ending(Code.PLAN_STALE) from error

    return gateways.asked(config, put, actor=actor)


def _moved(each: Any) -> Facts:
    """One thing that moved, as the domain has it or as a problem document told it."""
    from gateway.cli.reading import value_of
    from gateway.work.replay_views import moved_facts
    from replay.values import Moved

    return moved_facts(value_of(Moved, each) if isinstance(each, Mapping) else each)


def there(found: Facts | None, what: str) -> Facts:
    """What was found. Ends with code 7 if there is none."""
    if found is None:
        raise Ending(Code.NOT_FOUND, f"there is no {what}; look at: lockstep replay list")
    return found


async def all_items(gateway: Gateway, plan_id: str, action: str = "") -> list[Facts]:
    """Every item of a plan, or those of an action."""
    return await _all(lambda after: gateway.replays.items(plan_id, action=action, after=after, limit=MOST), plan_id)


async def all_run_items(gateway: Gateway, run_id: str, outcome: str) -> list[Facts]:
    """Every item of a run with an outcome."""
    return await _all(lambda after: gateway.replays.run_items(run_id, outcome=outcome, after=after, limit=MOST), run_id)


async def _all(page_after: Callable[[int], Awaitable[Facts | None]], id: str) -> list[Facts]:
    found: list[Facts] = []
    after: int | None = 0
    while after is not None:
        page = there(await page_after(after), f"{'run' if id.startswith('rr_') else 'plan'} {id}")
        found += page["items"]
        after = page["next"]
    return found
