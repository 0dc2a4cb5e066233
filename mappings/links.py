"""Fields of kind `record`: they name another record, each system by the id of its own object.

The canonical value is where the name was typed: `connection:object:id`. What another system calls that object only the
gateway knows; it binds a mapping to a connection and to what it knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from connectors.contract.errors import MappingError
from mappings.codec import Codec, Field, is_empty, same


class Awaited(MappingError):
    """The record that is named has no object here yet. It may come: this is no case until it was waited for."""


class Book(Protocol):
    """Who knows what an object of one system is called in another."""

    def there(self, name: str, connection: str, object: str) -> str | None:
        """The id in `connection` of the thing that is `name` (`connection:object:id`) elsewhere; None: none known."""
        ...


def named(connection: str, object: str, ext: Any) -> str:
    """The canonical value for an object of a system."""
    return f"{connection}:{object}:{ext}"


def record_codec(field: Field) -> Codec:
    """Unbound: ids as they are. A number is as good as its digits."""

    def show(ext: Any) -> Any:
        return None if is_empty(ext) else str(ext)

    def from_ext(ext: Any) -> Any:
        if isinstance(ext, (list, dict, bool)):
            raise field.refused(ext, ("the id of an object",))
        return field.emptied() if is_empty(ext) else str(ext)

    def to_ext(value: Any) -> Any:
        return None if is_empty(value) else str(value)

    return Codec(from_ext, to_ext, same, show)


def bind(codec: Codec, name: str, mapping: str, connection: str, object: str, book: Book) -> Codec:
    """The codec of one connection: names in canonical terms, ids outside. `to_ext` raises Awaited."""
    own = named(connection, object, "")
    plain: Callable[[Any], Any] = codec.from_ext

    def from_ext(ext: Any) -> Any:
        found = plain(ext)
        return None if found is None else f"{own}{found}"

    def to_ext(value: Any) -> Any:
        if is_empty(value):
            return None
        if str(value).startswith(own):
            return str(value).removeprefix(own)
        found = book.there(str(value), connection, object)
        if found is None:
            raise Awaited(name, value, valid=(f"a record that is in {connection} too",), mapping=mapping)
        return found

    return replace(codec, from_ext=from_ext, to_ext=to_ext)
