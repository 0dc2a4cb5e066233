"""P9 over a schedule: the chain is whole and signed, and every outcome of an attempt stands in it once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import orjson

from gateway.audit.chain import Head
from gateway.audit.links import GENESIS
from gateway.audit.segments import Checker, Stretch, rows_within
from tests.promises.direct import SIGNER, DirectDatabase

_OUTCOMES = "SELECT id, outcome FROM attempt WHERE outcome <> 'open'"
_ENTRIES = "SELECT kind, detail FROM audit WHERE kind IN (SELECT DISTINCT outcome FROM attempt)"


def faults(database: DirectDatabase) -> Iterator[str]:
    """What is wrong with the trail, in words."""
    heads = database.raw.execute("SELECT seq, link, key, signature FROM audit_head").fetchall()
    head = Head(*heads[0]) if heads else Head(0, GENESIS, "", "")
    floors = database.raw.execute("SELECT seq, link FROM audit_floor").fetchall()
    floor, start = floors[0] if floors else (0, GENESIS)
    checker = Checker(Stretch(floor, head.seq), start)
    checker.take(database.raw.execute(rows_within("?", "?"), (0, 1 << 60)).fetchall())
    found = checker.end()
    if found.missing or found.changed or found.added or found.erased:
        yield f"missing {found.missing}, changed {found.changed}, added {found.added}, erased {found.erased}"
    if found.last != head.link or (head.seq and not head.holds(SIGNER)):
        yield f"entry {head.seq} is not signed as the newest"
    if any(kind == "audit_broken" for _, _, kind, _ in found.told):
        yield "the gateway took its own trail for tampered with"
    yield from _outcomes(database, told_of=0 if floor else 1)


def _outcomes(database: DirectDatabase, told_of: int) -> Iterator[str]:
    """`told_of`: 0 where entries may have gone by their age."""
    told = Counter((kind, orjson.loads(detail).get("attempt")) for kind, detail in database.raw.execute(_ENTRIES))
    for attempt, outcome in database.raw.execute(_OUTCOMES):
        # That it is unknown is said when it becomes so, and once more when nobody will ever know.
        times = told[(outcome, attempt)]
        if times < told_of or (times > 1 and outcome != "unknown"):
            yield f"{outcome} of {attempt} stands in the trail {times} times"
