"""What the events of one feed prove, and which are missing, doubled, altered, foreign or out of order.

The feed is walked from its end to its beginning: an event that a later one has shown to be true says by its `previous`
what the one before it must be. A signature that verifies shows its event to be true, and so all before it.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from bisect import bisect_left
from hashlib import sha256
from typing import TYPE_CHECKING, Callable, NamedTuple  # noqa: UP035 - `Verifies` is evaluated, and 3.8 is 3.8

from gateway.siem.verifier.chain import HEARTBEAT, SEGMENT, digest_of_range, signed_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.siem.verifier.parsing import Line

Verifies = Callable[[bytes, bytes, bytes], bool]
"""Public key, message, signature."""


class Finding(NamedTuple):
    """One range of a feed and what is wrong with it."""

    what: str
    """missing, altered, foreign, reordered, doubled, signature."""
    first: int
    last: int
    why: str = ""
    where: tuple[tuple[int, int], ...] = ()
    """File and line of the first few."""


class Verdict(NamedTuple):
    """What is known of one feed."""

    sink: str
    events: int
    first: int
    last: int
    findings: list[Finding]
    proved: list[tuple[int, int]]
    """Ranges that a signature shows to be complete and unaltered."""
    chained: list[tuple[int, int]]
    """Ranges that are complete and hold together, whether signed or not."""
    heartbeat_ms: int
    """Of the newest heartbeat that is there; 0: none."""
    heartbeat: int
    """Its number."""

    @property
    def proved_to(self) -> int:
        """From its beginning up to here the feed is proved; 0: not at all."""
        return next((last for first, last in self.proved if first <= self.first <= last), 0)


class Keys:
    """Public keys that signatures are checked with."""

    def __init__(self, keys: Iterable[bytes], verifies: Verifies) -> None:
        self._keys = {sha256(key).hexdigest(): key for key in keys}
        self._verifies = verifies

    def __bool__(self) -> bool:
        return bool(self._keys)

    def why_not(self, line: Line) -> str:
        """Empty if the signature of this heartbeat or summary is true."""
        key = self._keys.get(str(line.detail.get("key")))
        if key is None:
            return f"signed by another key ({str(line.detail.get('key'))[:16]})"
        try:
            signature = b64decode(str(line.detail.get("signature")), validate=True)
        except (NotBase64, ValueError):
            return "its signature is none"
        text = signed_text(line.kind, line.sink, line.number, line.previous, line.at_ms, line.detail)
        return "" if self._verifies(key, text, signature) else "its signature is not of this event"


class Bounds(NamedTuple):
    """Where the feed should begin and end, if the reader knows it."""

    first: int = 1
    last: int = 0


def judged(lines: Iterable[Line], keys: Keys, bounds: Bounds = Bounds()) -> list[Verdict]:  # noqa: B008 - it is a tuple
    """One verdict for each feed, by name."""
    feeds: dict[str, _Feed] = {}
    unsound = []
    for line in lines:
        if line.sound and line.number > 0:
            feeds.setdefault(line.sink, _Feed(line.sink)).add(line)
        else:
            unsound.append(line)
    for line in unsound:
        if line.sink not in feeds and not any(feed.place_of(line) for feed in feeds.values()):
            feeds[line.sink] = _Feed(line.sink)
    for feed in feeds.values():
        feed.walk(keys)
    for line in unsound:
        owner = next((feed for feed in feeds.values() if feed.place_of(line)), None) or feeds.get(line.sink)
        if owner is not None:
            owner.altered.append((owner.place_of(line) or line.number, line))
    return [feeds[sink].verdict(keys, bounds) for sink in sorted(feeds)]


class _Feed:
    """The sound events of one feed, by number."""

    def __init__(self, sink: str) -> None:
        self.sink = sink
        self.altered: list[tuple[int, Line]] = []
        self._found: dict[int, list[Line]] = {}
        self._true: dict[int, Line] = {}
        self._foreign: list[tuple[Line, str]] = []
        self._after: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._signatures: list[Finding] = []
        self._proved: list[tuple[int, int]] = []

    def add(self, line: Line) -> None:
        self._found.setdefault(line.number, []).append(line)
        self._after[line.digest] = line.number + 1
        self._before[line.previous] = line.number - 1

    def place_of(self, line: Line) -> int:
        """Which number an altered event has in truth, by what it links to; 0 if that does not tell."""
        for place in (self._before.get(line.digest, 0), self._after.get(line.previous, 0)):
            if place > 0 and place not in self._found:
                return place
        return 0

    def walk(self, keys: Keys) -> None:
        """Chooses the true event for every number, the newest first."""
        later: Line | None = None
        held = False
        for number in sorted(self._found, reverse=True):
            if later is not None and later.number != number + 1:
                later, held = None, False
            chosen = self._chosen(number, later)
            if chosen is None and later is not None and not held and self._fits_before(number):
                self._reject(later, "it does not link to the event before it")
                del self._true[later.number]
                later, chosen = None, self._chosen(number, None)
            for line in {each.digest: each for each in self._found[number]}.values():
                if chosen is None or line.digest != chosen.digest:
                    self._reject(line, self._why(line, chosen))
            held = chosen is not None and (held or later is not None or (bool(keys) and _is_signed(chosen, keys)))
            if chosen is not None:
                self._true[number] = chosen
            later = chosen

    def _chosen(self, number: int, later: Line | None) -> Line | None:
        lines = self._found[number]
        if later is not None:
            return next((line for line in lines if line.digest == later.previous), None)
        before = {line.digest for line in self._found.get(number - 1, ())}
        return next((line for line in lines if line.previous in before), lines[0])

    def _fits_before(self, number: int) -> bool:
        before = {line.digest for line in self._found.get(number - 1, ())}
        return any(line.previous in before for line in self._found[number])

    def _reject(self, line: Line, why: str) -> None:
        self._foreign.append((line, why))

    @staticmethod
    def _why(line: Line, chosen: Line | None) -> str:
        if chosen is None:
            return "the next event links to another one"
        same = "that has the id of the true one" if line.id == chosen.id else "of its own"
        return f"another event under the same number, {same}"

    def verdict(self, keys: Keys, bounds: Bounds) -> Verdict:
        runs = list(self._runs())
        for first, last in runs:
            self._prove(first, last, keys)
        present = sorted(self._true)
        altered = {number for number, _ in self.altered if number not in self._true}
        foreign = {line.number for line, _ in self._foreign if line.number not in self._true}
        known = sorted({*present, *altered, *foreign})
        last = bounds.last or (known[-1] if known else 0)
        beats = [line for line in self._true.values() if line.kind == HEARTBEAT]
        newest = max(beats, key=lambda line: line.number) if beats else None
        findings = [
            *_missing(known, bounds.first, last),
            *_gathered("altered", [(number, line, self._how(number, line)) for number, line in self.altered]),
            *_gathered("foreign", [(line.number, line, why) for line, why in self._foreign]),
            *self._signatures,
            *self._reordered(),
            *self._doubled(),
        ]
        return Verdict(
            self.sink,
            len(self._true),
            bounds.first,
            last,
            findings,
            sorted(self._proved),
            runs,
            newest.at_ms if newest else 0,
            newest.number if newest else 0,
        )

    def _how(self, number: int, line: Line) -> str:
        if number in self._true:
            return "a copy; the true one is there, too"
        return "" if line.kind else "it cannot be read; cut off, perhaps"

    def _runs(self) -> Iterable[tuple[int, int]]:
        """Ranges in which each event links to the one before it."""
        first = before = 0
        for number in sorted(self._true):
            if before and number == before + 1 and self._true[number].previous == self._true[before].digest:
                before = number
                continue
            if before:
                yield first, before
            first = before = number
        if before:
            yield first, before

    def _prove(self, first: int, last: int, keys: Keys) -> None:
        """By the newest true signature in a range; older ones are in what it signs."""
        for number in range(last, first - 1, -1):
            line = self._true[number]
            if line.kind == SEGMENT and not self._sums_up(line, first):
                self._signatures.append(Finding("signature", number, number, "it sums up other events", (_at(line),)))
            if line.kind not in (HEARTBEAT, SEGMENT) or not keys or self._is_proved(number):
                continue
            if why := keys.why_not(line):
                self._signatures.append(Finding("signature", number, number, why, (_at(line),)))
            else:
                self._proved.append((first, number))

    def _is_proved(self, number: int) -> bool:
        return bool(self._proved) and self._proved[-1][0] <= number <= self._proved[-1][1]

    def _sums_up(self, line: Line, first: int) -> bool:
        """Whether a summary is of the events before it, as far as they are all there."""
        begins, ends, count = (line.detail.get(name) for name in ("first", "last", "count"))
        if type(begins) is not int or ends != line.number - 1 or count != line.number - begins or begins < 1:
            return False
        if begins < first:
            return True
        told = digest_of_range(self._true[number].digest for number in range(begins, line.number))
        return bool(line.detail.get("digest") == told)

    def _doubled(self) -> list[Finding]:
        again: list[tuple[int, Line, str]] = []
        for number, lines in self._found.items():
            same = [line for line in lines if number in self._true and line.digest == self._true[number].digest]
            again.extend((number, line, "the same event again") for line in same[1:])
        return _gathered("doubled", again)

    def _reordered(self) -> list[Finding]:
        stored: dict[int, list[tuple[int, Line]]] = {}
        for number, lines in self._found.items():
            if number in self._true:
                first = next(line for line in lines if line.digest == self._true[number].digest)
                stored.setdefault(first.file, []).append((first.place, first))
        moved = [
            line
            for file in stored.values()
            for line in _out_of_place([line for _, line in sorted(file, key=lambda each: each[0])])
        ]
        return _gathered("reordered", [(line.number, line, "not where it was written") for line in moved])


def _is_signed(line: Line, keys: Keys) -> bool:
    return line.kind in (HEARTBEAT, SEGMENT) and not keys.why_not(line)


def _at(line: Line) -> tuple[int, int]:
    return line.file, line.place


def _missing(known: Sequence[int], first: int, last: int) -> list[Finding]:
    found = []
    expected = first
    for number in known:
        if number > expected and expected <= last:
            found.append(Finding("missing", expected, min(number - 1, last)))
        expected = max(expected, number + 1)
    if expected <= last:
        found.append(Finding("missing", expected, last))
    return found


def _gathered(what: str, each: list[tuple[int, Line, str]]) -> list[Finding]:
    """As ranges of one reason."""
    found: list[Finding] = []
    for number, line, why in sorted(each, key=lambda one: (one[2], one[0])):
        if found and found[-1].why == why and number - found[-1].last in (0, 1):
            where = found[-1].where if len(found[-1].where) > 2 else (*found[-1].where, _at(line))
            found[-1] = found[-1]._replace(last=number, where=where)
        else:
            found.append(Finding(what, number, number, why, (_at(line),)))
    return found


def _out_of_place(stored: list[Line]) -> list[Line]:
    """What must be moved to bring a file into order: both of two that were exchanged; else as few as possible."""
    ordered = sorted(stored, key=lambda line: line.number)
    wrong = [at for at, line in enumerate(stored) if line.number != ordered[at].number]
    places: dict[int, int] = {ordered[at].number: at for at in wrong}
    if all(stored[places[stored[at].number]].number == ordered[at].number for at in wrong):
        return [stored[at] for at in wrong]
    kept = _longest_rising([line.number for line in stored])
    return [line for at, line in enumerate(stored) if at not in kept]


def _longest_rising(numbers: list[int]) -> set[int]:
    """Places of a longest rising part."""
    ends: list[int] = []
    at_end: list[int] = []
    before: list[int] = []
    for at, number in enumerate(numbers):
        length = bisect_left(ends, number)
        ends[length : length + 1] = [number]
        at_end[length : length + 1] = [at]
        before.append(at_end[length - 1] if length else -1)
    kept: set[int] = set()
    at = at_end[-1] if at_end else -1
    while at >= 0:
        kept.add(at)
        at = before[at]
    return kept
