"""`lockstep sandbox`: the local stand-ins, for trying connectors and mappings without the real systems."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.output import data, say

SYSTEMS = (
    "jira",
    "servicenow",
    "brambledesk",
    "gitlab",
    "bamboohr",
    "github",
    "salesforce",
    "jenkins",
    "scim",
    "hubspot",
)
"""As `connectors.sandbox` has them (a test compares): help must not wait for the stand-ins' server."""


def sandbox(
    system: Annotated[
        list[str] | None,
        typer.Argument(help=f"{', '.join(SYSTEMS)}; all of them if none is named.", show_default="all"),
    ] = None,
    directory: Annotated[
        Path, typer.Option("--data", envvar="LOCKSTEP_SANDBOX_DATA", help="Where their files are; made if absent.")
    ] = Path("sandbox"),
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, envvar="LOCKSTEP_SANDBOX_PORT", help="Of the first; the next ones follow. 0: free ones."
        ),
    ] = 0,
    hook: Annotated[
        str,
        typer.Option(
            envvar="LOCKSTEP_SANDBOX_HOOK",
            help="Where webhooks go; {system} stands for the name of each. /hooks/NAME takes the connection's name.",
            metavar="URL",
        ),
    ] = "",
    hook_secret: Annotated[
        str, typer.Option(envvar="LOCKSTEP_SANDBOX_HOOK_SECRET", help="Webhooks are signed with it.")
    ] = "",
    seed: Annotated[int, typer.Option(envvar="LOCKSTEP_SANDBOX_SEED", help="Of chance.")] = 0,
    time_scale: Annotated[
        float, typer.Option(envvar="LOCKSTEP_SANDBOX_TIME_SCALE", help="Factor on the vendors' waits.")
    ] = 1.0,
) -> None:
    """Run stand-ins for the systems that are named until interrupted.

    Prints one line `ready SYSTEM URL` for each on stdout. They speak the vendors' protocols; faults are switched under
    /_sandbox. How to sign in at each: docs/reference/sandbox.md.
    """
    import asyncio

    wanted = list(dict.fromkeys(system or SYSTEMS))
    unknown = [name for name in wanted if name not in SYSTEMS]
    if unknown:
        raise Ending(Code.WRONG_USE, f"no stand-in for {', '.join(unknown)}; there are {', '.join(SYSTEMS)}")
    _make(directory)
    options = {"hook_secret": hook_secret, "seed": seed, "time_scale": time_scale}
    places = {name: (directory / f"{name}.db", port + number if port else 0) for number, name in enumerate(wanted)}
    asyncio.run(_serve(places, hook, options))


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        said = error.strerror or type(error).__name__
        raise Ending(Code.FAILED, f"{directory} cannot be made: {said}; name another --data") from error


async def _serve(places: dict[str, tuple[Path, int]], hook: str, options: dict[str, object]) -> None:
    import asyncio
    import signal

    from connectors.sandbox import StandIn, start

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running: list[StandIn] = []
    try:
        for name, (file, port) in places.items():
            try:
                here = hook.replace("{system}", name)
                running.append(await start(name, data=file, port=port, hook=here, **options))  # type: ignore[arg-type]
            except OSError as error:
                raise Ending(Code.FAILED, f"{name}: {error}; name another --port") from error
            data(f"ready {name} {running[-1].url}")
        say("stop with Ctrl-C; what they acknowledged stays in their files")
        await stop.wait()
    finally:
        for stand_in in reversed(running):
            await stand_in.stop()
