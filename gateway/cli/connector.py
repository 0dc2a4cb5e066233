"""`lockstep connector`: the connectors there are, their measured grades, the kit that measures them, their files."""

from __future__ import annotations

import typer

from gateway.cli import connector_file, connector_test

app = typer.Typer(
    help="Connectors: what there is, with measured grades, and files that describe a REST system.",
    no_args_is_help=True,
)
# One line a verb; each verb lives in a module of its own.
app.command("list")(connector_test.list_)
app.command("show")(connector_file.show)
app.command("init")(connector_file.init)
app.command("lint")(connector_file.lint)
app.command("test-file")(connector_file.run_tests)
app.command("test")(connector_test.measure)
app.command("schema")(connector_file.schema)
