"""Every cause has its advice, titles are short, and a history is fit to read."""

from __future__ import annotations

import pytest

from dead_letter.classify import Cause, class_of
from dead_letter.values import CaseClass, CaseState, Step
from dead_letter.wording import MAX_TITLE, describe, headline, next_step


@pytest.mark.parametrize("cause", list(Cause))
def test_what_to_do_next_is_said(cause: Cause) -> None:
    text = next_step(class_of(cause), cause, connection="jira-prod")
    assert text.endswith(".")
    assert "{" not in text


@pytest.mark.parametrize("cls", list(CaseClass))
def test_a_cause_of_somebody_else_gets_its_classs_advice(cls: CaseClass) -> None:
    assert next_step(cls, "custom.cause").endswith(".")


def test_a_long_answer_is_cut_after_a_whole_word_and_put_on_one_line() -> None:
    text = headline("jira refuses the write:\nno " + "very " * 100 + "\0")
    assert len(text) <= MAX_TITLE
    assert text.startswith("jira refuses the write: no very very")
    assert text.endswith("very…")


@pytest.mark.parametrize("length", [MAX_TITLE, MAX_TITLE + 1, MAX_TITLE * 3])
def test_one_long_word_is_cut_too(length: int) -> None:
    for text in (headline("x" * length), headline("it said " + "x" * length)):
        assert len(text) <= MAX_TITLE
        assert len(text) > MAX_TITLE // 2


def test_a_short_title_stays_as_it_is_but_for_the_final_stop() -> None:
    assert headline(" jira refuses priority: it is archived. ") == "jira refuses priority: it is archived"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            {"name": "decided", "action": "resolve", "choice": "snow", "reason": "snow is right"},
            "ann decided resolve snow (snow is right)",
        ),
        ({"name": "decided", "action": "retry"}, "ann decided retry"),
        ({"name": "closed", "action": "obsolete", "reason": "newer"}, "ann closed it as obsolete (newer)"),
        ({"name": "changed", "changed": ("cause", "evidence.answer")}, "cause, evidence.answer changed"),
        ({"name": "came_back"}, "it came back"),
        ({"name": "opened"}, "it was opened"),
    ],
)
def test_a_step_in_words(step: dict[str, object], said: str) -> None:
    values = {"at": 0.0, "version": 2, "state": CaseState.OPEN, "actor": "ann", **step}
    assert describe(Step(**values)) == said  # type: ignore[arg-type]
