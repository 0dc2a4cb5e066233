"""`lockstep mapping list`: what each system's objects are read and written through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.output import document, say, table

if TYPE_CHECKING:
    from gateway.work.mapping_views import MappingView

COLUMNS = ("flow", "connection", "object", "mapping", "version", "fields", "digest")


def list_(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show which mapping, in which version, each flow reads and writes each system through."""
    import msgspec

    found = asked(config, lambda gateway: gateway.mappings.list_mappings())
    if as_json:
        document(msgspec.to_builtins(found))
        return
    table([_row(each) for each in found], COLUMNS)
    if not found:
        say("the configuration has no flows")


def _row(each: MappingView) -> dict[str, Any]:
    return {
        "flow": each.flow,
        "connection": each.connection,
        "object": each.object,
        "mapping": each.name,
        "version": each.version,
        "fields": len(each.fields),
        "digest": each.digest[:12],
    }
