"""Rules are held against streams that break them, and must object: one that lets a wrong stream pass proves nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.streams import place as places
from tests.contract.streams import rules
from tests.contract.streams.broken import wrong
from tests.contract.streams.place import Place
from tests.contract.streams.test_sqlite import sqlite_place

Rule = Callable[[Place], Awaitable[None]]

WRONG: list[tuple[Rule, str, object]] = [
    (rules.order_per_key_is_kept, wrong.PARTITION, wrong.any_partition),
    (rules.keys_live_where_kafka_puts_them, wrong.PARTITION, wrong.any_partition),
    (rules.append_many_keeps_order_and_crosses_partitions, wrong.WRITER, wrong.ReversesFrames),
    (rules.nothing_is_committed_past_an_unfinished_value, wrong.RUNNER, wrong.AcknowledgesFirst),
    (rules.a_restart_goes_on_behind_what_is_committed, wrong.CONSUMER, wrong.NeverCommits),
    (rules.a_failing_handler_gets_the_same_batch_again, wrong.RUNNER, wrong.SkipsOnError),
    (rules.a_failing_handler_gets_the_same_batch_again, wrong.RUNNER, wrong.ReordersOnError),
    (rules.a_stop_finishes_the_batch_in_hand, wrong.RUNNER, wrong.DropsTheBatchInHand),
    (rules.a_consumer_that_died_silently_is_restarted, wrong.WATCHDOG, wrong.NeverStalls),
    (rules.a_handler_that_hangs_is_given_the_batch_again, wrong.WATCHDOG, wrong.NeverStalls),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    # A wrong stream often just never does the right thing, so the rule ends by its patience; here it need not be long.
    monkeypatch.setattr(places, "PATIENCE_S", 4.0)
    return sqlite_place(tmp_path / "stream.db")


@pytest.mark.parametrize(("rule", "target", "part"), WRONG, ids=lambda part: getattr(part, "__name__", ""))
async def test_the_rule_objects(rule: Rule, target: str, part: object, place: Place) -> None:
    with wrong.part(target, part), pytest.raises((AssertionError, TimeoutError)):
        await rule(place)


async def test_stock_commits_pass_an_unfinished_batch_and_ours_do_not(place: Place) -> None:
    """Upstream issue 606: with two batches at once, the later one's commit covers the earlier. Ours stops before it."""
    rule = rules.what_follows_an_unfinished_batch_is_not_committed
    with wrong.part(wrong.RUNNER, wrong.HandlesTwoAtOnce):
        with wrong.part(wrong.CONSUMER, wrong.CommitsAsStockFaust), pytest.raises((AssertionError, TimeoutError)):
            await rule(place)
        await rule(sqlite_place(Path(f"{place.url.removeprefix('sqlite:///')}.second")))


async def test_the_rule_objects_to_answers_before_the_value_is_durable(place: Place) -> None:
    with pytest.raises(AssertionError):
        await rules.append_is_durable_before_it_returns(replace(place, open_stream=wrong.open_early))
