"""Asking the verbs of replays: what they refuse becomes an exit code, a stale plan says what moved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.cli.deciding import here, topology_of
from gateway.cli.exits import Code, Ending
from gateway.cli.replay_showing import show_moved

if TYPE_CHECKING:
    from gateway.access.rights import Principal
    from gateway.config import Config as Loaded
    from gateway.storage.database import Database
    from gateway.work.workplace import Workplace

T = TypeVar("T")
Facts = dict[str, Any]
_CODES = {404: Code.NOT_FOUND, 422: Code.WRONG_USE, 403: Code.NOT_ALLOWED}


def asked(config: Loaded, actor: str, question: Callable[[Workplace, Principal], Awaitable[T]]) -> T:
    """The answer of a verb. What it refuses becomes an exit code; a stale plan says first what moved."""
    from connectors.contract.errors import InputError
    from gateway.access.rights import NotAllowed
    from gateway.cli.store import ask
    from replay.errors import NothingSelected, PlanStale

    async def put(database: Database) -> T:
        place, who = here(config, database, actor, topology_of(config))
        try:
            return await question(place, who)
        except NotAllowed as error:
            raise Ending(Code.NOT_ALLOWED, str(error)) from error
        except NothingSelected as error:
            raise Ending(Code.NOT_FOUND, f"{error}; look at: lockstep case list") from error
        except PlanStale as error:
            await _told_moved(place, who, error.plan, error.moved)
            raise Ending(Code.PLAN_STALE) from error
        except InputError as error:
            raise Ending(_CODES.get(error.status, Code.NOT_ALLOWED), str(error)) from error

    return ask(config, put)


async def _told_moved(place: Workplace, who: Principal, plan: str, moved: Any) -> None:
    from gateway.work import replays
    from gateway.work.replay_views import moved_facts

    found = await replays.show(place, who, plan)
    show_moved(plan, found["sends"] if found else len(moved), [moved_facts(each) for each in moved])


def there(found: Facts | None, what: str) -> Facts:
    """What was found. Ends with code 7 if there is none."""
    if found is None:
        raise Ending(Code.NOT_FOUND, f"there is no {what}; look at: lockstep replay list")
    return found


async def all_items(place: Workplace, who: Principal, plan_id: str, action: str = "") -> list[Facts]:
    """Every item of a plan, or those of an action."""
    from gateway.work import replays

    found: list[Facts] = []
    after: int | None = 0
    while after is not None:
        page = there(
            await replays.items(place, who, plan_id, action=action, after=after, limit=replays.MOST), f"plan {plan_id}"
        )
        found += page["items"]
        after = page["next"]
    return found
