"""Rule 20: comments and files. An item is known by where it was typed; each member gets one copy, with a marker."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from connectors.contract.errors import MappingError
from connectors.contract.values import ATTACHMENT, Item
from gateway.sync.state import LinkState, PendingItem
from gateway.sync.unit import Unit

COMMENT = "comment"


def see_items(unit: Unit, connection: str, items: Iterable[Item] | None) -> None:
    """New items become pending for every other member; our own copies are recognised by marker or by id."""
    for item in items or ():
        if item.origin is not None:
            copied(unit, connection, item.origin, item.id)
        elif not _known(unit, connection, item):
            _new(unit, connection, item)


def origin_of(connection: str, item: Item) -> str:
    """The identity of an item: where it was typed, or for a copy, where its original was."""
    return item.origin or f"{connection}:{item.id}"


def copied(unit: Unit, connection: str, origin: str, item_id: str) -> None:
    """A copy stands in this member."""
    held = unit.held(connection)
    unit.items.copies.setdefault(origin, {})
    if connection not in unit.items.copies[origin]:
        unit.items.copies[origin][connection] = item_id
        unit.effects.copies.append({"origin": origin, "connection": connection, "item_id": item_id})
    for pending in held.items:
        if pending.origin == origin:
            unit.moot(pending.held, "the comment was found in the target")
            unit.worked(pending.asked)
    held.items = [pending for pending in held.items if pending.origin != origin]


def _known(unit: Unit, connection: str, item: Item) -> bool:
    origin = f"{connection}:{item.id}"
    return origin in unit.items.origins or (connection, item.id) in unit.items.copy_ids


def _new(unit: Unit, connection: str, item: Item) -> None:
    origin = f"{connection}:{item.id}"
    unit.items.origins.add(origin)
    unit.effects.items.append({"origin": origin, "record": unit.state.id, "at": unit.now})
    source = unit.member(connection)
    rule = source.mapping.items
    kind = _crossing(unit, connection, rule.kind_in if rule else None, item.kind)
    if kind is None:
        return
    label = source.label or connection
    pending = PendingItem(origin, kind, item.body, item.author, item.at, label=label, file=item.file)
    _spread(unit, pending, connection)


def said(unit: Unit, item: PendingItem) -> None:
    """A comment that was typed nowhere: every member gets its copy, once."""
    if item.origin in unit.items.origins:
        return
    unit.items.origins.add(item.origin)
    unit.effects.items.append({"origin": item.origin, "record": unit.state.id, "at": unit.now})
    _spread(unit, item, "")


def _spread(unit: Unit, item: PendingItem, typed_in: str) -> None:
    for other, member in unit.flow.members.items():
        held = unit.held(other)
        if other == typed_in or held.link is LinkState.GONE or member.mapping.items is None or not member.spec.items:
            continue
        outward = _crossing(unit, other, member.mapping.items.kind_out, item.kind)
        if outward == ATTACHMENT and not (item.file and member.spec.files and item.file.size <= member.spec.files):
            outward = _crossing(unit, other, member.mapping.items.kind_out, COMMENT)  # in words, with a link
        if outward is not None:
            file = item.file if outward == ATTACHMENT else None
            held.items.append(msgspec.structs.replace(item, kind=outward, file=file))


def _crossing(unit: Unit, connection: str, rule: Callable[[str], str | None] | None, kind: str) -> str | None:
    """The kind on the other side, None where it stays; a kind the mapping does not know becomes a case."""
    if rule is None:
        return None
    try:
        return rule(kind)
    except MappingError as error:
        unit.case(
            "mapping", "value.unknown", str(error), connection=connection, name="comments", evidence={"kind": kind}
        )
        return None
