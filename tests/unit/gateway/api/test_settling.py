"""Numbers that become visible in another order than they were drawn in: none is passed over."""

from __future__ import annotations

from random import Random

from gateway.work.pulse import LONGEST_S, Settling


def test_a_number_that_may_still_come_holds_up_those_after_it() -> None:
    settling = Settling()
    settling.saw(3, [], xmin=100, xmax=100, at=0.0)
    settling.saw(3, [], xmin=100, xmax=100, at=0.5)
    assert settling.settled == 3
    # 4 was drawn by transaction 101, which still runs; 5 is there.
    settling.saw(5, [5], xmin=101, xmax=103, at=1.0)
    assert settling.settled == 3
    settling.saw(5, [4, 5], xmin=103, xmax=103, at=1.5)
    assert settling.settled == 5


def test_a_number_that_was_never_used_is_passed_over_when_nobody_can_bring_it() -> None:
    settling = Settling()
    settling.saw(1, [], xmin=10, xmax=10, at=0.0)
    settling.saw(1, [], xmin=10, xmax=10, at=0.5)
    settling.saw(4, [2, 4], xmin=11, xmax=13, at=1.0)
    assert settling.settled == 2
    settling.saw(4, [4], xmin=12, xmax=13, at=1.5)
    assert settling.settled == 2
    settling.saw(4, [4], xmin=13, xmax=14, at=2.0)
    assert settling.settled == 4


def test_a_foreign_transaction_does_not_hold_it_up_for_ever() -> None:
    settling = Settling()
    settling.saw(7, [], xmin=5, xmax=50, at=0.0)
    settling.saw(7, [], xmin=5, xmax=60, at=LONGEST_S - 1)
    assert settling.settled is None
    settling.saw(7, [], xmin=5, xmax=70, at=LONGEST_S)
    assert settling.settled == 7


def test_whatever_the_order_of_commits_every_number_is_told_once_in_its_turn() -> None:
    for seed in range(300):
        _play(Random(seed))


def _play(chance: Random) -> None:
    """Transactions with ids draw numbers while they run and commit, or roll back, whenever they like."""
    running: dict[int, list[int]] = {}
    visible: set[int] = set()
    told: list[int] = []
    lost: set[int] = set()
    next_id, next_number = 1, 1
    settling = Settling()
    settling.saw(0, [], xmin=1, xmax=1, at=0.0)
    settling.saw(0, [], xmin=1, xmax=1, at=0.0)
    for turn in range(120):
        match chance.choice(("begin", "draw", "draw", "end", "look", "look")):
            case "begin" if len(running) < 4:
                running[next_id] = []
                next_id += 1
            case "draw" if running:
                running[chance.choice(sorted(running))].append(next_number)
                next_number += 1
            case "end" if running:
                drawn = running.pop(chance.choice(sorted(running)))
                (visible if chance.random() < 0.8 else lost).update(drawn)
            case "look":
                before = settling.settled or 0
                following = sorted(number for number in visible if number > before)
                xmin = min(running, default=next_id)
                settling.saw(max(visible, default=0), following, xmin=xmin, xmax=next_id, at=float(turn) / 100)
                told += sorted(number for number in visible if before < number <= (settling.settled or 0))
    assert told == sorted(told)
    # All that is there and settled was told: nothing came up later below what was told already.
    assert set(told) == {number for number in visible if number <= (settling.settled or 0)}
