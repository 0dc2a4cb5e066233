"""`lockstep connection rotate`: one credential follows another without a call that fails."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.admin import asked, secret_line
from gateway.cli.asking import NoInput
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document, moment, say
from gateway.cli.secret import Connection, Ends, Overlap, facts, no_connection, stored

if TYPE_CHECKING:
    from gateway.access.rights import Principal
    from gateway.config import Config as Loaded
    from gateway.work.secrets import SecretView
    from gateway.work.workplace import Workplace

LOOK_S = 0.2


def rotate(
    connection: Connection,
    stdin: Annotated[
        bool,
        typer.Option("--stdin", envvar="LOCKSTEP_STDIN", help="Read them from standard input: `name=value` per line."),
    ] = False,
    overlap: Overlap = "",
    ends: Ends = "",
    wait: Annotated[
        float,
        typer.Option("--wait", envvar="LOCKSTEP_ROTATE_WAIT", min=0.0, help="Seconds to wait for the proof; 0: none."),
    ] = 60.0,
    config: Config = DEFAULT_CONFIG,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Give a connection a new credential. The running gateway proves it with a check, then uses it; the present one is
    kept for the overlap. Nothing waits meanwhile, and a credential that does not work is not used.

    Exit code 1: it was refused, the present one stays. 4: it is still being proved.
    """
    from gateway.cli.store import configuration

    loaded = configuration(config, judged=True)
    names = _names(loaded, connection)
    values = (
        _lines(names)
        if stdin
        else {name: secret_line(f"{name} of {connection}", stdin=False, no_input=no_input) for name in names}
    )
    stored(loaded, connection, values, overlap=overlap, ends=ends)
    found = _proved(loaded, connection, set(values), wait)
    if as_json:
        document([facts(each) for each in found])
    refused = [each for each in found if each.state == "refused"]
    if refused:
        raise Ending(Code.FAILED, f"it was refused, {connection} goes on with the present one: {refused[0].refused}")
    if any(each.state != "in use" for each in found):
        raise Ending(
            Code.STILL_UNKNOWN, f"it is not proved yet; is the gateway running? lockstep secret list {connection}"
        )
    if not as_json:
        kept = max((each.former_until or 0.0 for each in found), default=0.0)
        data(
            f"{connection} signs in with the new credential"
            + (f"; the one before is tried until {moment(kept)}" if kept else "")
        )


def _names(loaded: Loaded, connection: str) -> list[str]:
    """The secrets that make up the credential."""
    from gateway.config.auth import FromFile, FromStore

    if connection not in loaded.connections:
        raise no_connection(loaded, connection)
    origins = loaded.connections[connection].credentials.origins
    names = sorted({each.name for each in origins.values() if isinstance(each, FromStore)})
    if names:
        return names
    files = [str(each.path) for each in origins.values() if isinstance(each, FromFile)]
    if files:
        how = f"replace {' and '.join(files)}: within a second it is noticed, proved and used"
    else:
        how = "write `secret:password` in its place in the configuration, or `file:path`, and restart the gateway once"
    raise Ending(Code.WRONG_USE, f"nothing that {connection} signs in with is kept in the database; {how}")


def _lines(names: list[str]) -> dict[str, str]:
    """Values from standard input; one without a name is the only secret's."""
    said = [line.rstrip("\r\n") for line in sys.stdin if line.strip()]
    if len(names) == 1 and len(said) == 1 and not said[0].startswith(f"{names[0]}="):
        return {names[0]: said[0]}
    found = dict(line.split("=", 1) for line in said if "=" in line)
    if set(found) - set(names) or not found or len(found) != len(said):
        raise Ending(Code.WRONG_USE, f"give a line `name=value` for each of {', '.join(names)}")
    return found


def _proved(loaded: Loaded, connection: str, names: set[str], wait_s: float) -> list[SecretView]:
    """The secrets when nothing of them is being proved any more, or the time is over."""

    async def watched(place: Workplace, who: Principal) -> list[SecretView]:
        import asyncio

        from gateway.work.secrets import PROVING, list_secrets

        until = time.monotonic() + wait_s
        while True:
            found = [each for each in await list_secrets(place, who, connection) if each.name in names]
            if time.monotonic() >= until or all(each.state != PROVING for each in found):
                return found
            await asyncio.sleep(LOOK_S)

    if wait_s:
        say("the gateway proves it")
    told: Any = asked(loaded, watched)
    return list(told)
