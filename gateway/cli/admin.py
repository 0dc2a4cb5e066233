"""The way of commands about people and tokens to the verbs: whoever can open the database acts as admin."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gateway.cli.exits import Code, Ending

if TYPE_CHECKING:
    from gateway.access.rights import Principal, Role
    from gateway.config import Config
    from gateway.storage.database import Database
    from gateway.work.workplace import Workplace

T = TypeVar("T")
Roles = Annotated[
    list[str],
    typer.Option("--role", envvar="LOCKSTEP_ROLE", help="viewer, operator, approver, ...; several add up."),
]
Connections = Annotated[
    list[str] | None,
    typer.Option("--connection", envvar="LOCKSTEP_CONNECTION", help="Sees and acts on this one; several may be named."),
]
Types = Annotated[
    list[str] | None,
    typer.Option("--type", envvar="LOCKSTEP_TYPE", help="Sees and acts on this record type; several may be named."),
]
Stdin = Annotated[bool, typer.Option("--stdin", envvar="LOCKSTEP_STDIN", help="Read it from standard input, one line.")]
_CODES = {404: Code.NOT_FOUND, 409: Code.NOT_ALLOWED, 412: Code.PLAN_STALE}


def asked(config: Config, question: Callable[[Workplace, Principal], Awaitable[T]]) -> T:
    """The answer of a verb, for the account that runs the command. Its refusals become exit codes."""
    from connectors.contract.errors import InputError
    from gateway.access.rights import NotAllowed, local
    from gateway.cli.store import ask
    from gateway.sync.batch import Topology
    from gateway.work.workplace import Workplace

    async def put(database: Database) -> T:
        place = Workplace(database=database, config=config, topology=Topology.of([]), now=time.time)
        try:
            return await question(place, local(getpass.getuser()))
        except NotAllowed as error:
            raise Ending(Code.NOT_ALLOWED, str(error)) from error
        except InputError as error:
            raise Ending(_CODES.get(error.status, Code.WRONG_USE), str(error)) from error

    return ask(config, put)


def roles_of(names: list[str]) -> frozenset[Role]:
    """The roles of these names. Ends with code 2 for another."""
    from gateway.access.rights import Role

    known = {str(role) for role in Role}
    if unknown := sorted(set(names) - known):
        raise Ending(Code.WRONG_USE, f"there is no role {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return frozenset(Role(name) for name in names)


def secret_line(what: str, *, stdin: bool, no_input: bool = False, twice: bool = False) -> str:
    """A secret that a person types unseen, or that comes on standard input; never an argument, which others can see."""
    if stdin:
        said = sys.stdin.readline().rstrip("\r\n")
        if not said:
            raise Ending(Code.WRONG_USE, f"there is no {what} on standard input")
        return said
    if no_input or not sys.stdin.isatty():
        raise Ending(Code.WRONG_USE, f"give the {what} on standard input with --stdin")
    said = getpass.getpass(f"{what}: ", stream=sys.stderr)
    if twice and getpass.getpass("once more: ", stream=sys.stderr) != said:
        raise Ending(Code.WRONG_USE, "these are not the same; nothing was changed")
    return said


def scope_text(names: frozenset[str] | None) -> str:
    """A scope as people read it."""
    return "all" if names is None else ", ".join(sorted(names)) or "none"


def facts(value: Any) -> Any:
    """A struct as JSON has it: sets as sorted lists."""
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(value)
    return {name: sorted(each) if isinstance(each, list | set | tuple) else each for name, each in found.items()}
