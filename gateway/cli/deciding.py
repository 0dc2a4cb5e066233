"""What a person decides about cases, one after the other: each by itself, and one exit code for all."""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.output import data, document, say

if TYPE_CHECKING:
    from dead_letter.values import Case
    from gateway.access.rights import Principal
    from gateway.config import Config
    from gateway.storage.database import Database
    from gateway.sync.batch import Topology
    from gateway.work.case_views import Done
    from gateway.work.workplace import Workplace

Number = Annotated[str, typer.Argument(help="The case's number: FO-17, or 17.")]
Numbers = Annotated[list[str], typer.Argument(help="Numbers of cases: FO-17, or 17. Several are decided one by one.")]
Actor = Annotated[
    str, typer.Option("--as", envvar="LOCKSTEP_ACTOR", help="Who decides.", show_default="your account's name")
]
Reason = Annotated[str, typer.Option(envvar="LOCKSTEP_REASON", help="Why; it goes into the history.")]
ReasonCode = Annotated[
    str,
    typer.Option(
        "--reason-code", envvar="LOCKSTEP_REASON_CODE", help="One of the reasons that `case show` lists for this kind."
    ),
]
Expect = Annotated[
    int,
    typer.Option(
        "--expect",
        envvar="LOCKSTEP_EXPECT",
        help="The version you decided on; refused if the case moved since. 0: as it is now.",
    ),
]
Wait = Annotated[
    str,
    typer.Option(
        "--wait",
        envvar="LOCKSTEP_WAIT",
        metavar="TIME",
        help="Wait so long for what comes of it: exit code 0 when the case closed, 3 when it is open again, 4 when "
        "nothing is known yet.",
    ),
]
POLL_S = 0.2

Facts = dict[str, Any]


async def read_case(database: Database, number: str) -> Case:
    """The case. Ends with code 7 if there is none."""
    from dead_letter.worklist import get_case

    async with database.read() as tx:
        case = await get_case(tx, number)
    if case is None:
        raise Ending(Code.NOT_FOUND, f"there is no case {number}; look at: lockstep case list")
    return case


def here(
    config: Config, database: Database, actor: str, topology: Topology | None = None
) -> tuple[Workplace, Principal]:
    """Where the verbs of cases work, and who acts: `--as` is a name in histories, the person stays the account's."""
    import msgspec

    from gateway.access.rights import local
    from gateway.sync.batch import Topology
    from gateway.work.workplace import Workplace

    account = local(getpass.getuser())
    who = msgspec.structs.replace(account, name=actor or account.name)
    return Workplace(database=database, config=config, topology=topology or Topology.of([]), now=time.time), who


@contextmanager
def told_as_codes(number: str = "") -> Iterator[None]:
    """A refusal of the domain becomes an exit code."""
    from connectors.contract.errors import InputError, MappingError
    from dead_letter.errors import ApprovalNotFound, CaseNotFound, CorrectionMoved, StaleDecision
    from gateway.access.rights import NotAllowed

    try:
        yield
    except (CaseNotFound, ApprovalNotFound) as error:
        raise Ending(Code.NOT_FOUND, str(error)) from error
    except (StaleDecision, CorrectionMoved) as error:
        raise Ending(Code.PLAN_STALE, str(error)) from error
    except InputError as error:
        raise Ending(Code.WRONG_USE if error.code in _WRONG_USE else Code.NOT_ALLOWED, str(error)) from error
    except NotAllowed as error:
        raise Ending(Code.NOT_ALLOWED, str(error)) from error
    except MappingError as error:
        raise Ending(Code.WRONG_USE, f"{number}: {error}; nothing was changed") from error


_WRONG_USE = frozenset(
    {
        "reason.missing",
        "reason.unknown",
        "proof.missing",
        "choice.unknown",
        "until.unknown",
        "link.refused",
        "file.refused",
        "field.unknown",
        "value.refused",
        "group.refused",
        "body.invalid",
        "cursor.bad",
        "grouping.unknown",
    }
)
"""What another command line would do, in distinction to what is not possible."""


