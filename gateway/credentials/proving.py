"""Whether a new credential may take over: by a check of the connection with it, made before anything else uses it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from connectors.contract.values import Finding

Check = Callable[[], Awaitable[Sequence[Finding]]]


class Word(StrEnum):
    """What came of a proof."""

    GOOD = "good"
    REFUSED = "refused"  # the system does not take it: no use in trying it again
    LATER = "later"  # nobody can say now


class Verdict(NamedTuple):
    """The word, and what it rests on."""

    word: Word
    why: str = ""


async def proved(new: Check, present: Check) -> Verdict:
    """Good is what proves everything, or lets us in and proves all that the present one does: what is wrong with the
    system itself must not keep a new credential out, one with fewer rights must not come in.
    """
    found = await new()
    failed = [each for each in found if not each.ok]
    if not failed:
        return Verdict(Word.GOOD if found else Word.LATER)
    if any(each.refused for each in failed):
        return Verdict(Word.REFUSED, next(each.detail for each in failed if each.refused))
    why = f"{failed[0].proves}: {failed[0].detail}"
    if not found[0].ok:
        return Verdict(Word.LATER, why)
    before = {each.proves for each in await present() if not each.ok}
    lost = [each for each in failed if each.proves not in before]
    return Verdict(Word.LATER, f"{lost[0].proves}: {lost[0].detail}") if lost else Verdict(Word.GOOD)
