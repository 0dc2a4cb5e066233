"""`${name}` in texts: what may be filled in where, and how. It fills whole values, texts and parts of a path or query;
in an address every value is percent-encoded, so that none can name another host or another path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from connectors.contract.errors import Refused

_SLOT = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[A-Za-z_][\w-]*)*")
Values = Mapping[str, Any]
"""Root name -> value; what follows a dot is looked up in it."""


class Slot(NamedTuple):
    """One `${a.b}`."""

    names: tuple[str, ...]

    def of(self, values: Values) -> Any:
        """The value. Raises Refused if there is none: nothing is sent with a hole in it."""
        at: Any = values
        for name in self.names:
            if not isinstance(at, Mapping) or name not in at:
                raise Refused(f"there is no value for ${{{'.'.join(self.names)}}}")
            at = at[name]
        return at


class Template(NamedTuple):
    """A text cut at its slots."""

    parts: tuple[str | Slot, ...]

    @property
    def slots(self) -> list[Slot]:
        """The slots, in order."""
        return [each for each in self.parts if isinstance(each, Slot)]

    @property
    def whole(self) -> Slot | None:
        """The slot, if the text is nothing but one."""
        return self.slots[0] if len(self.parts) == 1 and self.slots else None


@lru_cache(maxsize=4096)
def parse(text: str) -> Template:
    """Raises ValueError with a reason fit to show. `$${` stands for `${`."""
    parts: list[str | Slot] = []
    end = 0
    for match in _SLOT.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match.group() == "$${":
            parts.append("${")
        elif match.group(1) is None or not _NAME.fullmatch(match.group(1)):
            raise ValueError(
                f"'{text[match.start() : match.start() + 30]}' is not a slot; try ${{name}} or ${{name.part}}"
            )
        else:
            parts.append(Slot(tuple(match.group(1).split("."))))
    parts.append(text[end:])
    return Template(tuple(each for each in parts if each != ""))


def texts_in(body: Any) -> Iterator[str]:
    """Every text of a document, keys left out."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, Mapping):
        for each in body.values():
            yield from texts_in(each)
    elif isinstance(body, list):
        for each in body:
            yield from texts_in(each)


def as_text(value: Any) -> str:
    """A value inside a text. Raises Refused for a block or a list, which have no one spelling."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    raise Refused("a block or a list cannot stand inside a text")


def fill_text(text: str, values: Values) -> str:
    """A text with its slots filled in."""
    return "".join(each if isinstance(each, str) else as_text(each.of(values)) for each in parse(text).parts)


def fill_query(text: str, values: Values, quotes: str = "refuse") -> str:
    """As `fill_text`, for a text in which a system may see a language (SOQL, JQL, OData): a value that stands between
    quotation marks cannot end the quotation. `quotes`: how its own are written, `backslash` or `doubled`; else Raises
    Refused for them.
    """
    parts = parse(text).parts
    filled = [each if isinstance(each, str) else as_text(each.of(values)) for each in parts]
    for at, slot in enumerate(parts[1:-1], start=1):
        mark = _quoting(parts[at - 1], parts[at + 1])
        if isinstance(slot, Slot) and mark:
            filled[at] = _quoted(filled[at], mark, quotes, slot)
    return "".join(filled)


def _quoting(before: str | Slot, after: str | Slot) -> str:
    """The quotation mark on both sides."""
    between = isinstance(before, str) and isinstance(after, str) and before[-1] == after[0] and before[-1] in _QUOTES
    return before[-1] if between and isinstance(before, str) else ""


def _quoted(value: str, mark: str, quotes: str, slot: Slot) -> str:
    if quotes == "backslash":
        return re.sub(r"([\\'\"])", r"\\\1", value)
    if quotes == "doubled":
        return value.replace(mark, mark * 2)
    if {mark, "\\"} & set(value):
        raise Refused(f"the value of ${{{'.'.join(slot.names)}}} would end the quotation that it stands in")
    return value


_QUOTES = "'\""


def fill_header(text: str, values: Values) -> str:
    """As `fill_text`. Raises Refused for what could end a header."""
    filled = fill_text(text, values)
    if any(sign in filled for sign in "\r\n\0"):
        raise Refused("a header cannot hold a line break")
    return filled


class SeveralSegments(str):
    """A text whose slashes part it, in an address too. Whoever makes one has seen that no part is empty or dots."""

    __slots__ = ()


def _encoded(value: Any) -> str:
    return quote(as_text(value), safe="/" if isinstance(value, SeveralSegments) else "")


def _place(value: Any) -> str:
    """What stands for a value in the address as written."""
    return _encoded(value) if isinstance(value, SeveralSegments) else "\0"


def fill_address(text: str, values: Values) -> str:
    """A path, perhaps with a query, each value percent-encoded. Raises Refused where a value would leave a segment of
    the path empty, or make it `.` or `..`, which servers and proxies take for a way to somewhere else.
    """
    parts = parse(text).parts
    filled = "".join(each if isinstance(each, str) else _encoded(each.of(values)) for each in parts)
    # An encoded value holds no slash, but for those that were seen to be whole: so the segments stand opposite each
    # other.
    written = "".join(each if isinstance(each, str) else _place(each.of(values)) for each in parts)
    segments = zip(written.partition("?")[0].split("/"), filled.partition("?")[0].split("/"), strict=True)
    if any(now in ("", ".", "..") and now != written for written, now in segments):
        raise Refused(f"a value does not fit into the address {text}")
    return filled


def fill_body(body: Any, values: Values) -> Any:
    """A document with its slots filled in; a text that is one slot becomes the value itself."""
    if isinstance(body, str):
        whole = parse(body).whole
        return fill_text(body, values) if whole is None else whole.of(values)
    if isinstance(body, Mapping):
        return {key: fill_body(each, values) for key, each in body.items()}
    if isinstance(body, list):
        return [fill_body(each, values) for each in body]
    return body
