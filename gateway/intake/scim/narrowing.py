"""A SCIM filter, and what of it an index can answer: the look-ups that providers make before each push."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from scim2_models import Resource, ScimFilter
from scim2_models.path import CompareOperator, Comparison
from sqlalchemy import ColumnElement

from gateway.intake.scim.store import compared
from gateway.intake.scim.tables import scim_resource
from gateway.sync.bounds import digest

ID = 40


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A filter for one type of resource; None: all match."""

    filter: ScimFilter[Any] | None
    like: ColumnElement[bool] | None = None
    """Holds for every row that can match."""

    def matches(self, resource: Resource[Any]) -> bool:
        """Whether it does, wholly."""
        return self.filter is None or bool(self.filter.match(resource))


def narrowed(asked: ScimFilter[Any] | None, model: type[Resource[Any]]) -> Narrowed:
    """The filter, bound to the type that is looked through."""
    if asked is None:
        return Narrowed(None)
    bound = asked if asked.models else cast("ScimFilter[Any]", cast(Any, ScimFilter)[model](str(asked)))
    return Narrowed(bound, _like(bound, model))


def _like(bound: ScimFilter[Any], model: type[Resource[Any]]) -> ColumnElement[bool] | None:
    """Only of `attribute eq "text"`; a name stands in one column, whichever of the two it is."""
    node = bound.ast
    if not isinstance(node, Comparison) or node.op != CompareOperator.eq or not isinstance(node.value, str):
        return None
    row, path = scim_resource.c, str(node.attr_path).rpartition(":")[2].casefold()
    if path == "id":
        return row.id == digest(node.value, ID)
    if path == "externalid":
        return row.external_id == compared(node.value, exact=True)
    if path == "username" and "user_name" in model.model_fields:
        return row.name == compared(node.value)
    if path == "displayname" and "user_name" not in model.model_fields:
        return row.name == compared(node.value)
    return None