async def decided(
    config: Config,
    database: Database,
    topology: Topology,
    case: Case,
    action: str,
    *,
    actor: str,
    expect: int = 0,
    alone: bool = True,
    **said: Any,
) -> Done:
    """Carries out one decision; a refusal becomes an exit code. `said`: reason, reason_code, choice, value, proof."""
    from gateway.work import cases

    place, who = here(config, database, actor, topology)
    with told_as_codes(case.number):
        return await cases.act(
            place, who, case.number, action, said, expected_version=expect or case.version, alone=alone
        )


def topology_of(config: Config) -> Topology:
    """The flows, as the gateway would see them."""
    from connectors.contract.clock import SystemClock
    from gateway.app import compose

    return compose.topology_of(config, compose.connectors_of(config, SystemClock()))


def one_by_one(
    config: Config,
    numbers: Sequence[str],
    action: Callable[[Database, str], Awaitable[Facts]],
    tell: Callable[[Facts], None],
    *,
    as_json: bool,
) -> None:
    """Does `action` for each case, tells the answers, and ends with the code that is true of all of them.

    An answer may hold `code`, for one that is no failure and not done either. One error does not stop the others.
    """
    from gateway.cli.store import ask

    codes: list[Code] = []
    rows: list[Facts] = []

    async def all_of(database: Database) -> None:
        for number in numbers:
            try:
                found = await action(database, number)
            except Ending as ending:
                found = {"number": number, "error": ending.message, "code": ending.code}
            codes.append(Code(found.get("code", Code.DONE)))
            rows.append({**found, "code": int(codes[-1])})
            if found.get("error"):
                say(str(found["error"]))
            elif not as_json:
                tell(found)

    ask(config, all_of)
    if as_json and (len(numbers) > 1 or "error" not in rows[0]):
        document(rows[0] if len(rows) == 1 else rows)
    code = summed_up(codes)
    if code is not Code.DONE:
        raise Ending(code)


def summed_up(codes: Iterable[Code]) -> Code:
    """One code for several items: their common one; unknown outcomes stand out before failures do."""
    found = set(codes)
    if len(found) <= 1:
        return next(iter(found), Code.DONE)
    return Code.STILL_UNKNOWN if Code.STILL_UNKNOWN in found else Code.SOME_FAILED


def waiting_time(text: str, flag: str = "--wait") -> float:
    """Seconds of a `--wait`, or of another flag. Ends with code 2 if they are none."""
    from gateway.config.units import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise Ending(Code.WRONG_USE, f"{flag} {text}: {error}") from error


async def settled(database: Database, number: str, wait_s: float, *, decided_at: int) -> Case:
    """The case once it closed, or once what was decided at version `decided_at` failed, or when the time is over."""
    deadline = time.monotonic() + wait_s
    while True:
        case = await read_case(database, number)
        failed = case.version > decided_at and case.state not in ("in_run", "closed")
        if case.state == "closed" or failed or time.monotonic() >= deadline:
            return case
        await asyncio.sleep(POLL_S)


def code_of(case: Case, *, decided_at: int) -> Code:
    """What a decided case says about its outcome."""
    if case.state == "closed":
        return Code.DONE
    return Code.SOME_FAILED if case.version > decided_at and case.state != "in_run" else Code.STILL_UNKNOWN


def tell_decided(found: Facts) -> None:
    """A decision's answer in a line."""
    if found.get("approval"):
        data(f"{found['number']} waits for a second person: {found['approval']}")
        say(f"who is not you types: lockstep case approve {found['approval']}")
        return
    data(f"{found['number']} is {found['state']} now (version {found['version']})")
    if found.get("note"):
        say(str(found["note"]))
    if found.get("next"):
        say(str(found["next"]))


def who_acts(config: Config) -> str:
    """Who carries the decision out, in words: the gateway, if one answers."""
    from gateway.cli.store import gateway_answers

    if gateway_answers(config):
        return "the running gateway"
    return f"no gateway answers at {config.host}:{config.port}: the next one to run (lockstep run)"
