"""What a person decides about cases, one after the other: each by itself, and one exit code for all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.output import data, document, say

if TYPE_CHECKING:
    from dead_letter.values import Case
    from gateway.cli.port import Gateway
    from gateway.config import Config
    from gateway.sync.batch import Topology

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
POLL_S = 0.5

Facts = dict[str, Any]


def decided_on(expect: int, case: Case) -> int:
    """The version that was decided on: the one that was named, else the one that was just read."""
    return expect or case.version


def topology_of(config: Config) -> Topology:
    """The flows, as the gateway would see them."""
    from connectors.contract.clock import SystemClock
    from gateway.app import compose

    return compose.topology_of(config, compose.connectors_of(config, SystemClock()))


def one_by_one(
    config: Path,
    numbers: Sequence[str],
    action: Callable[[Gateway, str], Awaitable[Facts]],
    tell: Callable[[Facts], None],
    *,
    as_json: bool,
    actor: str = "",
) -> None:
    """Does `action` for each case, tells the answers, and ends with the code that is true of all of them.

    An answer may hold `code`, for one that is no failure and not done either. One error does not stop the others, but
    for a gateway that is out of reach.
    """
    from gateway.cli.gateways import asked
    from gateway.cli.refusals import as_codes

    rows: list[Facts] = []

    async def all_of(gateway: Gateway) -> None:
        for number in numbers:
            try:
                with as_codes():
                    found = await action(gateway, number)
            except Ending as ending:
                if ending.code is Code.NOT_REACHABLE:
                    raise
                found = {"number": number, "error": ending.message, "code": ending.code}
            row_of(found, rows, tell, as_json=as_json)

    asked(config, all_of, actor=actor)
    end_of(rows, numbers, as_json=as_json)


def row_of(found: Facts, rows: list[Facts], tell: Callable[[Facts], None], *, as_json: bool) -> None:
    """Tells one answer, and remembers it for the end."""
    rows.append({**found, "code": int(found.get("code", Code.DONE))})
    if found.get("error"):
        say(str(found["error"]))
    elif not as_json:
        tell(found)


def end_of(rows: Sequence[Facts], numbers: Sequence[str], *, as_json: bool) -> None:
    """The document, and the exit code that is true of all."""
    if as_json and (len(numbers) > 1 or "error" not in rows[0]):
        document(rows[0] if len(rows) == 1 else rows)
    code = summed_up(Code(row["code"]) for row in rows)
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
    from connectors.contract.written.units import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise Ending(Code.WRONG_USE, f"{flag} {text}: {error}") from error


async def settled(gateway: Gateway, number: str, wait_s: float, *, decided_at: int) -> Case:
    """The case once it closed, or once what was decided at version `decided_at` failed, or when the time is over."""
    deadline = time.monotonic() + wait_s
    while True:
        case = (await gateway.cases.get_case(number)).case
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
