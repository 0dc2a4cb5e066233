"""The shortest schedules that once broke a promise, replayed. Each says what was wrong."""

from __future__ import annotations

import pytest

from tests.promises.direct import DirectDatabase
from tests.promises.schedules import replay
from tests.promises.settings import named
from tests.promises.simulated import run
from tests.promises.story import Op

TRACES = {
    "the natural key was forgotten while the record had no fields yet, and a second record was made": (
        "create_stamp",
        """
        create a; hook a/a0:1:snapshot; poll a a0; hook a/poll:1; create b
        """,
    ),
    "a discarded create was tried again with nothing in it": (
        "mix_create",
        """
        create b; hook b/b0:1:snapshot; begin 0 c one; go 0 c one ok; go 0 c one refused; operator c refused
        discard
        """,
    ),
    "a retried comment left its case in a retry for ever": (
        "mix_conditional",
        """
        edit c c0 x new; comment c c0; hook c/c0:3:item; begin 0 a one; go 0 a one refused; operator a refused
        retry
        """,
    ),
    "what a write went over was in a late notice, and nobody looked": (
        "bare",
        """
        edit b b0 y new; hook b/b0:2:snapshot; edit a a0 x new; begin 0 b one; hook a/a0:2:snapshot; go 0 b one
        ok; edit b b0 x new; begin 0 a one; go 0 a one ok; go 0 a one ok
        """,
    ),
    "a person who declared an outcome left the lane parked without a case": (
        "conditional",
        """
        edit c c0 y new; edit a a0 x new; edit c c0 y new; edit b b0 y new; twice a/a0:2:snapshot; begin 0 c
        one; hook a/poll:1; poll a a0; crash; hook c/c0:2:snapshot; flood; poll b b0; begin 0 b one; begin 0 a
        one; hook b/poll:1; go 0 a one throttled; begin 0 a one; hook a/a0:3:snapshot; go 0 c one ok; go 0 a one
        ok; begin 0 c one; wait; hook b/b0:3:snapshot; begin 0 c one; go 0 c one down; wait; begin 0 c one; go 0
        c one ok; go 0 c one ok; operator c unknown_outcome declare_applied
        """,
    ),
    "a retry that a second worker proved to have worked left its case open": (
        "mix_kept",
        """
        edit c c0 x new; edit c c0 y new; edit c c0 y new; edit c c0 y back; hook c/c0:5:snapshot; begin 0 b
        one; go 0 b one ok; go 0 b one ok; go 0 b one refused; operator b refused retry; begin 0 b one; go 0 b
        one ok; go 0 b one ok; steal 0 b
        """,
    ),
    "a retry whose outcome a person declared left its case open": (
        "mix",
        """
        edit c c0 status new; hook c/c0:2:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; go 0 b one
        refused; operator b refused retry; begin 0 b one; go 0 b one ok; go 0 b one ok; crash; begin 0 b one; go
        0 b one ok; go 0 b one ok; begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one; operator b
        unknown_outcome declare_applied
        """,
    ),
    "one field that somebody else had typed alike proved a whole write that never arrived": (
        "mix_conditional",
        """
        comment a a0; edit b b0 tags new; hook a/a0:2:item; begin 0 b one; go 0 b one ok; edit a a0 tags back;
        edit c c0 tags new; edit a a0 x new; edit a a0 y new; begin 0 b one; go 0 b one ok; edit b b0 tags back;
        hook a/a0:4:snapshot; go 0 b one ok; go 0 b one late
        """,
    ),
    "a comment that landed late was sent again without a look": (
        "mix_delta",
        """
        comment b b0; hook b/b0:2:item; begin 0 a one; go 0 a one ok; go 0 a one ok; go 0 a one late; begin 0 a
        one; go 0 a one ok; go 0 a one ok; begin 0 a one; go 0 a one ok; go 0 a one ok; begin 0 a one; go 0 a
        one ok; go 0 a one ok; land a; lose a/a0:2:item
        """,
    ),
    "an edit had the time of the read before our write, and the history was not asked what that read had seen": (
        "hasty_minutes",
        """
        edit b b0 x new; hook b/b0:2:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 a one; go 0 a
        one ok; edit a a0 x new; go 0 a one ok; go 0 a one ok; go 0 a one ok; go 0 a one ok
        """,
    ),
    "an outcome declared while the gateway still looked left the lane without its attempt": (
        "counter_kept",
        """
        edit a a0 x new; hook a/a0:2:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; go 0 b one never;
        begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one; go 0 b one ok; go 0 b one ok; operator b
        unknown_outcome declare_applied; wait; operator b unknown_outcome declare_applied
        """,
    ),
    "a clock that was set back hid how long a worker had been stopped before its request": (
        "fire_rivals_history",
        """
        edit c c0 x new; hook c/c0:2:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; freeze 0 b; go 0 b
        two ok; go 0 b two ok; begin 0 b two; go 0 b two ok; jump -3600
        """,
    ),
    "a create landed late behind the next one, and was seen when its values had been forgotten": (
        "fire_eager_create",
        """
        create b; create a; hook b/b0:1:snapshot; go 0 c one ok; slow 0 c one lands; begin 0 c one; go 0 c one ok;
        twice a/a0:1:snapshot; go 0 c one ok; slow 0 c one lands
        """,
    ),
    "a sweep told of an object whose create was still looked for, and nobody answered its notice": (
        "fire_eager_create",
        """
        create c; edit c c0 status new; edit c c0 x new; hook c/c0:3:snapshot; steal 0 a; go 0 a two ok; go 0 a
        two lost; sweep a ids
        """,
    ),
    "the echo of a write that nobody could look for came before the notice of what it had gone over": (
        "noprobe",
        """
        edit b b0 x new; hook b/b0:2:snapshot; edit c c0 x new; begin 0 c one; go 0 c one ok; hook
        c/c0:3:snapshot; crash
        """,
    ),
    "a write that nobody could look for went over a newer decision, and its echo counted as that one": (
        "noprobe",
        """
        edit b b0 x new; edit c c0 y new; edit c c0 x new; hook c/c0:2:snapshot; begin 0 b one; go 0 b one ok;
        go 0 b one ok; begin 0 c one; go 0 c one late; begin 0 c one
        """,
    ),
    "a write that had been sent anew landed a second time, over an edit, and the value looked as it had before": (
        "overtaken",
        """
        edit a a0 x new; hook a/a0:2:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; go 0 b one late;
        begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one;
        go 0 b one ok; go 0 b one ok; begin 0 b one; go 0 b one ok; go 0 b one ok; go 0 b one ok; edit b b0 x
        back; land b; hook b/b0:4:snapshot
        """,
    ),
    "a late write went over an edit where no history tells of it, and no window was open for its notice": (
        "late_kept",
        """
        edit a a0 x new; hook a/a0:2:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; go 0 b one late;
        begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one;
        go 0 b one ok; go 0 b one ok; edit b b0 x new; land b; hook b/b0:3:snapshot
        """,
    ),
    "a read showed a late write, nothing was left to send, and nobody asked the history what it had gone over": (
        "late_history",
        """
        edit a a0 x new; hook a/a0:2:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; go 0 b one late;
        begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one;
        go 0 b one ok; go 0 b one ok; edit b b0 x new; land b; begin 0 b one; go 0 b one ok; go 0 b one ok
        """,
    ),
    "an edit between a read of an object and a read of its history counted as looked through": (
        "create_stamp",
        """
        create a; hook a/a0:1:snapshot; begin 0 a one; create b; go 0 a one ok; go 0 a one ok; begin 0 b one; go
        0 b one ok; edit b b0 status new; go 0 b one ok; edit b b0 status back
        """,
    ),
    "a sweep told of a person's object while ours was being created, and nobody answered its notice": (
        "fire_mix_create",
        """
        create a; hook a/a0:1:snapshot; begin 0 c one; go 0 c one ok; create c; sweep c ids
        """,
    ),
    "an old notice showed the value that a write would have brought back, and counted as its echo": (
        "fire_noprobe",
        """
        intake; edit c c0 y new; edit a a0 x new; hook c/c0:2:snapshot; edit a a0 x back; hook a/a0:2:snapshot;
        begin 0 c one; go 0 c one ok; go 0 c one ok; go 0 c one ok; go 0 c one ok; trouble c failing; hook
        a/a0:3:snapshot; begin 0 c one; stop one
        """,
    ),
    "the echo of a write that a person had declared applied looked like an edit after the one it went over": (
        "noprobe",
        """
        edit a a0 y new; edit c c0 y new; hook a/a0:2:snapshot; begin 0 c one; go 0 c one ok; crash; begin 0 c
        one; operator c unknown_outcome declare_applied
        """,
    ),
    "a window closed although somebody had put the old value back inside it, and that was written over": (
        "overtaken",
        """
        edit b b0 x new; hook b/b0:2:snapshot; begin 0 a one; go 0 a one ok; go 0 a one ok; go 0 a one late;
        begin 0 a one; go 0 a one ok; go 0 a one ok; begin 0 a one; go 0 a one ok; go 0 a one ok; begin 0 a one;
        go 0 a one ok; go 0 a one ok; begin 0 a one; go 0 a one ok; go 0 a one ok; go 0 a one ok; edit a a0 x
        back; crash
        """,
    ),
    "the echo of a write came after a notice that its value had been taken back, and counted as what stands there": (
        "noprobe",
        """
        edit a a0 x new; hook a/a0:2:snapshot; begin 0 c one; go 0 c one ok; edit c c0 x back; crash; begin 0 c
        one; hook c/c0:3:snapshot; hook c/c0:2:snapshot
        """,
    ),
    "an edit after an unproved write was told first, and the one that the write had gone over was stale then": (
        "noprobe",
        """
        edit a a0 x new; hook a/a0:2:snapshot; begin 0 c one; edit c c0 x new; go 0 c one ok; edit c c0 x new;
        crash; begin 0 c one; hook c/c0:4:snapshot; hook c/c0:2:snapshot; hook c/c0:3:snapshot
        """,
    ),
    "an edit was told, then one made over our late write that followed it, and the first stood nowhere": (
        "late_kept",
        """
        edit a a0 x new; hook a/a0:2:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; go 0 b one late;
        begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one;
        go 0 b one ok; go 0 b one ok; edit b b0 x new; land b; edit b b0 x new; hook b/b0:2:snapshot; hook
        b/b0:4:snapshot
        """,
    ),
    "a late write went over an edit and was edited itself before anybody looked, so that nothing showed its value": (
        "late_kept",
        """
        edit a a0 x new; hook a/a0:2:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; go 0 b one late;
        begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one;
        go 0 b one ok; go 0 b one ok; edit b b0 x new; land b; edit b b0 x new; hook b/b0:4:snapshot
        """,
    ),
    "a late write was taken back where the window ends, which looked like nothing new, and was written over": (
        "overtaken",
        """
        edit a a0 x new; edit a a0 x new; hook a/a0:3:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; go 0 b
        one late; begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0 b one; go 0 b one ok; go 0 b one ok; begin 0
        b one; go 0 b one ok; land b; edit b b0 x back; hook b/b0:3:snapshot
        """,
    ),
    "a worker whose clock was ahead took its first look for a late one, and the write landed after that": (
        "fire_late_ticks",
        """
        edit a a0 x new; hook a/a0:2:snapshot; begin 0 a one; go 0 a one ok; go 0 a one ok; skew two 600; begin 0 b
        one; go 0 b one ok; go 0 b one ok; edit b b0 x new; steal 0 b; go 0 b one ok; edit b b0 x new
        """,
    ),
    "a value that a person chose to wait for was written over by a request that was on its way already": (
        "fire_noprobe",
        """
        edit b b0 y new; edit b b0 y new; edit c c0 y new; twice b/b0:3:snapshot; begin 0 c one; steal 0 c; flood
        """,
    ),
    "a person's retry of a comment waited behind an outcome that nobody could tell, and was called forgotten": (
        "fire_mix_conditional",
        """
        intake; edit c c0 y new; comment c c0; hook c/c0:2:snapshot; hook c/c0:3:item; begin 0 a one; flood; go 0 a
        one refused; edit a a0 x new; edit a a0 tags new; begin 0 a one; crash; operator a refused retry
        """,
    ),
    "a late write hid an edit that we had brought, and who typed over the late write had not seen that edit": (
        "fire_overtaken",
        """
        edit a a0 x new; edit b b0 x new; hook a/a0:2:snapshot; begin 0 b one; go 0 b one ok; go 0 b one ok; slow 0 b
        one lands; begin 0 b one; go 0 b one ok; go 0 b one ok; edit a a0 x new; flood; begin 0 b one; go 0 b one ok;
        go 0 b one ok; go 0 b one ok; land b; go 0 b one ok; edit b b0 x new; flood
        """,
    ),
    "somebody typed what we had sent, which proved our write, and the write landed over a later edit": (
        "overtaken",
        """
        edit a a0 x new; edit b b0 x new; hook b/b0:2:snapshot; edit b b0 x back; hook b/b0:3:snapshot; begin 0 a one;
        go 0 a one ok; go 0 a one ok; edit b b0 x new; edit a a0 x back; go 0 a one late; begin 0 a one; go 0 a one
        ok; go 0 a one ok; flood; begin 0 a one; go 0 a one ok; go 0 a one ok; go 0 a one ok
        """,
    ),
    "a write was given up while the clock was set back, was forgotten when it was set right, and looked like an edit": (
        "fire_noprobe",
        """
        edit a a0 x new; hook a/a0:2:snapshot; edit c c0 y new; edit c c0 x new; begin 0 c one; skew two -3600; steal
        0 c
        """,
    ),
}


def read(trace: str) -> list[Op]:
    """The operations of a trace as it is printed."""
    return [tuple(int(word) if word.isdigit() else word for word in op.split()) for op in trace.split(";")]


@pytest.mark.parametrize("wrong", TRACES)
def test_stays_mended(wrong: str, database: DirectDatabase) -> None:
    name, trace = TRACES[wrong]
    assert run(replay(named(name), read(trace), database)) == []
