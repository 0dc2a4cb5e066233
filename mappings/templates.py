"""Filling `${name}` and `${name|default}` into text. No expressions and no look-ups; `$${` is a plain `${`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PART = re.compile(r"\$\$\{|\$\{([^{}|]*)(?:\|([^{}]*))?\}|\$\{")


@dataclass(frozen=True, slots=True)
class Slot:
    """A place to fill. `default` is used where the value is empty."""

    name: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: texts and slots in turn."""

    parts: tuple[str | Slot, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts if isinstance(part, Slot))

    def fill(self, value_of: Callable[[str], Any]) -> Any:
        """The filled text. A template that is nothing but a slot gives the value itself, of any type; None if empty."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Slot):
            return _filled(self.parts[0], value_of)
        texts = (part if isinstance(part, str) else _filled(part, value_of) for part in self.parts)
        return "".join(_as_text(text) for text in texts)


def _as_text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _filled(slot: Slot, value_of: Callable[[str], Any]) -> Any:
    value = value_of(slot.name)
    return slot.default if value is None or value in ("", []) else value


def parse_template(text: str) -> Template:
    """Raises ValueError with a reason fit to show."""
    parts: list[str | Slot] = []
    at = 0
    for match in _PART.finditer(text):
        _add_text(parts, text[at : match.start()])
        at = match.end()
        if match.group() == "$${":
            _add_text(parts, "${")
        elif match.group(1) is None:
            raise ValueError("'${' is not closed; try '${field}', or '$${' for the plain characters")
        elif not re.fullmatch(r"[a-z][a-z0-9_]*", match.group(1)):
            raise ValueError(f"'{match.group(1)}' is not a field name; try '${{field}}' or '${{field|default}}'")
        else:
            parts.append(Slot(match.group(1), match.group(2)))
    _add_text(parts, text[at:])
    return Template(tuple(parts))


def _add_text(parts: list[str | Slot], text: str) -> None:
    if not text:
        return
    if parts and isinstance(parts[-1], str):
        parts[-1] += text
    else:
        parts.append(text)
