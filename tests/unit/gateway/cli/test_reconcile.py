"""What `lockstep reconcile` takes, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli.drift import document_of, show_plan, show_results
from gateway.cli.exits import Code, Ending
from gateway.cli.moments import moment_of
from gateway.cli.reconcile import _end, _rate
from gateway.reconcile.values import Kind, Result, Wish

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (None, None),
        ("2h", NOW - 7200),
        ("3d", NOW - 3 * 86400),
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T22:13:20", NOW),
        ("2023-11-14T23:13:20+01:00", NOW),
        ("2023-11-14", NOW - 80_000),
    ],
)
def test_a_moment(text: str | None, at: float | None) -> None:
    assert moment_of(text, "--since", NOW) == at


@pytest.mark.parametrize("text", ["", "yesterday", "2", "2023-13-01"])
def test_no_moment(text: str) -> None:
    with pytest.raises(Ending, match="--since should be") as ended:
        moment_of(text, "--since", NOW)
    assert ended.value.code is Code.WRONG_USE


@pytest.mark.parametrize(("text", "rate"), [(None, None), ("60", 60.0), ("0.5/min", 0.5)])
def test_a_rate(text: str | None, rate: float | None) -> None:
    assert _rate(text) == rate


@pytest.mark.parametrize("text", ["0", "-1/min", "nan", "inf", "60/s", ""])
def test_no_rate(text: str) -> None:
    with pytest.raises(Ending) as ended:
        _rate(text)
    assert ended.value.code is Code.WRONG_USE


def ended(results: dict[str, int], stopped: dict[str, str] | None = None) -> dict[str, Any]:
    return {"results": results, "stopped": stopped or {}, "guarded": {"jira": 12}, "flow": "incidents"}


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (ended({}), None),
        (ended({"applied": 3, "unchanged": 1, "conflict": 1, "held": 1, "duplicate": 1}), None),
        (ended({"applied": 3, "failed": 1}), Code.SOME_FAILED),
        (ended({"unknown": 1, "failed": 1}), Code.STILL_UNKNOWN),
        (ended({"skipped": 12, "failed": 1}, {"jira": "12 are gone"}), Code.STOPPED_BY_GUARD),
        (ended({"skipped": 2}), None),
    ],
)
def test_how_it_ends(found: dict[str, Any], code: Code | None) -> None:
    if code is None:
        _end(found)
        return
    with pytest.raises(Ending) as end:
        _end(found)
    assert end.value.code is code


def test_the_guard_says_what_to_do() -> None:
    with pytest.raises(Ending, match="lockstep reconcile incidents --most-gone 12"):
        _end(ended({"skipped": 12}, {"jira": "12 are gone"}))


def test_the_sum_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    show_results(ended({"applied": 12, "unchanged": 1, "": 2}))
    assert capsys.readouterr().out == "15 = 12 applied + 2 not ended + 1 unchanged\n"


def test_every_kind_has_a_sign(capsys: pytest.CaptureFixture[str]) -> None:
    groups = [
        {"kind": str(kind), "connection": "jira", "field": "", "outcome": "", "count": 1, "samples": []}
        for kind in Kind
    ]
    plan = {"run": "rc1", "flow": "incidents", "since": NOW, "until": None, "counts": {}, "notes": ["a note"]}
    show_plan({**plan, "stopped": {}, "guarded": {}, "groups": groups})
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1 + len(Kind)
    assert "2023-11-14 22:13:20Z to now" in said.err and "a note" in said.err


def test_a_document_names_what_has_not_ended() -> None:
    assert document_of(ended({"": 1, "applied": 2}), [])["results"] == {"not_ended": 1, "applied": 2}


@pytest.mark.parametrize(
    ("at", "slack_s", "covered"),
    [(None, 0.0, True), (10.0, 0.0, True), (20.0, 0.0, True), (9.0, 0.0, False), (9.0, 1.0, True), (21.0, 0.5, False)],
)
def test_a_window_counts_both_ends(at: float | None, slack_s: float, covered: bool) -> None:
    assert Wish(since=10.0, until=20.0).covers(at, slack_s=slack_s) is covered
    assert Wish().covers(at)


def test_words_fit_their_columns() -> None:
    assert max(map(len, [*Kind, *Result])) <= 12
