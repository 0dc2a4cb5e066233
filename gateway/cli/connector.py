"""`lockstep connector`: the connectors there are, their measured grades, and the kit that measures them."""

from __future__ import annotations

import typer

from gateway.cli import connector_test

app = typer.Typer(
    help="Connectors: what there is, with which grades, and the kit that measures them.", no_args_is_help=True
)
# One line a verb; each verb lives in a module of its own.
app.command("list")(connector_test.list_)
app.command("test")(connector_test.measure)
