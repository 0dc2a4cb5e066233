"""The `lockstep` command, and what happens to errors. Commands import what they need when they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from gateway.cli.exits import Code, Ending
from gateway.cli.nouns import app_of, typed
from gateway.cli.output import say
from gateway.cli.wishes import Wishes, keep


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits the process with a code of `exits.Code`."""
    words = tuple(sys.argv[1:] if arguments is None else arguments)
    keep(Wishes(words=words))
    try:
        app_of(typed(words))(args=arguments, prog_name="lockstep")
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
