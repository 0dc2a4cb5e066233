"""Every cause has its sentences, and they are fit to read."""

from __future__ import annotations

import string

import pytest

from dead_letter.classify import Cause, class_of
from dead_letter.values import CaseClass, CaseState, Step
from dead_letter.wording import MAX_TITLE, describe, next_step, title

PLACES = {"connection": "jira-prod", "thing": "OPS-12", "field": "priority", "value": "P9", "said": "it is archived."}


@pytest.mark.parametrize("cause", list(Cause))
def test_a_title_is_one_plain_sentence(cause: Cause) -> None:
    for text in (title(cause, **PLACES), title(cause)):
        assert text
        assert text[0] in string.ascii_letters
        assert not text.endswith(".")
        assert "\n" not in text
        assert "{" not in text
        assert "  " not in text


@pytest.mark.parametrize("cause", list(Cause))
def test_what_to_do_next_is_said(cause: Cause) -> None:
    text = next_step(class_of(cause), cause, connection="jira-prod")
    assert text.endswith(".")
    assert "{" not in text


@pytest.mark.parametrize("cls", list(CaseClass))
def test_a_cause_of_somebody_else_gets_its_classs_advice(cls: CaseClass) -> None:
    assert next_step(cls, "custom.cause").endswith(".")


def test_a_long_answer_is_cut_and_put_on_one_line() -> None:
    text = title(Cause.TARGET_REFUSED, connection="jira", thing="OPS-1", said="no\n" + "very " * 100 + "\0")
    assert len(text) == MAX_TITLE
    assert text.endswith("...")
    assert "no very very" in text


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
