"""What the conversions of every kind of field share: their shape, and how they refuse and what empty means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.contract.errors import MappingError
from mappings.model import FieldModel, TypeField

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Codec:
    """The conversions of one field, pure. None is "empty" on both sides, for every kind but `set`, where it is `[]`.

    `norm` gives what the system will show; `show` brings what was read into the one spelling that an Ext has (None:
    there is only one).
    """

    from_ext: Convert
    to_ext: Convert
    norm: Convert
    show: Convert | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """The field that a codec is built for."""

    mapping: str
    name: str
    rule: FieldModel
    type_field: TypeField

    def refused(self, value: Any, valid: tuple[Any, ...] = ()) -> MappingError:
        """The error that makes a value a case."""
        return MappingError(self.name, value, valid=valid, mapping=self.mapping)

    def emptied(self) -> Any:
        """The canonical value for an empty external one. Raises MappingError where the type requires a value."""
        if self.rule.empty is not None:
            return self.rule.empty
        if self.type_field.required:
            raise self.refused(None)
        return None


def is_empty(value: Any) -> bool:
    """Whether this is no value at all: zero and false are values."""
    return value is None or (isinstance(value, str) and not value)


def same(ext: Any) -> Any:
    """No conversion."""
    return ext
