"""The `lockstep` command: its nouns, and what happens to errors. Commands import what they need when they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from gateway.cli import (
    audit,
    case,
    check,
    connection,
    connector,
    console,
    demo,
    everywhere,
    login,
    mapping,
    notification,
    now,
    reconcile,
    record,
    replay,
    run,
    sandbox,
    secret,
    token,
    topics,
    user,
    version,
    whoami,
)
from gateway.cli.exits import Code, Ending
from gateway.cli.output import say
from gateway.cli.wishes import Wishes, keep, wishes

app = typer.Typer(
    name="lockstep",
    help="Keeps records that live in several systems in step: in order, once in effect, through outages.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `lockstep demo`. Exit codes: `lockstep help exit-codes`.",
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("check")(check.check)
app.command("now")(now.now)
app.add_typer(record.app, name="record")
app.add_typer(record.app, name="records", hidden=True)
app.add_typer(case.app, name="case")
app.add_typer(case.app, name="cases", hidden=True)
app.add_typer(connection.app, name="connection")
app.add_typer(connection.app, name="connections", hidden=True)
app.add_typer(connector.app, name="connector")
app.add_typer(connector.app, name="connectors", hidden=True)
app.add_typer(replay.app, name="replay")
app.add_typer(replay.app, name="replays", hidden=True)
app.add_typer(mapping.app, name="mapping")
app.add_typer(mapping.app, name="mappings", hidden=True)
app.add_typer(audit.app, name="audit")
app.command("reconcile")(reconcile.reconcile)
app.command("sandbox")(sandbox.sandbox)
app.add_typer(user.app, name="user")
app.add_typer(user.app, name="users", hidden=True)
app.add_typer(token.app, name="token")
app.add_typer(token.app, name="tokens", hidden=True)
app.add_typer(secret.app, name="secret")
app.add_typer(secret.app, name="secrets", hidden=True)
app.add_typer(notification.app, name="notification")
app.add_typer(notification.app, name="notifications", hidden=True)
app.command("console")(console.console)
app.command("login")(login.login)
app.command("whoami")(whoami.whoami)
app.command("version")(version.version)
app.add_typer(topics.app, name="help")
everywhere.give(app)


@app.callback()
def _everywhere(
    no_color: Annotated[
        bool, typer.Option("--no-color", envvar="LOCKSTEP_NO_COLOR", help="No colour, as with NO_COLOR=1.")
    ] = False,
    url: everywhere.Url = "",
    ca_file: everywhere.CaFile = None,
) -> None:
    if no_color:
        os.environ["NO_COLOR"] = "1"
    keep(replace(wishes(), url=url, ca_file=ca_file))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits the process with a code of `exits.Code`."""
    keep(Wishes(words=tuple(sys.argv[1:] if arguments is None else arguments)))
    try:
        app(args=arguments, prog_name="lockstep")
    except Ending as ending:
        if ending.message:
            say(ending.message)
        sys.exit(ending.code)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(Code.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Code.FAILED)
    except Exception as error:  # noqa: BLE001 - the edge of the program: what is ours is told, the rest is a defect
        sys.exit(_told(error))


def _told(error: Exception) -> Code:
    from connectors.contract.errors import ConfigError, LockstepError, StorageError

    ours = [one for one in _leaves(error) if isinstance(one, LockstepError | Ending)]
    if not ours:
        raise error
    for one in ours:
        say(str(one))
    first = ours[0]
    if isinstance(first, Ending):
        return first.code
    if isinstance(first, ConfigError):
        return Code.CONFIG_INVALID
    return Code.NOT_REACHABLE if isinstance(first, StorageError) else Code.FAILED


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside groups of errors."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error


if __name__ == "__main__":
    main()
