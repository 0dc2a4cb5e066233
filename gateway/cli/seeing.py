"""What both sides show now, read through the connectors and told side by side. Sends nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from gateway.cli.output import cell, data, moment, table, told

if TYPE_CHECKING:
    from connectors.contract.connector import Connector
    from gateway.config import Config

Facts = dict[str, Any]


@asynccontextmanager
async def connectors_for(config: Config) -> AsyncIterator[Mapping[str, Connector]]:
    """The configured connectors, closed afterwards."""
    from gateway.app.once import connectors_once

    async with connectors_once(config) as made:
        yield made


def tell_case_look(found: Facts) -> None:
    """A look at a case in words."""
    data(f"{found['number']} is {found['state']} (version {found['version']})")
    if found.get("check"):
        table(found["check"], ("proves", "ok", "detail"))
    if found["sides"] is None:
        return
    tell_sides(found["sides"])
    if sent := found["sides"].get("sent"):
        _tell_sent(sent, in_doubt=found["in_doubt"])


def tell_sides(found: Facts) -> None:
    """A record field by field, `=` where a system shows what the record holds."""
    members: dict[str, Facts] = found["members"]
    for name, one in members.items():
        state = "read now" if one["exists"] else f"could not be read: {one['error']}"
        told(f"{name} {one['key'] or one['id'] or '-'}  {state}")
    rows = [_row(field, members) for field in found["fields"]]
    table(rows, ("field", "record", "from", *members))
    data("Both sides agree with the record." if found["agree"] else "Not everything agrees.")


def _row(field: Facts, members: Mapping[str, Facts]) -> Facts:
    row = {"field": field["field"], "record": field["value"], "from": field["from"]}
    for name in members:
        side = field["systems"].get(name)
        row[name] = "-" if side is None else "=" if side["agrees"] else cell(side["shows"])
    return row


def _tell_sent(sent: Facts, *, in_doubt: bool) -> None:
    what = "In doubt" if in_doubt else "Not taken"
    told(f"{what}: {sent['kind']} sent to {sent['connection']} at {moment(sent['at'])}")
    for one in sent["fields"]:
        verdict = "it shows that" if one["there"] else f"it shows {cell(one['shows'])}"
        told(f"{one['field']}: sent {cell(one['sent'])}, {verdict}", indent=2)
    if sent["comment"]:
        told(f"comment: {sent['comment']}", indent=2)
    if sent["objects"] is not None:
        told(f"objects there with our marker: {', '.join(sent['objects']) or 'none'}", indent=2)
    if sent.get("error"):
        told(f"could not be searched: {sent['error']}", indent=2)
