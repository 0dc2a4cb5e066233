"""`lockstep mapping`: what each system's objects are read and written through, and trying another version of it."""

from __future__ import annotations

import typer

from gateway.cli import mapping_backtest, mapping_listing, mapping_publishing, mapping_trying

app = typer.Typer(help="Mappings: what each system's objects are read and written through.", no_args_is_help=True)
app.command("list")(mapping_listing.list_)
app.command("versions")(mapping_trying.versions)
app.command("show")(mapping_trying.show)
app.command("diff")(mapping_trying.diff)
app.command("run")(mapping_trying.run)
app.command("test")(mapping_trying.run_tests)
app.command("backtest")(mapping_backtest.backtest)
app.command("publish")(mapping_publishing.publish)
app.command("approve")(mapping_publishing.approve)
