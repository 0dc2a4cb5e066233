"""Problems in files that people write: one line each, with a place and a way out. Also used by the configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 300
"""Characters that are shown of a sentence and of its hint, values of the file among them."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, at `line` and `col` (from 1) of `file`. `hint` completes the sentence "try ..."."""

    file: str
    line: int
    col: int
    rule: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        way_out = f"; try {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}:{self.col}: error[{self.rule}]: {_one_line(self.text)}{_one_line(way_out)}"


def _one_line(text: str) -> str:
    """Editors and scripts read a problem as one line. What would break it, or move a cursor, is shown escaped, and of
    a long value only the ends are: what is said about it stands behind it.
    """
    shown = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST // 2]}...{shown[-LONGEST // 2 :]}"


def nearest(word: object, known: Iterable[object]) -> str:
    """The known word that was probably meant, quoted; without a likely one, the choice if it is short, else nothing."""
    words = [str(each) for each in known]
    folded = {each.lower(): each for each in reversed(words)}
    close = difflib.get_close_matches(str(word).lower(), list(folded), n=1, cutoff=0.6)
    if close:
        return f"'{folded[close[0]]}'"
    return one_of(words) if 0 < len(words) <= 12 else ""


def one_of(known: Iterable[object]) -> str:
    """The choice as a phrase: `one of: a, b, c`."""
    words = [str(each) for each in known]
    return words[0] if len(words) == 1 else f"one of: {', '.join(words)}"
