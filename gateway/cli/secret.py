"""`lockstep secret`: what connections sign in with, kept encrypted in the database. No command shows a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.admin import Stdin, asked, secret_line
from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.moments import time_of
from gateway.cli.output import data, document, moment, say, table

if TYPE_CHECKING:
    from gateway.config import Config as Loaded
    from gateway.work.secrets import SecretView

app = typer.Typer(help="Secrets that connections sign in with, kept encrypted in the database.", no_args_is_help=True)
COLUMNS = ("connection", "name", "state", "set", "by", "ends", "former until")

Connection = Annotated[str, typer.Argument(metavar="CONNECTION", help="As the configuration names it (snow, jira).")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="As the configuration names it: `secret:NAME`.")]
Overlap = Annotated[
    str,
    typer.Option(
        "--overlap", envvar="LOCKSTEP_OVERLAP", metavar="TIME", help="Keep the present value for so long: 2h, 0s."
    ),
]
Ends = Annotated[
    str, typer.Option("--ends", envvar="LOCKSTEP_ENDS", metavar="DATE", help="The system takes it until then.")
]


@app.command("set")
def set_(
    connection: Connection,
    name: Name,
    stdin: Stdin = False,
    overlap: Overlap = "",
    ends: Ends = "",
    config: Config = DEFAULT_CONFIG,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Store a secret. The first value is used at once; another is proved by the running gateway before it is used."""
    from gateway.cli.store import configuration

    loaded = configuration(config)
    _known(loaded, connection, name)
    value = secret_line(f"{name} of {connection}", stdin=stdin, no_input=no_input)
    (found,) = stored(loaded, connection, {name: value}, overlap=overlap, ends=ends)
    if as_json:
        document(facts(found))
    else:
        data(f"{name} of {connection} is stored and {found.state}")
    if not found.used:
        say(f"nothing uses it yet; in the configuration write: secret:{name}")
    elif found.state != "in use":
        say(f"see what comes of it: lockstep connection list, lockstep secret list {connection}")


@app.command("list")
def list_(
    connection: Annotated[str, typer.Argument(metavar="[CONNECTION]", help="Only this one's.")] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show which secrets are stored, whether a new value is being proved, and when they end. Never what they say."""
    from gateway.cli.store import configuration
    from gateway.work.secrets import list_secrets

    found = asked(configuration(config), lambda place, who: list_secrets(place, who, connection or None))
    if as_json:
        document([facts(each) for each in found])
        return
    table([_row(each) for each in found], COLUMNS)
    for each in found:
        if each.refused:
            say(f"{each.connection} {each.name}: the new value was refused: {each.refused}")


@app.command("remove")
def remove(
    connection: Connection,
    name: Name,
    yes: Yes = False,
    config: Config = DEFAULT_CONFIG,
    no_input: NoInput = False,
) -> None:
    """Forget a secret. A connection that signs in with it waits until it is set again; nothing is lost."""
    from gateway.cli.store import configuration
    from gateway.work.secrets import remove_secret

    loaded = configuration(config)
    make_sure(f"Forget {name} of {connection}?", yes=yes, no_input=no_input)
    if not asked(loaded, lambda place, who: remove_secret(place, who, connection, name)):
        raise Ending(Code.NOT_FOUND, f"there is no secret {name} of {connection}: lockstep secret list")
    data(f"{name} of {connection} is forgotten")


@app.command("rotate-key")
def rotate_key(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Put everything stored under the present master key (`secrets.key`), while the gateway runs.

    First name the new key as `secrets.key` and the old one under `secrets.former`, at every worker; afterwards the old
    one may go.
    """
    from gateway.cli.store import configuration
    from gateway.credentials.parts import vault_of
    from gateway.work.secrets import rotate_key as rotated

    loaded = configuration(config)
    vault = vault_of(loaded)
    found = asked(loaded, lambda place, who: rotated(place, who, vault))
    if as_json:
        document({"key": found.key, "values": found.values})
    else:
        data(f"everything is under the key {found.key}; {found.values} values were wrapped anew")


def stored(
    loaded: Loaded, connection: str, values: dict[str, str], *, overlap: str = "", ends: str = ""
) -> list[SecretView]:
    """The secrets after they were set together. Ends the command where that is not possible."""
    from gateway.cli.deciding import waiting_time
    from gateway.credentials.parts import vault_of
    from gateway.work.secrets import set_secrets

    overlap_s = waiting_time(overlap, "--overlap") if overlap else None
    ends_at = time_of(ends, "--ends") if ends else None
    vault = vault_of(loaded)
    found = asked(
        loaded,
        lambda place, who: set_secrets(place, who, vault, connection, values, overlap_s=overlap_s, ends_at=ends_at),
    )
    if found is None:
        raise no_connection(loaded, connection)
    return found


def no_connection(loaded: Loaded, connection: str) -> Ending:
    """Ends a command that named another connection."""
    known = ", ".join(sorted(loaded.connections))
    return Ending(Code.NOT_FOUND, f"there is no connection {connection}; the configuration has {known}")


def facts(found: SecretView) -> dict[str, Any]:
    """A secret for `--json`."""
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(found)
    return told


def _known(loaded: Loaded, connection: str, name: str) -> None:
    from gateway.config.secrets import SECRET_NAME

    if connection not in loaded.connections:
        raise no_connection(loaded, connection)
    if not SECRET_NAME.fullmatch(name):
        raise Ending(Code.WRONG_USE, f"{name} is no name of a secret; try password")


def _row(found: SecretView) -> dict[str, Any]:
    return {
        "connection": found.connection,
        "name": found.name,
        "state": found.state if found.used else f"{found.state}, not used",
        "set": moment(found.set_at),
        "by": found.set_by,
        "ends": moment(found.ends_at),
        "former until": moment(found.former_until),
    }
