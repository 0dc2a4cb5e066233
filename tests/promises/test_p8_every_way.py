"""P8 against every way in which the program comes to write, whatever happens in between."""

from __future__ import annotations

import ast
import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.promises.direct import DirectDatabase
from tests.promises.leaving import ACTS, KINDS, PEOPLE, Told, play
from tests.support.broken import without

ROOT = Path(__file__).parents[2]
USUAL = 60
EXAMPLES = int(os.environ.get("LOCKSTEP_P8_STORIES", "15"))
"""Per kind of record; `make leavers` takes more."""

DECIDES = {
    "gateway/app/consume.py": ("webhooks", "polled", "journal_replayed"),  # pollers, sweeps, files and SCIM pushes, too
    "gateway/delivery/scout.py": ("create", "webhooks"),  # an object that was only hinted at
    "gateway/delivery/runner.py": ("lanes_work", "next_is_answered", "late_ones_land", "waiting_notices_taken_up"),
    "gateway/delivery/apart.py": ("looked", "remark_heard"),  # wakers and lanes that a flow let go
    "gateway/delivery/renewed.py": ("lanes_work",),  # what waited for a credential
    "gateway/sync/lane_port.py": ("case_decided", "corrected", "side_chosen", "outcome_declared"),
    "gateway/sweeps/expiry.py": ("memories_expire",),
    "gateway/sweeps/readback.py": ("read_back",),
    "gateway/reconcile/repair.py": ("read_back", "looked"),
    "gateway/work/replay_carrying.py": ("case_decided", "looked"),
    "gateway/work/replay_through.py": ("notice_understood_anew",),
    "gateway/work/readmitting.py": (),  # the way back itself: test_p8_readmitted
}
"""Module that has the core decide about records -> the acts of a story that stand for it."""
SAYS = {
    "gateway/sync/absorb.py": ("webhooks", "lanes_work"),
    "gateway/sync/conflict.py": ("webhooks", "lanes_work"),
    "gateway/sync/operator.py": ("corrected", "side_chosen"),
    "gateway/sync/remarks.py": ("remark_heard",),
    "gateway/sync/reread.py": ("notice_understood_anew",),
    "gateway/sync/fan_out.py": ("remark_heard",),  # a template's values are the record's own: test_p8_departed
    "gateway/sync/referee.py": (),  # the successor, who is looked up like anybody
    "gateway/sync/reviving.py": (),  # the way back
    "gateway/work/replay_foresight.py": (),  # on a copy that is thrown away
    "gateway/work/replay_journal.py": (),  # on a copy that is thrown away
}
"""Module that gives a field a value -> the acts that stand for it."""
STARTS = {"gateway/sync/plan.py"}
"""Modules that begin attempts. All of them ask the referee."""
SENDS = {"gateway/delivery/runner.py"}
"""Modules that hand an attempt to a connector."""
ENDS_ACCESS = "gateway/offboarding/"
"""Only takes away, and hands over to who has not left: tests of departures."""


def calls() -> Iterator[tuple[str, str, str]]:
    """Module, what is called on, what is called; of everything that runs as the gateway."""
    for package in ("gateway", "replay", "dead_letter"):
        for path in sorted((ROOT / package).rglob("*.py")):
            module = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                if isinstance(node.func, ast.Attribute):
                    yield module, ast.unparse(node.func.value).rpartition(".")[2], node.func.attr
                elif isinstance(node.func, ast.Name):
                    yield module, "", node.func.id


def test_the_table_names_all_that_decide_write_and_send() -> None:
    found = list(calls())
    core = {"gateway/sync/batch.py", "gateway/sync/decider.py"}
    verbs = {"decide", "accept", "discover", "take_up"}
    asked = {module for module, on, name in found if on in ("decider", "_decider") and name in verbs}
    batches = {module for module, on, name in found if (on, name) == ("", "Batch")}
    deciding = {each for each in (asked | batches) - core if not each.startswith(ENDS_ACCESS)}
    assert deciding == DECIDES.keys()
    said = {module for module, on, name in found if on in ("unit", "child", "parent") and name == "decide"}
    assert said == SAYS.keys()
    assert {module for module, on, name in found if (on, name) == ("", "Attempt")} == STARTS
    assert {module for module, on, name in found if (on, name) == ("connector", "apply")} == SENDS
    assert {act for acts in (*DECIDES.values(), *SAYS.values()) for act in acts} <= ACTS.keys()


@pytest.fixture(scope="module")
def store() -> Iterator[DirectDatabase]:
    made = DirectDatabase()
    yield made
    made.dispose()


ACT = st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 11), st.sampled_from(PEOPLE))
WORK: Told = ("lanes_work", 0, PEOPLE[0])
BRING: Told = ("webhooks", 0, PEOPLE[0])
STORIES = st.lists(st.one_of(ACT, ACT, st.just(WORK), st.just(BRING)), min_size=4, max_size=24)


def stories(store: DirectDatabase, kind: str, most: int, *, shrinks: bool = True) -> None:
    """So many, always the same unless there are more than usual."""

    @settings(
        max_examples=most,
        deadline=None,
        database=None,
        derandomize=most <= USUAL,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if shrinks else [Phase.generate],
    )
    @given(before=STORIES, after=STORIES, back=st.one_of(st.just([]), STORIES))
    def holds(before: list[Told], after: list[Told], back: list[Told]) -> None:
        asyncio.run(play(store, kind, before, after, back))

    holds()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_given_to_who_has_left(store: DirectDatabase, kind: str) -> None:
    stories(store, kind, EXAMPLES)


@pytest.mark.parametrize(
    ("mechanism", "kind"),
    [
        ("LEAVES TOO", "crew"),
        ("LEAVES LATER", "crew"),
        ("FIELDS", "duty"),
        ("FIELDS", "band"),
        ("MARK", "crew"),
        ("MARK", "seat"),
        ("SPELLING", "duty"),
        ("NOBODY", "duty"),
    ],
)
def test_is_broken_without(store: DirectDatabase, mechanism: str, kind: str) -> None:
    with without(mechanism), pytest.raises(AssertionError):
        stories(store, kind, USUAL, shrinks=False)
