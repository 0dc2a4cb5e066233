"""`lockstep siem verify|verifier|status|test|resend`: whether a receiver has all of a feed, from what it stored."""

from __future__ import annotations

import sys
import time
from base64 import b64encode
from typing import Annotated, Any

import typer

from gateway.cli import siem_sinks
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import Json
from gateway.cli.output import data, document

app = typer.Typer(help="What SIEM receivers were told, and whether they have all of it.", no_args_is_help=True)


def _option(*names: str, env: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, envvar=f"LOCKSTEP_SIEM_{env}", help=help, **more)


@app.command()
def verify(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="What was stored; gzipped too; - is stdin.")],
    key: Annotated[
        list[str] | None, _option("--key", env="KEY", help="Public key, base64 or a file; repeatable.")
    ] = None,
    sink: Annotated[str, _option("--sink", env="SINK", help="Only this feed.")] = "",
    first: Annotated[int, _option("--from", env="FROM", help="Number it should begin with.", min=1)] = 1,
    last: Annotated[int, _option("--to", env="TO", help="Number it should end with; 0: wherever it ends.", min=0)] = 0,
    ignore: Annotated[
        list[str] | None,
        _option("--ignore", env="IGNORE", help="Name that the receiver adds to JSON events; repeatable."),
    ] = None,
    max_age: Annotated[
        str | None, _option("--max-age", env="MAX_AGE", metavar="TIME", help="How old the last heartbeat may be: 10m.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Name what is missing, doubled, altered, foreign or out of order in what a receiver stored, feed by feed.

    Ends with 0 if it is complete (doubled events are harmless), with 1 if not, with 2 if something cannot be read.
    """
    from gateway.siem.verifier.judging import Bounds, Keys
    from gateway.siem.verifier.telling import COMPLETE, FINDINGS, Wish, for_programs, in_words, verified

    now = time.time()
    keys = Keys(_keys(key or []), _verifies)
    wish = Wish(files, sink, Bounds(first, last), tuple(ignore or ()), _seconds(max_age, now))
    result = verified(wish, keys, now)
    if as_json:
        document(for_programs(result, wish))
    else:
        for line in in_words(result, wish, bool(keys), now):
            data(line)
    if result.code != COMPLETE:
        raise Ending(Code.FAILED if result.code == FINDINGS else Code.WRONG_USE)


@app.command()
def verifier() -> None:
    """Print the verifier as one file for a machine without the gateway: Python 3.8 or later, nothing else."""
    from gateway.siem.verifier.bundle import program

    sys.stdout.write(program())


def _keys(given: list[str]) -> list[bytes]:
    from gateway.siem.verifier.telling import keys_of

    try:
        return [key for each in given for key in keys_of(each)]
    except (OSError, ValueError) as error:
        raise Ending(Code.WRONG_USE, f"--key: {error}") from error


def _verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    from gateway.core.signing import verifies

    return verifies(b64encode(key).decode(), message, b64encode(signature).decode())


def _seconds(text: str | None, now: float) -> float:
    from gateway.cli.moments import moment_of

    since = moment_of(text, "--max-age", now)
    return 0.0 if since is None else now - since


app.command("status")(siem_sinks.status)
app.command("test")(siem_sinks.try_)
app.command("resend")(siem_sinks.resend)
