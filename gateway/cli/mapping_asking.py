"""The way of the mapping commands to the verbs: whoever can open the database acts as admin."""

from __future__ import annotations

import getpass
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.cli.deciding import topology_of
from gateway.cli.exits import Code, Ending
from gateway.cli.store import ask, ask_unopened, configuration

if TYPE_CHECKING:
    from gateway.access.rights import Principal
    from gateway.storage.database import Database
    from gateway.versions.store import Version
    from gateway.work.workplace import Workplace

T = TypeVar("T")
Facts = dict[str, Any]
_CODES = {
    400: Code.WRONG_USE,
    403: Code.NOT_ALLOWED,
    404: Code.NOT_FOUND,
    409: Code.NOT_ALLOWED,
    412: Code.PLAN_STALE,
    422: Code.CONFIG_INVALID,
}


def asked(
    config: Path, actor: str, question: Callable[[Workplace, Principal], Awaitable[T]], *, stored: bool = True
) -> T:
    """The answer of a verb. What it refuses becomes an exit code. `stored=False`: it looks at files only; no database
    has to be there.
    """
    from connectors.contract.errors import InputError
    from gateway.access.rights import NotAllowed
    from gateway.work.workplace import Workplace

    loaded = configuration(config)

    async def put(database: Database) -> T:
        place = Workplace(database=database, config=loaded, topology=topology_of(loaded), now=time.time)
        try:
            return await question(place, _account(actor))
        except NotAllowed as error:
            raise Ending(Code.NOT_ALLOWED, str(error)) from error
        except InputError as error:
            raise Ending(_CODES.get(error.status, Code.FAILED), str(error)) from error

    return ask(loaded, put) if stored else ask_unopened(loaded, put)


def _account(actor: str) -> Principal:
    import msgspec

    from gateway.access.rights import local

    account = local(getpass.getuser())
    return msgspec.structs.replace(account, name=actor or account.name)


def text_of(file: Path, flag: str) -> str:
    """What a file says. Ends with code 2 if it is not there."""
    if not file.is_file():
        raise Ending(Code.WRONG_USE, f"{flag}: {file} is not there")
    return file.read_text(encoding="utf-8")


async def version_named(place: Workplace, who: Principal, ref: str, file: Path | None) -> Version:
    """The stored version `ref`, or the text of `file`. One of the two has to be there (exit code 2)."""
    from gateway.work import mapping_trials, mapping_versions

    if file is not None:
        if ref:
            raise Ending(Code.WRONG_USE, f"{ref} or --file {file}: name one of them")
        return mapping_trials.candidate(place, text_of(file, "--file"), by=who.name, origin=str(file))
    if not ref:
        raise Ending(
            Code.WRONG_USE, "name a stored version (NAME@2, see: lockstep mapping versions) or --file new.yaml"
        )
    async with place.database.read() as tx:
        return await mapping_versions.find(tx, place, who, ref)
