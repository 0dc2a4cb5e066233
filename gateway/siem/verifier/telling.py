"""Says what was found, for people and for programs; and the command line of the program that stands alone."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from base64 import b64decode
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.siem.verifier.ed25519 import is_signed
from gateway.siem.verifier.judging import Bounds, Finding, Keys, Verdict, judged
from gateway.siem.verifier.parsing import Reader
from gateway.siem.verifier.reading import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMPLETE, FINDINGS, UNREADABLE = 0, 1, 2
"""Exit codes."""
HARMLESS = "doubled"
"""The same event again is what a receiver gets when a connection breaks: told, but nothing is wrong."""
_KEY = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])")
_MANY = 20


class Wish(NamedTuple):
    """What to verify, and how strictly."""

    files: list[str]
    sink: str = ""
    bounds: Bounds = Bounds()
    ignored: tuple[str, ...] = ()
    max_age_s: float = 0.0
    """Of the newest heartbeat; 0: any."""


class Result(NamedTuple):
    """Of all files together."""

    verdicts: list[Verdict]
    others: int
    """Pieces that are none of ours."""
    failed: list[str]
    """Files that cannot be read, and why."""
    stale: list[str]
    """Feeds whose newest heartbeat is too old."""
    broken: list[tuple[int, int]]
    """File and line of events whose end is lost, so that nobody can say which they were."""

    @property
    def code(self) -> int:
        if self.failed or not (self.verdicts or self.broken):
            return UNREADABLE
        wrong = any(each.what != HARMLESS for verdict in self.verdicts for each in verdict.findings)
        return FINDINGS if wrong or self.stale or self.broken else COMPLETE


def verified(wish: Wish, keys: Keys, now: float) -> Result:
    """Reads all files and judges every feed in them, or the one that is wished for."""
    reader = Reader(frozenset(wish.ignored))
    failed: list[str] = []
    verdicts = judged(lines_of(wish.files, reader, failed), keys, wish.bounds)
    if wish.sink:
        verdicts = [each for each in verdicts if each.sink == wish.sink]
    limit = wish.max_age_s
    stale = [each.sink for each in verdicts if limit and now - each.heartbeat_ms / 1000 > limit]
    return Result(verdicts, reader.others, failed, stale, reader.broken)


def in_words(result: Result, wish: Wish, signed: bool, now: float) -> Iterator[str]:
    """For people, feed by feed, the verdict last."""
    for verdict in result.verdicts:
        events = f"{verdict.events:,} event{'' if verdict.events == 1 else 's'}"
        yield f"{verdict.sink}: {events}, {_range(verdict.first, verdict.last)}"
        for each in verdict.findings[:_MANY]:
            yield f"  {_finding(each, wish.files)}"
        if len(verdict.findings) > _MANY:
            yield f"  and {len(verdict.findings) - _MANY} more findings; --json names all"
        yield f"  {_proof(verdict, signed)}"
        yield f"  {_heartbeat(verdict, now)}{'; that is too old' if verdict.sink in result.stale else ''}"
    yield from result.failed
    if not result.verdicts:
        yield f"no event of {f'the feed {wish.sink}' if wish.sink else 'Lockstep'} in these files"
    if result.broken:
        where = ", ".join(f"{wish.files[file]}:{place}" for file, place in result.broken[:3])
        yield f"cut off: {len(result.broken):,} of Lockstep's without their end; receivers cut what is long [{where}]"
    if result.others:
        yield f"{result.others:,} other line{'' if result.others == 1 else 's'}, not looked at"
    yield {COMPLETE: "complete", FINDINGS: "NOT complete", UNREADABLE: "not all could be read"}[result.code]


def for_programs(result: Result, wish: Wish) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "verdict": {COMPLETE: "complete", FINDINGS: "findings", UNREADABLE: "unreadable"}[result.code],
        "feeds": [
            {
                **{name: value for name, value in verdict._asdict().items() if name != "findings"},
                "proved_to": verdict.proved_to,
                "findings": [
                    {**each._asdict(), "where": [f"{wish.files[file]}:{place}" for file, place in each.where]}
                    for each in verdict.findings
                ],
            }
            for verdict in result.verdicts
        ],
        "stale": result.stale,
        "broken": [f"{wish.files[file]}:{place}" for file, place in result.broken],
        "others": result.others,
        "failed": result.failed,
    }


def keys_of(text: str) -> list[bytes]:
    """Public keys, each base64 of 32 octets, among whatever stands with them; or a file with that in it, such as what
    `lockstep audit key` and `lockstep audit chain` say. Raises ValueError if there is none.
    """
    if os.path.exists(text):  # noqa: PTH110 - one import less in a program of one file
        with open(text, encoding="utf-8") as file:  # noqa: PTH123
            text = file.read()
    found = [b64decode(each) for each in _KEY.findall(text)]
    if not found:
        raise ValueError("there is no public key in it: base64 of 32 octets, as `lockstep audit key` shows it")
    return found


def _finding(each: Finding, files: Sequence[str]) -> str:
    count = each.last - each.first + 1
    why = f": {each.why}" if each.why else ""
    where = ", ".join(f"{files[file]}:{place}" for file, place in each.where)
    many = f" ({count:,})" if count > 1 else ""
    return f"{each.what} {_range(each.first, each.last)}{many}{why}{f' [{where}]' if where else ''}"


def _proof(verdict: Verdict, signed: bool) -> str:
    if not signed:
        chains = ", ".join(_range(*each) for each in verdict.chained) or "nothing"
        return f"holds together: {chains}; not proved by a signature, for want of a key (--key)"
    if not verdict.proved:
        return "proved: nothing; no true signature of this key is in a whole part of the feed"
    ranges = ", ".join(_range(*each) for each in verdict.proved)
    after = verdict.last - verdict.proved[-1][1]
    tail = f"; the last {after:,} not yet signed" if after > 0 else ""
    return f"proved: {ranges}{tail}"


def _heartbeat(verdict: Verdict, now: float) -> str:
    if not verdict.heartbeat:
        return "no heartbeat"
    at = verdict.heartbeat_ms / 1000
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at))
    return f"last heartbeat: {verdict.heartbeat:,}, {stamp}, {_age(now - at)} ago"


def _age(seconds: float) -> str:
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"


def _range(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def main(given: Sequence[str] | None = None) -> int:
    """Prints what was found, and returns the exit code."""
    asked = _asked(given)
    try:
        keys = Keys([key for each in asked.key for key in keys_of(each)], is_signed)
    except (OSError, ValueError) as error:
        print(f"--key: {error}", file=sys.stderr)  # noqa: T201
        return UNREADABLE
    wish = Wish(asked.files, asked.sink, Bounds(asked.first, asked.last), tuple(asked.ignore), asked.max_age)
    now = time.time()
    result = verified(wish, keys, now)
    if asked.json:
        print(json.dumps(for_programs(result, wish), indent=2))  # noqa: T201
    else:
        for line in in_words(result, wish, bool(keys), now):
            print(line)  # noqa: T201
    return result.code


def _asked(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Proves that a feed of Lockstep is complete, from what its receiver stored.",
        epilog="Exit codes: 0 complete, 1 findings, 2 something cannot be read.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="any order, also gzipped; - is stdin")
    parser.add_argument("--key", action="append", default=[], help="public key, base64 or a file; may be repeated")
    parser.add_argument("--sink", default="", help="only this feed")
    parser.add_argument("--from", dest="first", type=int, default=1, help="number that the feed should begin with")
    parser.add_argument("--to", dest="last", type=int, default=0, help="number that it should end with")
    parser.add_argument("--ignore", action="append", default=[], help="name that the receiver adds to JSON events")
    parser.add_argument("--max-age", type=float, default=0.0, help="seconds that the last heartbeat may be old")
    parser.add_argument("--json", action="store_true", help="all findings, for programs")
    return parser.parse_args(given)
