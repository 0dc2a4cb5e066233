"""`lockstep run`: the gateway itself."""

from __future__ import annotations

from gateway.cli.flags import DEFAULT_CONFIG, Config


def run(config: Config = DEFAULT_CONFIG) -> None:
    """Start the gateway and serve until stopped (Ctrl-C or SIGTERM).

    Every problem of the configuration is told at once, with line and column (exit code 11).
    """
    from gateway.app.run import serve
    from gateway.cli.store import configuration

    serve(configuration(config, judged=True))
