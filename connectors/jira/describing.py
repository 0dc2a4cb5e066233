"""What the site says of its fields: `GET /field`, and the lists behind priority, status and resolution
(facts.md 2.3 [OAS-JIRA]). Options of custom fields need an administrator and are not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.fields import FieldInfo
from connectors.jira import answers
from connectors.rest import RestClient

LISTS = ("priority", "status", "resolution")
"""Fields whose options have a resource of that name."""


async def describe(client: RestClient) -> Sequence[FieldInfo]:
    """The fields by id; options by name, as mappings write them, with their ids as the other spelling."""
    rows = (await client.read("/rest/api/3/field", sound=answers.a_list)).data
    options = {name: (await client.read(f"/rest/api/3/{name}", sound=answers.a_list)).data for name in LISTS}
    found = [_field(row, options.get(str(row.get("id")), ())) for row in rows if row.get("id")]
    return sorted(found, key=lambda each: each.name)


def _field(row: Mapping[str, Any], options: Sequence[Mapping[str, Any]]) -> FieldInfo:
    schema = row.get("schema") or {}
    kind = str(schema.get("type", ""))
    named = {str(each.get("name", "")): str(each.get("id", "")) for each in options if each.get("name")}
    return FieldInfo(
        name=str(row["id"]),
        kind=f"{kind} of {schema['items']}" if schema.get("items") else kind,
        label=str(row.get("name", "")),
        options=tuple(named),
        labels=tuple(named.values()),
    )
