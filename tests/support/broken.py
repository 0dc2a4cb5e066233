"""Composing the gateway with one part replaced by a broken one, to see that a promise's check notices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest

from tests.contract.broken import leavers, parents, parts, people, rules, tasks, trail, workers

WITHOUT: Mapping[str, rules.Breaking] = {
    "ATTEMPT": rules.attempt,
    "HOLD": rules.hold,
    "REBASE": rules.rebase,
    "PREREAD": rules.preread,
    "GAP": rules.gap_check,
    "EXT": rules.ext,
    "CARRY": rules.carry,
    "READ": rules.read,
    "IDENT": rules.ident,
    "TOMB": rules.tomb,
    "PARKF": rules.parkf,
    "GHOST": rules.ghost,
    "STEPS": rules.step,
    "ITEMS": rules.marker,
    "UNION3": rules.union3,
    "FENCE": rules.fence,
    "NOPROBE": rules.noprobe,
    "ECHO": rules.echo,
    "TURNS": rules.turns,
    "LOOP GUARD": rules.loop_guard,
    "PATIENCE": rules.suspicious,
    "DURABLE ANSWER": parts.answers_first,
    "CURSOR LAST": parts.cursor_first,
    "ACKNOWLEDGE LAST": parts.acknowledges_first,
    "DELIVERY KEYS": parts.forgets_deliveries,
    "RECEIPTS": parts.purges_by_age_alone,
    "BREAKER": parts.breaker_off,
    "FREE OUTAGE": parts.counts_outages,
    "FREE CREDENTIALS": parts.blames_records_for_credentials,
    "FREE THROTTLE": parts.counts_throttling,
    "OWN LANE": parts.blames_the_connection,
    "LEASES": parts.leaves_the_dead,
    "REVISION": workers.believes_its_memory,
    "ONE CLOCK": workers.goes_by_its_own_clock,
    "NOT LATE": workers.sends_late,
    "TOLD": tasks.alone,
    "ONE TASK": tasks.anew,
    "WAKES": tasks.by_the_process,
    "FALLBACK": people.held,
    "GROUP": people.nobody,
    "ONE VERSION": people.for_ever,
    "PARENTS FIRST": parents.unordered,
    "OWN IDS": parents.verbatim,
    "IN TIME": parents.patiently,
    "SIGNED PLACE": trail.unsigned_place,
    "SUSPICION": trail.believing,
    "NEWEST": trail.unfinished,
    "DETAILS": trail.heads_only,
    "SAME TRANSACTION": trail.afterwards,
    "NAMED ERASURE": trail.silently,
    "OLDEST FIRST": trail.from_the_middle,
    "FILE": trail.without_a_file,
    "LEAVES TOO": leavers.let_records_be,
    "LEAVES LATER": leavers.at_birth_only,
    "FIELDS": leavers.by_canonical_values,
    "MARK": leavers.from_memory,
    "SPELLING": leavers.by_spelling,
    "NOBODY": leavers.successors_only,
    "OUTCOMES": trail.nothing_of_outcomes,
}
"""Mechanism -> what takes it out. The capitals are the rule names of SYNC.md's model."""


@contextmanager
def without(mechanism: str) -> Iterator[None]:
    """The gateway lacks this mechanism inside."""
    with ExitStack() as stack:
        WITHOUT[mechanism](stack)
        yield


async def rejects(check: Callable[[str], Awaitable[None]], mechanism: str, url: str) -> None:
    """The check fails on a gateway without the mechanism; anything but a failed assertion is an error of the test."""
    with without(mechanism), pytest.raises(AssertionError):
        await check(url)
