"""The position in a history whose ids are committed in any order."""

from __future__ import annotations

import random

from gateway.notify.tail import WIDEST, Horizon, Position, moved


def test_without_late_transactions_the_position_is_the_last_line() -> None:
    assert moved(Position(4), [5, 6], None, None) == Position(6)
    assert moved(Position(4), [], None, None) == Position(4)


def test_a_gap_is_remembered_until_its_transaction_must_have_ended() -> None:
    first = moved(Position(4), [6], Horizon(90, 100), Horizon(95, 103))
    assert first == Position(6, {5: 103})
    # A transaction that was open then may still be open: 102 < 103.
    still = moved(first, [], Horizon(102, 110), Horizon(102, 110))
    assert still == Position(6, {5: 103})
    assert moved(still, [], Horizon(103, 110), Horizon(103, 110)) == Position(6)


def test_a_late_line_is_taken_once() -> None:
    first = moved(Position(4), [6], Horizon(90, 100), Horizon(90, 100))
    assert moved(first, [5], Horizon(90, 101), Horizon(90, 101)) == Position(6)


def test_lines_that_were_forgotten_long_ago_are_no_gap() -> None:
    position = moved(Position(0), [10_000_000], Horizon(1, 2), Horizon(1, 2))
    assert len(position.missing) == WIDEST


def test_any_order_of_commits_gives_every_line_exactly_once() -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    for _ in range(200):
        _history(chance, seed)


def _history(chance: random.Random, seed: int) -> None:
    """Transactions take a number, then an id, and end in any order; some roll back. A look reads what is committed."""
    waiting: dict[int, list[int]] = {}
    next_tx = next_id = 1
    committed: set[int] = set()
    position, seen = Position(), list[int]()

    def look() -> None:
        nonlocal position
        horizon = Horizon(min(waiting, default=next_tx), next_tx)
        ids = [id for id in committed if id > position.after or id in position.missing]
        position = moved(position, ids, horizon, horizon)
        seen.extend(ids)

    wanted = set[int]()
    for _ in range(40):
        match chance.randrange(4):
            case 0 | 1:
                waiting[next_tx] = list(range(next_id, next_id + chance.randrange(1, 4)))
                next_id += len(waiting[next_tx])
                next_tx += 1
            case 2 if waiting:
                ids = waiting.pop(chance.choice(list(waiting)))
                if chance.random() < 0.7:
                    committed.update(ids)
                    wanted.update(ids)
            case _:
                look()
    for ids in waiting.values():
        committed.update(ids)
        wanted.update(ids)
    waiting.clear()
    look()
    look()
    assert sorted(seen) == sorted(wanted), f"seed {seed}"
    assert not position.missing, f"seed {seed}"
