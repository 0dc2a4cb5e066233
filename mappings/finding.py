r"""Finding references in a text, such as `OPS-12` in the message of a commit (ADR 0206). Pure.

A pattern is a small part of regular expressions that can only be matched in one way: characters, `[A-Z0-9]`, `\d`,
`\w`, how often (`+ * ? {2,5}`), and one group for the part that is the reference. Time grows with the length of the
text alone.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST = 100
"""Characters that one repeat takes at most: no key of any system is longer."""
TEXT = 100_000
"""Characters of a text that are looked through; what follows them is not."""
MOST = 50
"""References of one field, in the order of the text. Who names more of them says nothing about one."""

_DIGITS = frozenset(string.digits)
_WORD = frozenset(string.ascii_letters + string.digits + "_")
_ALNUM = frozenset(string.ascii_letters + string.digits)
_SETS = {"d": _DIGITS, "w": _WORD}
_TIMES = {"+": (1, LONGEST), "*": (0, LONGEST), "?": (0, 1)}
_COUNT = re.compile(r"\{(\d{1,3})(?:(,)(\d{1,3})?)?\}")
_UNUSED = ".^$|"
"""Signs of regular expressions that are not understood here; `\\.` is the plain dot."""


@dataclass(frozen=True, slots=True)
class _Atom:
    """One of these characters, so many times."""

    chars: frozenset[str]
    least: int = 1
    most: int = 1


def parse_pattern(text: str) -> re.Pattern[str]:
    """What finds one reference. Raises ValueError with a reason fit to show, and `; try` a way out."""
    atoms, group = _parsed(text)
    if not any(atom.least for atom in atoms):
        raise ValueError("this pattern finds nothing at all; try '[A-Z][A-Z0-9]+-\\d+'")
    for index, atom in enumerate(atoms):
        if atom.least < atom.most and (shared := atom.chars & _next(atoms[index + 1 :])):
            raise ValueError(
                f"where a repeat ends is not clear: '{min(shared)}' may belong to it or to what follows; "
                "try a repeat without it, or leaving out what stands around the reference"
            )
    parts = [f"{_class(atom.chars)}{{{atom.least},{atom.most}}}+" for atom in atoms]
    if group is not None:
        parts[group[0]] = f"({parts[group[0]]}"
        parts[group[1]] = f"{parts[group[1]]})"
    before = "(?<![A-Za-z0-9])" if atoms[0].chars & _ALNUM else ""
    after = "(?![A-Za-z0-9])" if atoms[-1].chars & _ALNUM else ""
    return re.compile(before + "".join(parts) + after)


def finder(patterns: Sequence[str]) -> Callable[[Any], list[str]]:
    """A function that gives the references in a text or in a list of texts, sorted; nothing in what is neither."""
    compiled = [parse_pattern(each) for each in patterns]

    def find(shown: Any) -> list[str]:
        texts = shown if isinstance(shown, (list, tuple)) else [shown]
        found: dict[str, None] = {}
        for text in texts:
            if isinstance(text, str):
                found.update(dict.fromkeys(_found(compiled, text[:TEXT])))
        return sorted(list(found)[:MOST])

    return find


def joined(before: Any, found: list[str]) -> list[str]:
    """References of one more place."""
    return sorted({*(before or ()), *found})[:MOST]


def _found(patterns: Sequence[re.Pattern[str]], text: str) -> Iterator[str]:
    places = [(match.start(), match) for pattern in patterns for match in pattern.finditer(text)]
    for _, match in sorted(places, key=lambda each: each[0]):
        yield match.group(match.re.groups)


def _next(atoms: Sequence[_Atom]) -> frozenset[str]:
    """The characters with which the rest can begin."""
    chars: frozenset[str] = frozenset()
    for atom in atoms:
        chars |= atom.chars
        if atom.least:
            break
    return chars


def _class(chars: frozenset[str]) -> str:
    return "[" + "".join(re.escape(each) for each in sorted(chars)) + "]"


def _parsed(text: str) -> tuple[list[_Atom], tuple[int, int] | None]:
    """The atoms, and the first and last one of the group."""
    atoms: list[_Atom] = []
    opened = closed = None
    at = 0
    while at < len(text):
        sign = text[at]
        if sign == "(":
            if opened is not None:
                raise ValueError("a pattern has one group, for the part that is the reference; try two patterns")
            opened, at = len(atoms), at + 1
        elif sign == ")":
            if opened is None or closed is not None or opened == len(atoms):
                raise ValueError("this ')' closes nothing; try '\\)' for the plain sign")
            closed, at = len(atoms) - 1, at + 1
            if text[at : at + 1] in {*_TIMES, "{"}:
                raise ValueError("a group is not repeated; try the repeat inside it")
        else:
            chars, at = _chars(text, at)
            least, most, at = _times(text, at)
            atoms.append(_Atom(chars, least, most))
    if not atoms:
        raise ValueError("this pattern is empty; try '[A-Z][A-Z0-9]+-\\d+'")
    if (opened is None) != (closed is None):
        raise ValueError("this group is not closed; try ')' behind it")
    return atoms, None if opened is None or closed is None else (opened, closed)


def _chars(text: str, at: int) -> tuple[frozenset[str], int]:
    sign = text[at]
    if sign == "[":
        return _among(text, at + 1)
    if sign == "\\":
        return _escaped(text, at)
    if sign in _UNUSED:
        raise ValueError(f"'{sign}' is not understood here; try '\\{sign}' for the plain sign, or two patterns")
    if sign in {*_TIMES, "{", "}", "]"}:
        raise ValueError(f"there is nothing before '{sign}' that it could be about; try '\\{sign}' for the plain sign")
    return _plain(sign), at + 1


def _escaped(text: str, at: int) -> tuple[frozenset[str], int]:
    sign = text[at + 1 : at + 2]
    if sign in _SETS:
        return _SETS[sign], at + 2
    if not sign or sign.isalnum():
        raise ValueError(f"'\\{sign}' is not understood here; try '\\d' for digits, '\\w' for letters and digits")
    return _plain(sign), at + 2


def _plain(sign: str) -> frozenset[str]:
    if not (sign.isascii() and sign.isprintable()):
        raise ValueError(f"'{sign}' is not a sign that keys have; try letters, digits and punctuation")
    return frozenset(sign)


def _among(text: str, at: int) -> tuple[frozenset[str], int]:
    """Behind `[`."""
    if text[at : at + 1] == "^":
        raise ValueError("'[^' is not understood here; try the characters that a reference has")
    chars: frozenset[str] = frozenset()
    while text[at : at + 1] != "]":
        if at >= len(text):
            raise ValueError("this '[' is not closed; try ']' behind it")
        one, at = _escaped(text, at) if text[at] == "\\" else (_plain(text[at]), at + 1)
        if text[at : at + 1] == "-" and text[at + 1 : at + 2] not in ("]", ""):
            last, at = _escaped(text, at + 1) if text[at + 1] == "\\" else (_plain(text[at + 1]), at + 2)
            one = _range(one, last)
        chars |= one
    if not chars:
        raise ValueError("there is nothing between '[' and ']'; try '[A-Z]'")
    return chars, at + 1


def _range(first: frozenset[str], last: frozenset[str]) -> frozenset[str]:
    if len(first) != 1 or len(last) != 1 or min(first) > min(last):
        raise ValueError("this range goes from nowhere to nowhere; try '[A-Z]'")
    return frozenset(map(chr, range(ord(min(first)), ord(min(last)) + 1)))


def _times(text: str, at: int) -> tuple[int, int, int]:
    sign = text[at : at + 1]
    least, most = _TIMES.get(sign, (1, 1))
    at += sign in _TIMES and sign != ""
    if sign == "{":
        count = _COUNT.match(text, at)
        if count is None:
            raise ValueError("'{' says how often; try '{7}' or '{2,10}'")
        least, at = int(count[1]), count.end()
        most = int(count[3]) if count[3] else LONGEST if count[2] else least
        if not 0 < most <= LONGEST or least > most:
            raise ValueError(f"a repeat is between 1 and {LONGEST} long; try '{{2,10}}'")
    if text[at : at + 1] in {*_TIMES, "{"} and (sign in _TIMES or sign == "{"):
        raise ValueError("a repeat is not repeated; try '+' alone")
    return least, most, at
